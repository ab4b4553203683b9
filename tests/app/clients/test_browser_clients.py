"""The snippet and the OpenFeature hook in a real Chromium, from another origin, under a strict policy.

Oracles: the assignments door, the exported exposures, what the browser complains about, `gzip`.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

import app.clients
from tests.app.clients.bad_service import silent_socket, until
from tests.app.clients.storefront import Storefront, storefront
from tests.support.browser import Watched, chromium_missing, chromium_page
from tests.support.inprocess import definition
from tests.support.live import Live, live_service

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_missing() is not None, reason=str(chromium_missing())),
]
WEB = Path(app.clients.__file__).parent / "web"
SNIPPET = (WEB / "offerlab.js").read_text(encoding="utf-8")
KEY = "promo-code-reuse"
TELL = "key => offerlab.offer(key, {kind: 'none'})"


@dataclass(frozen=True)
class Shop:
    """A storefront, the service behind it and a publishable key."""

    front: Storefront
    live: Live
    key: str

    def open(self, watched: Watched, path: str = "/", **data: str) -> None:
        """Open a page with the snippet; further `data-` attributes by name."""
        said = {"url": self.live.url, "key": self.key, **data}
        attributes = " ".join(f"data-{name.replace('_', '-')}='{value}'" for name, value in said.items())
        address = self.front.page(path, f"<script src='/offerlab.js' {attributes} defer></script>")
        watched.page.goto(address)

    def exposures(self) -> int:
        """How many the ledger holds."""
        with self.live.client() as http:
            text = http.get(f"/api/v1/experiments/{KEY}/export/exposures.csv").text
        return len(text.splitlines()) - 1

    def served(self, visitor: str) -> dict[str, Any]:
        """What the assignments door says."""
        headers = {"authorization": f"Bearer {self.key}"}
        body = {"visitor_id": visitor, "experiments": [KEY]}
        answer = httpx.post(f"{self.live.url}/api/v1/assignments", json=body, headers=headers)
        found: dict[str, Any] = answer.json()["assignments"][0]
        return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with storefront() as front:
        settings = {"OFFERLAB_PUBLIC_ORIGINS": front.url}
        with live_service(tmp_path_factory.mktemp("browser"), settings) as live:
            front.script("/offerlab.js", SNIPPET)
            front.policy = f"default-src 'none'; script-src 'self' {live.url}; connect-src *"
            with live.client() as http:
                assert http.post("/api/v1/experiments", json=definition()).status_code == 201
                assert http.post(f"/api/v1/experiments/{KEY}/start").status_code == 200
                key = http.post("/api/v1/keys", json={"kind": "pub", "name": "web"}).json()["key"]

            def is_known() -> bool:
                headers = {"authorization": f"Bearer {key}"}
                answer = httpx.post(
                    f"{live.url}/api/v1/assignments", json={"visitor_id": "v"}, headers=headers
                )
                return answer.is_success and bool(answer.json()["assignments"])

            assert until(is_known)
            yield Shop(front, live, key)


def test_the_snippet_is_smaller_than_3_kb() -> None:
    assert len(gzip.compress(SNIPPET.encode(), 9)) < 3000


def test_it_gives_the_offer_of_the_service_and_keeps_its_visitor(shop: Shop) -> None:
    shop.front.policy = f"default-src 'none'; script-src 'self'; connect-src {shop.live.url}"
    with chromium_page() as watched:
        shop.open(watched, budget_ms="5000")
        first = watched.page.evaluate(TELL, KEY)
        visitor = watched.page.evaluate("offerlab.visitor")
        assert first["source"] == "server"
        ours = shop.served(visitor)
        assert (first["variant"], first["offer"]) == (ours["variant"], ours["offer"])
        assert first["inExperiment"] is True
        shop.open(watched, "/second", budget_ms="5000")
        assert watched.page.evaluate("offerlab.visitor") == visitor
        assert watched.page.evaluate(TELL, KEY) == first
        cookies = {cookie["name"]: cookie for cookie in watched.page.context.cookies()}
        assert cookies["offerlab_visitor"]["value"] == visitor
        assert cookies["offerlab_visitor"]["sameSite"] == "Lax"
        watched.page.context.clear_cookies()  # as Safari does after a week
        shop.open(watched, "/third", budget_ms="5000")
        assert watched.page.evaluate("offerlab.visitor") == visitor
        assert watched.complaints == []
        assert watched.hosts == {urlsplit(shop.front.url).netloc, urlsplit(shop.live.url).netloc}


def test_an_exposure_is_stored_once_also_after_a_reload_and_when_the_page_is_left(shop: Shop) -> None:
    before = shop.exposures()
    with chromium_page() as watched:
        shop.open(watched, budget_ms="5000")
        assert watched.page.evaluate(f"offerlab.exposure('{KEY}')") is True
        assert watched.page.evaluate(f"offerlab.exposure('{KEY}')") is False
        watched.page.goto("about:blank")  # the beacon outlives the page
        assert until(lambda: shop.exposures() == before + 1)
        shop.open(watched, budget_ms="5000")
        assert watched.page.evaluate(f"offerlab.exposure('{KEY}')") is True  # another page says it again
        assert watched.page.evaluate("offerlab.exposure('nowhere')") is False
        with watched.page.expect_response("**/v1/track") as answered:
            watched.page.evaluate("offerlab.track('seen-twice', 2)")
        assert answered.value.status == 200
        assert watched.complaints == []
    assert shop.exposures() == before + 1


def test_without_sendbeacon_a_fetch_is_kept_alive(shop: Shop) -> None:
    before = shop.exposures()
    with chromium_page() as watched:
        watched.page.add_init_script("navigator.sendBeacon = () => false")
        shop.open(watched, budget_ms="5000")
        assert watched.page.evaluate(f"offerlab.exposure('{KEY}')") is True
        watched.page.goto("about:blank")
        assert until(lambda: shop.exposures() == before + 1)


def _hanging(shop: Shop) -> tuple[float, dict[str, Any]]:
    """Milliseconds until the offer, and the offer, where the service accepts and never answers."""
    shop.front.policy = "default-src 'none'; script-src 'self'; connect-src *"
    with silent_socket() as silent, chromium_page() as watched:
        shop.open(watched, url=silent, budget_ms="300")
        asked = f"offerlab.offer('{KEY}', {{kind: 'none'}})"
        work = f"{asked}.then((offer) => [performance.now(), offer])"
        patience = "new Promise((resolve) => setTimeout(() => resolve([9999, {}]), 3000))"
        found = watched.page.evaluate(f"Promise.race([{work}, {patience}])")
        return found[0], found[1]


def test_a_hanging_service_costs_the_budget_and_then_the_fallback_shows(shop: Shop) -> None:
    at_ms, found = _hanging(shop)
    assert at_ms < 2000  # since the page was opened; the budget is 300
    assert (found["source"], found["reason"]) == ("fallback", "TIMEOUT")
    assert (found["offer"], found["variant"], found["inExperiment"]) == ({"kind": "none"}, None, False)


def test_the_measurement_sees_a_snippet_without_a_deadline(shop: Shop) -> None:
    """Planted bug: nothing races with the request."""
    race = 'Promise.race([ask(stop.signal).catch(() => "NO_ANSWER"), overdue])'
    planted = SNIPPET.replace(race, "ask()")
    assert planted != SNIPPET
    shop.front.script("/offerlab.js", planted)
    try:
        assert _hanging(shop)[0] == 9999
    finally:
        shop.front.script("/offerlab.js", SNIPPET)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"key": "olk_pub_wrong"}, "NO_ANSWER"),
        ({"experiments": "other"}, "NO_ANSWER"),
        ({}, "UNKNOWN_EXPERIMENT"),
    ],
)
def test_every_other_trouble_is_the_fallback_too(shop: Shop, data: dict[str, str], reason: str) -> None:
    with chromium_page() as watched:
        shop.open(watched, **{"budget_ms": "5000", **data})
        found = watched.page.evaluate(TELL, KEY if data else "nowhere")
        assert (found["source"], found["reason"], found["offer"]) == ("fallback", reason, {"kind": "none"})
        assert watched.page.evaluate(f"offerlab.exposure('{KEY}')") is (not data)


def test_a_page_without_storage_still_gets_an_offer(shop: Shop) -> None:
    blocked = "for (const [of, name] of [[Document.prototype, 'cookie'], [window, 'localStorage']])"
    blocked += " Object.defineProperty(of, name, {get() { throw new Error('blocked') }})"
    with chromium_page() as watched:
        watched.page.add_init_script(blocked)
        shop.open(watched, budget_ms="5000", attributes="not json")
        assert watched.page.evaluate(TELL, KEY)["source"] == "server"


def test_it_may_be_loaded_from_the_service_itself(shop: Shop) -> None:
    shop.front.policy = f"default-src 'none'; script-src 'self' {shop.live.url}; connect-src {shop.live.url}"
    source = f"{shop.live.url}/static/clients/offerlab.js"
    head = f"<script src='{source}' data-key='{shop.key}' data-budget-ms='5000'></script>"
    with chromium_page() as watched:
        watched.page.goto(shop.front.page("/from-service", head))
        assert watched.page.evaluate(TELL, KEY)["source"] == "server"
        assert watched.complaints == []


# ---- the OpenFeature hook: called in the shapes of the web SDK, loaded as a module from the service


def test_the_hook_and_the_tracking_reach_the_ledger(shop: Shop) -> None:
    shop.front.policy = f"default-src 'none'; script-src 'self' {shop.live.url}; connect-src {shop.live.url}"
    before, visitor = shop.exposures(), "hooked-1"
    variant = shop.served(visitor)["variant"]
    use = f"""
      import {{ exposures, tracking }} from "{shop.live.url}/static/clients/openfeature-hook.js";
      window.hook = exposures("{shop.live.url}", "{shop.key}");
      window.provider = tracking({{ metadata: {{ name: "any" }} }}, "{shop.live.url}", "{shop.key}");
    """
    shop.front.script("/use.js", use)
    details = "{variant, reason, flagMetadata: {assignmentReason: reason}}"
    context = f"{{targetingKey: '{visitor}'}}"
    evaluate = f"([variant, reason]) => hook.after({{flagKey: '{KEY}', context: {context}}}, {details})"
    with chromium_page() as watched:
        watched.page.goto(shop.front.page("/hook", "<script type=module src='/use.js'></script>"))
        watched.page.wait_for_function("window.provider")
        for told in ([variant, "SPLIT"], [variant, "SPLIT"], [None, "DEFAULT"], [variant, "DECIDED"]):
            watched.page.evaluate(evaluate, told)
        with watched.page.expect_response("**/v1/track") as answered:
            watched.page.evaluate(f"provider.track('added-to-cart', {context}, {{value: 3}})")
        assert answered.value.status == 200
        assert watched.page.evaluate("provider.metadata.name") == "any"
        assert watched.complaints == []
    assert until(lambda: shop.exposures() == before + 1)


def test_a_module_is_about_ten_lines_and_needs_nothing_else() -> None:
    source = (WEB / "openfeature-hook.js").read_text(encoding="utf-8")
    code = [
        line for line in source.splitlines() if line.strip() and not line.lstrip().startswith(("//", "/*"))
    ]
    assert len(code) <= 20
    assert not any(line.startswith("import ") for line in code)
