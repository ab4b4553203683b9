"""`GET /api/v1/configuration`, and what a client can read of it. Oracle: the contract."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from app.clients.answers import Question
from app.clients.rules import read_rules
from app.edge.configuration import document as written_document
from app.serving.snapshot import Snapshot
from assignment.decision import Assigned, NotAssigned
from tests.support.inprocess import NOW_US, InProcess, in_process


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("document")
    path = folder / "offerlab.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{path}", folder) as running:
        running.running(key="model")
        yield running


def test_the_document_holds_no_code_policy_secrets_budget_or_cost_and_no_draft(service: InProcess) -> None:
    service.create(key="draft-one")
    body = service.call("GET", "/api/v1/configuration", kind="srv").text
    assert "budget" not in body
    assert "5000000" not in body
    assert "draft-one" not in body
    assert '"model"' in body


def test_an_unchanged_document_is_answered_304_also_through_a_proxy(service: InProcess) -> None:
    first = service.call("GET", "/api/v1/configuration", kind="srv")
    etag = first.headers["etag"]
    for said in (etag, f"W/{etag}", f'"other", {etag}'):
        again = service.call("GET", "/api/v1/configuration", kind="srv", headers={"if-none-match": said})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    service.running(key="another")
    changed = service.call("GET", "/api/v1/configuration", kind="srv", headers={"if-none-match": etag})
    assert changed.status_code == 200


@pytest.mark.parametrize(
    ("change", "reads"),
    [
        ({"from_the_future": 7}, False),
        ({"from_the_future": None}, True),
        ({"ranges": [[0.0, 0.7], [0.5, 1.0]]}, False),
        ({"state": "dreaming"}, False),
        ({"audience": {"id": {"$inGroup": "a-segment"}}}, False),
        ({"audience": {"id": {"$like": "v%"}}}, False),
        ({"audience": {"id": {"$exists": False}}}, True),
    ],
)
def test_rules_this_client_cannot_read_are_left_to_the_server(
    service: InProcess,
    change: dict[str, Any],
    reads: bool,  # noqa: FBT001 - a table
) -> None:
    document = json.loads(service.call("GET", "/api/v1/configuration", kind="srv").content)
    audience = change.pop("audience", None)
    document["experiments"][0] |= {"audience": audience}
    document["experiments"][0]["rules"] |= change
    known = next(iter(read_rules(msgspec.json.encode(document)).experiments.values()))
    assert (known.decide(Question(known.key, "v-1"), NOW_US) is not None) == reads


@pytest.mark.parametrize(
    "document", [b"", b"{}", b"[]", b"nonsense", b'{"format":2,"config_version":1,"experiments":[]}']
)
def test_another_document_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError):
        read_rules(document)


def test_forced_units_and_the_visitor_in_place_of_a_customer_are_decided_here() -> None:
    rules = {
        "key": "e",
        "version": 1,
        "unit": "customer",
        "seed": "0123456789abcdef",
        "state": "running",
        "variants": ["a", "b"],
        "ranges": [[0.0, 0.5], [0.5, 1.0]],
        "forced": {"tester": "b"},
        "fallback_unit": "visitor",
    }
    written = {
        "rules": rules,
        "audience": None,
        "starts_at_us": None,
        "ends_at_us": None,
        "offers": {"a": None, "b": None},
        "fallback": None,
    }
    document = {"format": 1, "config_version": 1, "experiments": [written]}
    known = read_rules(msgspec.json.encode(document)).experiments["e"]
    forced = known.decide(Question("e", "v-1", "tester"), 0)
    assert isinstance(forced, Assigned)
    assert (forced.variant, forced.reason, forced.in_experiment) == ("b", "FORCED", False)
    for unit in ("v-1", "v-2", "v-3", "v-4"):
        logged_in = known.decide(Question("e", "other", unit), 0)
        assert known.decide(Question("e", unit), 0) == logged_in
    assert known.decide(Question("e", None), 0) == NotAssigned("NO_UNIT")


def test_the_answer_for_all_visitors_needs_no_server_even_for_customers(service: InProcess) -> None:
    book = read_rules(service.call("GET", "/api/v1/configuration", kind="srv").content)
    known = book.experiments["model"]
    crawler = {"bot": True}
    assert known.decide(Question("model", "v-1", "c-1"), NOW_US) is None
    assert known.decide(Question("model", "v-1", "c-1", crawler), NOW_US) == NotAssigned("BOT")
    assert known.decide(Question("model", None, "c-1", crawler), NOW_US) is None  # a visitor may be known


def test_a_snapshot_without_audiences_is_still_a_snapshot() -> None:
    assert read_rules(written_document(Snapshot(3, MappingProxyType({}), ()))).config_version == 3
