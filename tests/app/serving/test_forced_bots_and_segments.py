"""Testers, crawlers, segments, people not logged in. Oracle: the contract and `assignment.decision`."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from assignment.hashing import bucket
from tests.support.inprocess import InProcess, in_process

KEY = "promo-code-reuse"
ROBOT = "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)"
TEST_TOOLS = [
    "python-httpx/0.28.1",
    "curl/8.5.0",
    "node",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36",
]


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(database_url, tmp_path) as running:
        yield running


def other_variant(unit_id: str) -> str:
    return "single-use" if bucket("0123456789abcdef", unit_id) >= 0.5 else "reusable"


def said(service: InProcess, kind: str = "srv", **fields: Any) -> tuple[str | None, str, bool]:
    found = service.assign(kind, **{"experiments": [KEY], **fields}).json()["assignments"][0]
    return found["variant"], found["reason"], found["in_experiment"]


def force(service: InProcess, units: dict[str, str], kind: str = "mgr") -> httpx.Response:
    return service.call("PUT", f"/api/v1/experiments/{KEY}/forced", {"units": units}, kind)


def expose(service: InProcess, kind: str = "srv", headers: dict[str, str] | None = None, **more: Any) -> Any:
    event = {
        "event_id": f"x-{more['visitor_id']}",
        "type": "exposure",
        "occurred_at": "2026-05-28T20:26:40Z",
        "experiment": KEY,
        **more,
    }
    answer = service.call("POST", "/api/v1/events", {"events": [event]}, kind, headers=headers)
    assert answer.status_code == 200, answer.text
    service.clock.advance(1)
    return answer.json()


def reasons(service: InProcess) -> dict[str, str]:
    path = f"/api/v1/experiments/{KEY}/export/exposures.csv"
    rows = csv.DictReader(io.StringIO(service.call("GET", path, kind="ro").text))
    return {row["event_id"]: row["reason"] for row in rows}


class TestForced:
    """Quality assurance pins units to variants."""

    def test_a_forced_unit_is_served_its_variant_at_every_door_and_not_measured(
        self, service: InProcess
    ) -> None:
        service.running()
        wanted = other_variant("qa-1")
        assert force(service, {"qa-1": wanted}).json() == {"units": {"qa-1": wanted}}
        assert said(service, visitor_id="qa-1") == (wanted, "FORCED", False)
        context = {"context": {"targetingKey": "qa-1"}}
        flag = service.call("POST", f"/ofrep/v1/evaluate/flags/{KEY}", context, "pub").json()
        assert (flag["variant"], flag["reason"]) == (wanted, "STATIC")
        assert flag["metadata"]["assignmentReason"] == "FORCED"
        assert said(service, visitor_id="v-2")[1] == "SPLIT"

    def test_its_exposures_are_kept_marked_and_left_out(self, service: InProcess) -> None:
        service.running()
        wanted = other_variant("qa-1")
        force(service, {"qa-1": wanted})
        assert expose(service, "pub", visitor_id="qa-1", variant=wanted)["accepted"] == 1
        own = "single-use" if other_variant("v-2") == "reusable" else "reusable"
        assert expose(service, "pub", visitor_id="v-2", variant=own)["accepted"] == 1
        assert reasons(service) == {"x-qa-1": "forced", "x-v-2": ""}
        trust = service.call("GET", f"/api/v1/experiments/{KEY}/results", kind="ro").json()["trust"]
        assert sum(trust["srm"]["counts"].values()) == 1
        checks = {check["key"]: (check["status"], check["count"]) for check in trust["checks"]}
        assert checks["exposures_forced"] == ("ok", 1)
        assert trust["status"] == "ok"

    def test_the_list_is_replaced_and_can_be_emptied(self, service: InProcess) -> None:
        service.running()
        force(service, {"qa-1": "reusable", "qa-2": "single-use"})
        force(service, {"qa-2": "reusable"})
        shown = service.call("GET", f"/api/v1/experiments/{KEY}/forced", kind="ro").json()
        assert shown == {"units": {"qa-2": "reusable"}}
        force(service, {})
        assert said(service, visitor_id="qa-2")[1] == "SPLIT"

    @pytest.mark.parametrize(
        ("units", "kind", "status", "field"),
        [
            ({"qa-1": "nothing"}, "mgr", 422, "units.qa-1"),
            ({"": "reusable"}, "mgr", 422, None),
            ({f"u-{n}": "reusable" for n in range(1001)}, "mgr", 422, "units"),
            ({"qa-1": 5}, "mgr", 422, "units.qa-1"),
            ({"qa-1": "reusable"}, "ro", 403, None),
            ({"qa-1": "reusable"}, "srv", 403, None),
        ],
    )
    def test_a_bad_list_is_refused_and_changes_nothing(
        self, service: InProcess, units: Any, kind: str, status: int, field: str | None
    ) -> None:
        service.running()
        answer = force(service, units, kind)
        assert answer.status_code == status
        if field is not None:
            assert answer.json()["field"] == field
        assert service.call("GET", f"/api/v1/experiments/{KEY}/forced", kind="ro").json() == {"units": {}}

    def test_the_audit_log_counts_testers_and_never_names_them(self, service: InProcess) -> None:
        service.running()
        force(service, {"qa-secret": "reusable"})
        log = service.call("GET", "/api/v1/audit", kind="adm").text
        assert "experiment.force" in log
        assert "qa-secret" not in log


class TestCrawlers:
    """A robot is served the fallback, and counted, and never analysed."""

    def test_a_browser_that_says_it_is_a_robot_gets_no_variant(self, service: InProcess) -> None:
        service.running(fallback={"kind": "content", "title": "Guide"})
        path, body = "/api/v1/assignments", {"visitor_id": "v-1", "experiments": [KEY]}
        for kind, user_agent, reason in (
            ("pub", ROBOT, "BOT"),
            ("srv", ROBOT, "SPLIT"),
            *(("pub", tool, "SPLIT") for tool in TEST_TOOLS),
        ):
            found = service.call("POST", path, body, kind, headers={"user-agent": user_agent}).json()
            assert found["assignments"][0]["reason"] == reason, user_agent

    def test_its_exposures_are_kept_marked_and_left_out(self, service: InProcess) -> None:
        service.running()
        own = {unit: "single-use" if other_variant(unit) == "reusable" else "reusable" for unit in "abc"}
        expose(service, "pub", headers={"user-agent": ROBOT}, visitor_id="a", variant=own["a"])
        expose(service, "srv", visitor_id="b", variant=own["b"], attributes={"bot": True})
        expose(service, "srv", headers={"user-agent": ROBOT}, visitor_id="c", variant=own["c"])
        assert reasons(service) == {"x-a": "bot", "x-b": "bot", "x-c": ""}
        trust = service.call("GET", f"/api/v1/experiments/{KEY}/results", kind="ro").json()["trust"]
        assert {check["key"]: check["count"] for check in trust["checks"]}["exposures_of_bots"] == 2


class TestSegments:
    """Named audiences."""

    def put(self, service: InProcess, key: str, body: Any) -> httpx.Response:
        return service.call("PUT", f"/api/v1/segments/{key}", body, "mgr")

    def test_an_experiment_takes_only_units_in_all_its_segments(self, service: InProcess) -> None:
        assert self.put(service, "loyal", {"condition": {"orders_count": {"$gte": 3}}}).status_code == 200
        assert self.put(service, "card-holders", {"members": ["c-1", "c-2", 7]}).status_code == 200
        service.running(segments=["loyal"], audience={"country": "RU", "card": {"$inGroup": "card-holders"}})
        inside = {"country": "RU", "orders_count": 3, "card": "c-2"}
        assert said(service, visitor_id="v", attributes=inside)[1] == "SPLIT"
        for change in ({"orders_count": 2}, {"card": "c-3"}, {"country": "BY"}):
            assert said(service, visitor_id="v", attributes=inside | change)[1] == "NOT_TARGETED", change

    def test_a_segment_stays_as_it_is_while_an_experiment_in_progress_relies_on_it(
        self, service: InProcess
    ) -> None:
        self.put(service, "loyal", {"condition": {"orders_count": {"$gte": 3}}})
        self.put(service, "cards", {"members": ["c-1"]})
        service.running(segments=["loyal"], audience={"card": {"$nin": ["x"], "$notInGroup": "cards"}})
        for key, body in (("loyal", {"condition": {"a": 1}}), ("cards", {"members": ["c-2"]})):
            refused = self.put(service, key, body)
            assert (refused.status_code, refused.json()["experiments"]) == (409, [KEY])
        assert self.put(service, "cards", {"members": ["c-1"]}).status_code == 200, "nothing changes"
        service.act(KEY, "stop")
        assert self.put(service, "loyal", {"condition": {"a": 1}}).status_code == 200

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "condition"),
            ({"condition": {"a": 1}, "members": []}, "condition"),
            ({"condition": {"a": {"$gt": 1, "b": 2}}}, "condition"),
            ({"condition": {"a": {"$inGroup": "b"}}}, "condition"),
            ({"members": [1.5]}, None),
            ({"members": "all"}, None),
        ],
    )
    def test_a_bad_segment_is_refused(self, service: InProcess, body: Any, field: str | None) -> None:
        answer = self.put(service, "bad", body)
        assert answer.status_code == 422
        if field is not None:
            assert answer.json()["field"] == field
        assert service.call("GET", "/api/v1/segments", kind="ro").json()["items"] == []

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"segments": ["nothing"]}, "segments"),
            ({"segments": ["cards"]}, "segments"),
            ({"audience": {"card": {"$inGroup": "nothing"}}}, "audience"),
            ({"audience": {"card": {"$inGroup": "loyal"}}}, "audience"),
        ],
    )
    def test_a_definition_names_only_segments_that_exist_and_fit(
        self, service: InProcess, fields: Any, field: str
    ) -> None:
        from tests.support.inprocess import definition

        self.put(service, "loyal", {"condition": {"orders_count": {"$gte": 3}}})
        self.put(service, "cards", {"members": ["c-1"]})
        answer = service.call("POST", "/api/v1/experiments", definition(**fields))
        assert (answer.status_code, answer.json()["field"]) == (422, field)

    def test_members_never_reach_the_audit_log(self, service: InProcess) -> None:
        self.put(service, "cards", {"members": ["c-secret"]})
        assert "c-secret" not in service.call("GET", "/api/v1/audit", kind="adm").text


class TestWithoutLogin:
    """An experiment on customers that falls back on the visitor."""

    def test_a_visitor_is_hashed_until_the_customer_is_known(self, service: InProcess) -> None:
        service.running(unit="customer", fallback_unit="visitor")
        expected = {
            unit: "single-use" if other_variant(unit) == "reusable" else "reusable" for unit in ("v-1", "c-1")
        }
        assert said(service, visitor_id="v-1")[:2] == (expected["v-1"], "SPLIT")
        assert said(service, visitor_id="v-1", customer_id="c-1")[:2] == (expected["c-1"], "SPLIT")
        assert said(service)[1] == "NO_UNIT"

    def test_while_frozen_a_visitor_exposed_before_keeps_the_variant(self, service: InProcess) -> None:
        service.running(unit="customer", fallback_unit="visitor")
        own = "single-use" if other_variant("v-1") == "reusable" else "reusable"
        expose(service, "srv", visitor_id="v-1", variant=own)
        service.act(KEY, "freeze")
        service.services.snapshots.poll()
        assert said(service, visitor_id="v-1") == (own, "SPLIT", True)
        assert said(service, visitor_id="v-2")[1] == "FROZEN"

    def test_exposures_of_visitors_are_analysed(self, service: InProcess) -> None:
        service.running(unit="customer", fallback_unit="visitor")
        own = "single-use" if other_variant("v-1") == "reusable" else "reusable"
        expose(service, "srv", visitor_id="v-1", variant=own)
        assert reasons(service) == {"x-v-1": ""}

    def test_without_the_fallback_they_have_no_unit(self, service: InProcess) -> None:
        service.running(unit="customer")
        assert said(service, visitor_id="v-1")[1] == "NO_UNIT"
        expose(service, "srv", visitor_id="v-1", variant="reusable")
        assert reasons(service) == {"x-v-1": "no_unit"}

    def test_only_experiments_on_customers_have_it(self, service: InProcess) -> None:
        from tests.support.inprocess import definition

        answer = service.call("POST", "/api/v1/experiments", definition(fallback_unit="visitor"))
        assert (answer.status_code, answer.json()["field"]) == (422, "fallback_unit")


class TestLayersReused:
    """A layer freed by its experiments takes a new seed; the past keeps the old one."""

    def test_a_freed_layer_takes_a_new_seed_and_the_past_stays(self, service: InProcess) -> None:
        first = {"seed": "00000000000000aa"}
        service.call("PUT", "/api/v1/layers/cart", first)
        service.running(layer={"key": "cart", "range": [0, 0.5]})
        again = {"seed": "00000000000000bb"}
        assert service.call("PUT", "/api/v1/layers/cart", again).status_code == 409
        service.act(KEY, "stop")
        assert service.call("PUT", "/api/v1/layers/cart", again).status_code == 200
        service.running(key="next", layer={"key": "cart", "range": [0, 1]})
        experiments = service.services.snapshots.current.experiments
        seeds = {
            key: experiments[key].rules.layer_slot.layer.seed  # type: ignore[union-attr]  # both are in the layer
            for key in (KEY, "next")
        }
        assert seeds == {KEY: first["seed"], "next": again["seed"]}
