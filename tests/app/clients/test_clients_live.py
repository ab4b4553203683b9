"""The Python clients against the running service. Oracles: its assignments door and its exports."""

import asyncio
import csv
import io
import itertools
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from app.clients import Answer, AsyncClient, Client, Options
from tests.app.clients.bad_service import BadService, until
from tests.app.clients.conftest import HurriedClock
from tests.support.inprocess import SIDE_BY_SIDE, definition
from tests.support.live import ROOT, Live, live_service

KEY = "promo-code-reuse"
SEEN_SECONDS = 10.0
QUICK = Options(poll_seconds=0.05, budget_seconds=1.0, send_seconds=0.05)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("clients")) as running:
        with running.client() as http:
            start(http)
            start(http, key="customers", unit="customer", seed="1111111111111111")
            start(http, key="half", coverage=0.37, audience={"country": "RU"}, seed="2222222222222222")
        yield running


def start(http: httpx.Client, **fields: Any) -> None:
    made = http.post("/api/v1/experiments", json=definition(**fields))
    assert made.status_code == 201, made.text
    assert http.post(f"/api/v1/experiments/{made.json()['key']}/start", json=SIDE_BY_SIDE).status_code == 200


@pytest.fixture(scope="module")
def key(live: Live) -> str:
    """A srv key that every worker knows."""
    with live.client() as http:
        made = str(http.post("/api/v1/keys", json={"kind": "srv", "name": "shop"}).json()["key"])

    def is_known() -> bool:
        headers = {"authorization": f"Bearer {made}"}
        answer = httpx.get(f"{live.url}/api/v1/configuration", headers=headers)
        return answer.is_success and len(answer.json()["experiments"]) >= 3

    assert until(is_known)
    return made


