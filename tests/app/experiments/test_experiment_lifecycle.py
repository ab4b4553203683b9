"""States and actions. Oracle: the contract's section Experiments, written out as a table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.clock import MICROSECONDS
from app.experiments.service import get_row, running_spans
from tests.support.inprocess import NOW_US, InProcess, in_process

KEY = "promo-code-reuse"
DECIDE = {"variant": "reusable", "reason": "it earns more"}
PATHS: dict[str, list[str]] = {
    "draft": [],
    "running": ["start"],
    "paused": ["start", "pause"],
    "frozen": ["start", "freeze"],
    "stopped": ["start", "stop"],
    "decided": ["start", "stop", "decide"],
    "archived": ["start", "stop", "decide", "archive"],
}
# action → the state it leads to from each state; absent: impossible, 409
TABLE: dict[str, dict[str, str]] = {
    "start": {"draft": "running", "running": "running"},
    "pause": {"running": "paused", "paused": "paused"},
    "resume": {"paused": "running", "running": "running"},
    "freeze": {"running": "frozen", "frozen": "frozen"},
    "stop": {"running": "stopped", "paused": "stopped", "frozen": "stopped", "stopped": "stopped"},
    "decide": {"paused": "decided", "frozen": "decided", "stopped": "decided", "decided": "decided"},
    "archive": {"stopped": "archived", "decided": "archived", "archived": "archived"},
}


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(database_url, tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def shared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("lifecycle")
    path = folder / "offerlab.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{path}", folder) as running:
        yield running


def _body(action: str) -> Any:
    return DECIDE if action == "decide" else None


@pytest.mark.parametrize("action", TABLE)
@pytest.mark.parametrize("state", PATHS)
def test_an_action_leads_where_the_table_says_or_is_refused(
    shared: InProcess, state: str, action: str
) -> None:
    key = str(shared.create(key=f"{state}-{action}")["key"])
    for step in PATHS[state]:
        assert shared.act(key, step, _body(step)).status_code == 200
    before = shared.call("GET", f"/api/v1/experiments/{key}").json()
    answer = shared.act(key, action, _body(action))
    after = shared.call("GET", f"/api/v1/experiments/{key}").json()
    expected = TABLE[action].get(state)
    if expected is None:
        assert (answer.status_code, answer.json()["code"], after) == (409, "impossible_action", before)
    elif expected == state:
        assert (answer.status_code, after) == (200, before), "a repeated action changes nothing"
    else:
        assert (answer.status_code, after["status"]) == (200, expected)
        assert after["timeline"][-1]["action"] == action


def test_a_ramp_goes_up_only_and_only_while_running(service: InProcess) -> None:
    service.create(coverage=0.2)
    assert service.act(KEY, "ramp", {"coverage": 0.3}).status_code == 409
    service.act(KEY, "start")
    assert service.act(KEY, "ramp", {"coverage": 0.5}).json()["coverage"] == 0.5
    assert service.act(KEY, "ramp", {"coverage": 0.5}).status_code == 200
    lower = service.act(KEY, "ramp", {"coverage": 0.4})
    assert (lower.status_code, lower.json()["field"]) == (409, "coverage")
    assert service.act(KEY, "ramp", {"coverage": 1.5}).status_code == 422
    service.act(KEY, "freeze")
    assert service.act(KEY, "ramp", {"coverage": 0.9}).status_code == 409


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", "ffffffffffffffff"),
        ("coverage", 0.5),
        ("unit", "customer"),
        ("audience", {"country": "RU"}),
        ("variants", []),
        ("plan", {}),
        ("timezone", "UTC"),
        ("name", "another"),
        ("economics", None),
        ("layer", None),
        ("starts_at", "2026-01-01T00:00:00Z"),
    ],
)
def test_after_the_start_every_field_is_refused_by_name(shared: InProcess, field: str, value: Any) -> None:
    shared.call("POST", "/api/v1/experiments", {**_definition(), "key": "immutable"})
    shared.act("immutable", "start")
    answer = shared.call("PATCH", "/api/v1/experiments/immutable", {field: value})
    assert (answer.status_code, answer.json()["field"]) == (409, field)


def _definition() -> dict[str, Any]:
    from tests.support.inprocess import DEFINITION

    return DEFINITION


def test_a_draft_can_be_changed_and_keeps_its_version_and_seed(service: InProcess) -> None:
    seed = service.create(seed=None)["seed"]
    answer = service.call("PATCH", f"/api/v1/experiments/{KEY}", {"coverage": 0.25, "name": "Shorter"})
    found = service.call("GET", f"/api/v1/experiments/{KEY}").json()
    assert answer.status_code == 200
    assert (found["version"], found["seed"], found["coverage"], found["name"]) == (1, seed, 0.25, "Shorter")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"colour": 1}, "colour"),
        ({"coverage": 2}, "coverage"),
        ({"key": "other"}, "key"),
        ({"plan": 1}, "plan"),
    ],
)
def test_a_bad_change_of_a_draft_names_its_field(service: InProcess, fields: Any, named: str) -> None:
    service.create()
    answer = service.call("PATCH", f"/api/v1/experiments/{KEY}", fields)
    assert (answer.status_code, answer.json()["field"]) == (422, named)


def test_a_second_experiment_with_the_key_is_refused(service: InProcess) -> None:
    service.create()
    answer = service.call("POST", "/api/v1/experiments", _definition())
    assert (answer.status_code, answer.json()["field"]) == (409, "key")


def test_a_decision_is_repeatable_but_another_one_is_refused(service: InProcess) -> None:
    service.running()
    service.act(KEY, "stop")
    assert service.act(KEY, "decide", {**DECIDE, "variant": "nobody"}).json()["field"] == "variant"
    first = service.act(KEY, "decide", DECIDE).json()
    service.clock.advance(5)
    assert service.act(KEY, "decide", DECIDE).json() == first
    assert service.act(KEY, "decide", {**DECIDE, "variant": "single-use"}).status_code == 409


def test_a_failed_change_stores_nothing_and_leaves_no_entry(service: InProcess) -> None:
    service.running()
    entries = service.call("GET", "/api/v1/audit/verify", kind="adm").json()["entries"]
    version = service.services.snapshots.current.config_version
    assert service.act(KEY, "archive").status_code == 409
    assert service.act(KEY, "decide", DECIDE).status_code == 409
    assert service.call("GET", "/api/v1/audit/verify", kind="adm").json()["entries"] == entries
    assert not service.services.snapshots.poll()
    assert service.services.snapshots.current.config_version == version


def test_overlapping_parts_of_a_layer_stop_the_start_unless_a_reason_is_given(service: InProcess) -> None:
    assert service.call("PUT", "/api/v1/layers/cart", {}).status_code == 200
    first = service.running(key="first", layer={"key": "cart", "range": [0.0, 0.5]})
    service.create(key="second", layer={"key": "cart", "range": [0.4, 1.0]})
    beside = service.running(key="beside", layer={"key": "cart", "range": [0.5, 0.6]})
    conflicts = service.call("GET", "/api/v1/experiments/second/conflicts", kind="ro").json()["items"]
    assert [item["experiment"] for item in conflicts] == [first, beside]
    refused = service.act("second", "start", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "overlapping_ranges")
    started = service.act("second", "start", {"override_conflicts": "both are tiny"})
    assert started.json()["timeline"][-1]["override_conflicts"] == "both are tiny"


def test_a_layer_in_use_keeps_its_seed_and_a_holdout_in_use_its_share(service: InProcess) -> None:
    service.call("PUT", "/api/v1/layers/cart", {"seed": "00000000000000aa"})
    service.call("PUT", "/api/v1/holdouts/all", {"share": 0.05})
    service.running(layer={"key": "cart", "range": [0.0, 0.5]})
    layer = service.call("PUT", "/api/v1/layers/cart", {"seed": "00000000000000bb"})
    holdout = service.call("PUT", "/api/v1/holdouts/all", {"share": 0.1})
    assert (layer.status_code, holdout.status_code) == (409, 409)
    assert service.call("PUT", "/api/v1/layers/cart", {}).json()["seed"] == "00000000000000aa"
    assert service.call("GET", "/api/v1/holdouts", kind="ro").json()["items"][0]["share"] == 0.05


def test_lists_are_filtered_by_state_and_paged(service: InProcess) -> None:
    for number in range(5):
        service.create(key=f"e{number}")
    service.act("e3", "start")
    running = service.call("GET", "/api/v1/experiments?status=running", kind="ro").json()["items"]
    assert [item["key"] for item in running] == ["e3"]
    first = service.call("GET", "/api/v1/experiments?limit=3", kind="ro").json()
    rest = service.call("GET", f"/api/v1/experiments?limit=3&cursor={first['next']}", kind="ro").json()
    assert [item["key"] for item in first["items"] + rest["items"]] == ["e4", "e3", "e2", "e1", "e0"]
    assert service.call("GET", "/api/v1/experiments?status=odd", kind="ro").json()["field"] == "status"
    assert service.call("GET", "/api/v1/experiments?limit=1001", kind="ro").json()["field"] == "limit"


def test_analysed_time_leaves_out_pauses_and_may_begin_before_the_start(service: InProcess) -> None:
    service.running(starts_at="2026-05-01T03:00:00+03:00")
    for seconds, action in ((10, "pause"), (10, "resume"), (10, "stop")):
        service.clock.advance(seconds)
        service.act(KEY, action)
    with service.services.database.read() as session:
        spans = running_spans(get_row(session, KEY))
    may_first_us = 1_777_593_600 * MICROSECONDS  # date -u -d 2026-05-01 +%s
    ten = 10 * MICROSECONDS
    assert spans == [(may_first_us, NOW_US + ten), (NOW_US + 2 * ten, NOW_US + 3 * ten)]


def test_analysed_time_ends_at_ends_at(service: InProcess) -> None:
    service.running(starts_at="2026-05-01T00:00:00Z", ends_at="2026-05-02T00:00:00Z")
    with service.services.database.read() as session:
        ((begin, end),) = running_spans(get_row(session, KEY))
    assert end is not None
    assert end - begin == 86_400 * MICROSECONDS
