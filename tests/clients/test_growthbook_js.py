"""@growthbook/growthbook under Node and in Chromium against the running service."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.shop import FALLBACK, Shop, node, nowhere

SCRIPT = "growthbook_node.mjs"
PAGE = "growthbook_web"
MINE = {"mine": True}
VISITORS = [*(f"v-{n}" for n in range(15)), "Мария", "שרה", "🛒-👩‍👩‍👧"]
DECISION = {"variant": "reusable", "reason": "won"}
Run = Callable[[str, dict[str, Any]], Any]


def in_node(task: str, told: dict[str, Any]) -> Any:
    return node(SCRIPT, task, told)


@pytest.fixture(params=["node", pytest.param("chromium", marks=pytest.mark.browser)])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a task of the SDK in either place."""
    if request.param == "node":
        return in_node
    pages: Shop = request.getfixturevalue("pages")

    def in_chromium(task: str, told: dict[str, Any]) -> Any:
        with pages.browser(PAGE) as browser:
            found = browser.run(task, told)
            if task == "expose":
                browser.wait_for(lambda: 200 in browser.statuses("/track?client_key="))
            return found

    return in_chromium


def test_the_sdk_gives_every_visitor_the_variant_and_the_offer_of_the_server(shop: Shop, run: Run) -> None:
    key = shop.experiment("gb", audience={"country": "RU"}, coverage=0.8)
    attributes = [{"id": unit, "country": "RU"} for unit in VISITORS]
    answer = run("evaluate", shop.given(key, attributes=attributes))
    ours = [shop.assigned(key, unit, country="RU") for unit in VISITORS]
    assert (answer["success"], answer["error"]) == (True, None)
    assert [one.get("variant") for one in answer["found"]] == [one["variant"] for one in ours]
    assert [one["value"] for one in answer["found"]] == [one["offer"] for one in ours]
    assert {one["source"] for one in answer["found"]} == {"experiment", "defaultValue"}


def test_a_stranger_gets_the_fallback(shop: Shop, run: Run) -> None:
    key = shop.experiment("gb", audience={"country": "RU"}, fallback=FALLBACK)
    answer = run("evaluate", shop.given(key, attributes=[{"id": "v-1", "country": "DE"}, {"country": "RU"}]))
    offer = shop.assigned(key, "v-1", country="DE")["offer"]
    assert [one["value"] for one in answer["found"]] == [offer, offer]  # the second has no id


def test_the_server_evaluates_for_the_sdk(shop: Shop, run: Run) -> None:
    key = shop.experiment("gb", local_evaluation=False)
    answer = run("remote", shop.given(key, attributes=[{"id": "v-1"}]))
    found = answer[0] if isinstance(answer, list) else answer
    ours = shop.assigned(key, "v-1")
    assert found == {"value": ours["offer"], "viewed": [[key, ours["variant"]]]}


def test_the_tracking_plugin_stores_each_exposure_once(shop: Shop, run: Run) -> None:
    key = shop.experiment("gb")
    run("expose", shop.given(key, visitors=VISITORS))
    assert shop.exposed(key, len(VISITORS)) == sorted(shop.variants(key, VISITORS))


@pytest.mark.parametrize(
    ("told", "says"),
    [({"key": "olk_pub_wrong"}, "401"), ({"url": nowhere()}, "")],
    ids=["wrong key", "nobody there"],
)
def test_without_an_answer_the_shop_s_own_default_is_served(
    shop: Shop, run: Run, told: dict[str, Any], says: str
) -> None:
    key = shop.experiment("gb")
    answer = run("evaluate", shop.given(key, attributes=[{"id": "v-1"}]) | told)
    assert answer["success"] is False
    assert says in answer["error"]
    assert answer["mine"] == MINE


def test_an_unknown_feature_is_the_shop_s_own_default(shop: Shop, run: Run) -> None:
    answer = run("evaluate", shop.given("nobody-knows-it", attributes=[{"id": "v-1"}]))
    assert (answer["mine"], answer["found"][0]["source"]) == (MINE, "unknownFeature")


def test_changes_are_pushed_to_the_node_sdk(shop: Shop) -> None:
    key = shop.experiment("gb")
    actions: list[Any] = [["pause", {}, "defaultValue"], ["resume", {}, "experiment"]]
    actions += [["stop", {}, "defaultValue"], ["decide", DECISION, "force"]]
    seen = node(SCRIPT, "change", shop.given(key, actions=actions))
    sources = ["experiment", "defaultValue", "experiment", "defaultValue", "force"]
    assert [one["source"] for one in seen] == sources
    assert seen[0]["value"] == seen[2]["value"]
    assert seen[4]["value"]["percent"] == 15


@pytest.mark.browser
def test_changes_are_pushed_to_the_page(pages: Shop) -> None:
    key = pages.experiment("gb")
    told = pages.given(key)
    with pages.browser(PAGE) as browser:
        seen = [browser.run("begin", told)]
        for action, body, source in (
            ("pause", None, "defaultValue"),
            ("resume", None, "experiment"),
            ("stop", None, "defaultValue"),
            ("decide", DECISION, "force"),
        ):
            pages.act(key, action, body)
            seen.append(browser.run("noticed", told | {"source": source}))
        assert browser.statuses("/sub/") == [200]
        assert browser.complaints == []
    sources = ["experiment", "defaultValue", "experiment", "defaultValue", "force"]
    assert [one["source"] for one in seen] == sources
    assert seen[4]["value"]["percent"] == 15


@pytest.mark.browser
def test_exposures_leave_with_the_page(pages: Shop) -> None:
    key = pages.experiment("gb")
    with pages.browser(PAGE) as browser:
        browser.run("expose", pages.given(key, visitors=VISITORS[:3], wait=60_000))
        assert browser.statuses("/track") == []
        browser.page.goto(f"{pages.origin}/{PAGE}.html?another")
        assert pages.exposed(key, 3) == sorted(pages.variants(key, VISITORS[:3]))
        assert browser.complaints == []