def served(live: Live, key: str, body: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """What the assignments door says: experiment → variant, reason, offer."""
    answer = httpx.post(
        f"{live.url}/api/v1/assignments", json=body, headers={"authorization": f"Bearer {key}"}
    )
    return {
        item["experiment"]: (item["variant"], item["reason"], item["offer"])
        for item in answer.json()["assignments"]
    }


def told(answer: Answer) -> tuple[Any, ...]:
    return answer.variant, answer.reason, answer.offer


def exported(live: Live, name: str, experiment: str = KEY) -> list[dict[str, str]]:
    with live.client() as http:
        text = http.get(f"/api/v1/experiments/{experiment}/export/{name}.csv").text
    return list(csv.DictReader(io.StringIO(text)))


def test_two_thousand_ids_get_the_answers_of_the_running_service(live: Live, key: str) -> None:
    ids = [f"v-{n}" for n in range(1400)] + [f"Мария-{n}" for n in range(300)]
    ids += [f"שרה-{n}" for n in range(150)] + [f"🛒{n}" for n in range(150)]
    different, local = [], 0
    http = httpx.Client(base_url=live.url, headers={"authorization": f"Bearer {key}"})
    with http, Client(live.url, key, QUICK) as client:
        assert client.ready(SEEN_SECONDS)
        for unit in ids:
            body = {"visitor_id": unit, "attributes": {"country": "RU"}}
            items = http.post("/api/v1/assignments", json=body).json()["assignments"]
            for item in items:
                ours = client.assign(item["experiment"], unit, attributes={"country": "RU"})
                local += ours.source == "local"
                if told(ours) != (item["variant"], item["reason"], item["offer"]):
                    different.append((item, ours))
        assert client.asked == 0
    assert different == []
    assert local == 6_000


def test_what_only_the_server_knows_is_asked_of_it(live: Live, key: str) -> None:
    with Client(live.url, key, QUICK) as client:
        assert client.ready(SEEN_SECONDS)
        first = next(
            (f"x-{n}", f"y-{n}")
            for n in range(99)
            if client.assign(KEY, f"x-{n}").variant != client.assign(KEY, f"y-{n}").variant
        )
        client.identify(first[0], "c-known")
        assert client.flush(SEEN_SECONDS)

        def canonical() -> bool:
            """The customer's other device gets the variant of the first one."""
            return client.assign(KEY, first[1], "c-known").variant == client.assign(KEY, first[0]).variant

        assert until(canonical)
        answer = client.assign(KEY, first[1], "c-known")
        assert answer.source == "server"
        body = {"visitor_id": first[1], "customer_id": "c-known"}
        assert told(answer) == served(live, key, body)[KEY]
        assert client.assign("customers", first[1], "c-known").source == "local"


def test_a_frozen_experiment_keeps_its_enrolled_and_takes_nobody_new(live: Live, key: str) -> None:
    with live.client() as http:
        start(http, key="freezing", seed="3333333333333333")
    with Client(live.url, key, QUICK) as client:
        assert until(lambda: client.assign("freezing", "old").source == "local")
        before = client.assign("freezing", "old")
        assert client.track_exposure(before) is not None
        assert client.flush(SEEN_SECONDS)
        with live.client() as http:
            assert http.post("/api/v1/experiments/freezing/freeze").status_code == 200
        assert until(lambda: client.assign("freezing", "new").reason == "FROZEN")
        assert until(lambda: client.assign("freezing", "old").reason == "SPLIT")
        kept, refused = client.assign("freezing", "old"), client.assign("freezing", "new")
        assert (kept.variant, kept.source) == (before.variant, "server")
        assert (refused.variant, refused.source, refused.in_experiment) == (None, "server", False)


def test_a_change_is_seen_by_polling_and_is_the_only_body_that_comes(live: Live, key: str) -> None:
    with live.client() as http:
        start(http, key="changing", seed="4444444444444444")
    with Client(live.url, key, QUICK) as client:
        assert until(lambda: client.assign("changing", "v-1").reason == "SPLIT")
        fetched = client.polls.fetched
        seen = client.polls.not_modified
        assert until(lambda: client.polls.not_modified >= seen + 3)
        assert client.polls.fetched == fetched
        with live.client() as http:
            assert http.post("/api/v1/experiments/changing/pause").status_code == 200
        assert until(lambda: client.assign("changing", "v-1").reason == "PAUSED")
        assert client.polls.fetched == fetched + 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_events_are_in_the_ledger_once_although_answers_are_lost(
    live: Live, key: str, bad: BadService, clock: HurriedClock, kind: str
) -> None:
    """Every other batch is stored by the real ledger and its answer dropped on the way back."""
    turn, exposed_before = itertools.count(), len(exported(live, "exposures"))
    bad.upstream = live.url
    bad.plan = lambda _service, path: "drop" if "events" in path and next(turn) % 2 == 0 else "fine"
    options = Options(clock=clock, rng=Random(11), budget_seconds=1.0)
    with Client(live.url, key, QUICK) as asking:
        assert asking.ready(SEEN_SECONDS)
        answers = [asking.assign(KEY, f"{kind}-{n}") for n in range(60)]

    def report(client: Client | AsyncClient, answer: Answer, number: int) -> None:
        assert client.track_exposure(answer) is not None
        assert client.track_order(f"{kind}-o-{number}", "RUB", 1000, visitor_id=answer.visitor_id) is not None

    async def report_all() -> tuple[int, int, int]:
        async with AsyncClient(bad.url, key, options) as client:
            for number, answer in enumerate(answers):
                report(client, answer, number)
                if number % 10 == 9:
                    assert await client.flush(30)
            found = client.deliveries
            return found.accepted, found.duplicates, found.rejected

    if kind == "sync":
        with Client(bad.url, key, options) as client:
            for number, answer in enumerate(answers):
                report(client, answer, number)
                if number % 10 == 9:
                    assert client.flush(30)
            counts = client.deliveries.accepted, client.deliveries.duplicates, client.deliveries.rejected
    else:
        counts = asyncio.run(report_all())
    assert counts[0] + counts[1] == 120
    assert counts[1] > 0
    assert counts[2] == 0
    orders = [row["order_id"] for row in exported(live, "orders") if row["order_id"].startswith(f"{kind}-o-")]
    assert sorted(orders) == sorted(f"{kind}-o-{number}" for number in range(60))
    assert len(exported(live, "exposures")) - exposed_before == 60


def test_a_stopped_service_costs_shoppers_nothing_and_no_event(key: str, live: Live) -> None:
    """SIGSTOP: connections are accepted by the kernel and nobody answers."""
    with Client(live.url, key, Options(send_seconds=0.05, budget_seconds=0.5)) as client:
        assert client.ready(SEEN_SECONDS)
        answers = [client.assign(KEY, f"stopped-{n}") for n in range(10)]
        live.process.send_signal(signal.SIGSTOP)
        try:
            begun = time.perf_counter()
            hanging = client.assign(KEY, "stopped-1", "some-customer", default={"kind": "none"})
            took = time.perf_counter() - begun
            local = [client.assign(KEY, f"stopped-{n}") for n in range(10)]
            for number in range(10):
                client.track_order(f"stopped-o-{number}", "RUB", 500, visitor_id=f"stopped-{number}")
            assert not client.flush(0.2)
            assert client.queued == 10
        finally:
            live.process.send_signal(signal.SIGCONT)
        assert took < 0.5
        assert (hanging.source, hanging.reason, hanging.offer) == ("fallback", "TIMEOUT", {"kind": "none"})
        assert [told(one) for one in local] == [told(one) for one in answers]
        assert client.flush(30)
        assert client.deliveries.accepted + client.deliveries.duplicates == 10


def test_a_bad_event_is_counted_and_its_neighbours_are_stored(live: Live, key: str) -> None:
    with Client(live.url, key, QUICK) as client:
        client.track("exposure", experiment="nowhere", variant="x", visitor_id="v")
        client.track_custom("fine", visitor_id="v")
        client.track_message("Order Completed", {"order_id": "m-1", "currency": "RUB", "total": "12.50"},
                             anonymousId="v")  # fmt: skip
        assert client.flush(SEEN_SECONDS)
        assert (client.deliveries.accepted, client.deliveries.rejected) == (2, 1)


def test_a_shop_that_restarts_while_the_service_is_gone_gives_the_same_offers(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    options = Options(cache_path=tmp_path / "rules.json", budget_seconds=0.2)
    with live_service(tmp_path_factory.mktemp("gone")) as running:
        with running.client() as http:
            start(http)
        with Client(running.url, running.admin_key, options) as client:
            assert until(lambda: client.assign(KEY, "v").source == "local")
            before = [told(client.assign(KEY, f"v-{n}")) for n in range(500)]
    with Client(running.url, running.admin_key, options) as client:
        after = [client.assign(KEY, f"v-{n}") for n in range(500)]
        asked = client.assign(KEY, "v-1", "c-1", default="kept")
        client.close(0.05)
    assert [told(answer) for answer in after] == before
    assert {(answer.source, answer.stale) for answer in after} == {("local", True)}
    assert (asked.source, asked.reason) == ("fallback", "NO_ANSWER")


@pytest.mark.parametrize("kind", ["pub", "ro"])
def test_a_key_of_the_wrong_kind_is_flagged(live: Live, kind: str) -> None:
    with live.client() as http:
        made = http.post("/api/v1/keys", json={"kind": kind, "name": "wrong"}).json()["key"]
    with Client(live.url, made, QUICK) as client:
        assert until(lambda: client.polls.failed >= 2)
        assert client.is_key_refused
        assert client.assign(KEY, "v-1").source != "local"


def test_the_example_of_the_clients_page_works_as_written(
    live: Live, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    example = next(block for block in blocks if "from app.clients import" in block)
    example = example.replace("https://offers.example", live.url).replace("olk_srv_…", key)
    example = example.replace("/var/lib/shop", str(tmp_path)).replace(
        "Options(", "Options(budget_seconds=2.0, "
    )
    exec(example, {})  # noqa: S102 - the page's own words are what is tested
    said = capsys.readouterr().out
    assert said.startswith(str(served(live, key, {"visitor_id": "v-1"})[KEY][0]))
    assert "percent" in said
    assert said.rstrip().endswith(("server", "local"))  # the first question may come before the rules
    assert "o-1" in {row["order_id"] for row in exported(live, "orders")}
