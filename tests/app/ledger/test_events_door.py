"""Oracle: the contract's statuses and answers; what is stored is read through another connection."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access.operations import OPERATIONS
from app.access.service import customer_signature, identity_secret
from app.database import Database
from app.edge.ingest import INGEST_OPENAPI, OPERATION
from app.edge.router import Edge
from app.ledger.service import Ledger, head_seq
from app.settings import Settings
from tests.support.ledger import custom, door, event, order, post, query, running_ledger

EXPOSED = {"experiment": "reuse", "variant": "once", "visitor_id": "a"}


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    with running_ledger(database) as running:
        yield running


@pytest.fixture
def to(ledger: Ledger) -> Edge:
    return door(ledger)


def test_the_answer_counts_what_was_stored_and_names_what_was_not(to: Edge, database: Database) -> None:
    first = order("o", event_id="first")
    found = post(
        to, [first, first, custom("n", event_id="bad", colour=1), order("o", items_minor=3, event_id="w")]
    )
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/json"
    assert found.json() == {
        "accepted": 1,
        "duplicates": 1,
        "rejected": [
            {"index": 2, "event_id": "bad", "code": "unknown_field", "detail": "colour: no such field"},
            {
                "index": 3,
                "event_id": "w",
                "code": "order_conflict",
                "detail": "order_id: another event gave this order with other content",
            },
        ],
    }
    assert head_seq(database) == 1


def test_no_events_are_no_work(to: Edge) -> None:
    assert post(to, []).json() == {"accepted": 0, "duplicates": 0, "rejected": []}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b'{"events":[{"value":NaN}]}', 400, "bad_json"),
        (b'{"events":[],"colour":1}', 422, "bad_envelope"),
        (b'{"events":[' + b",".join([b"{}"] * 1001) + b"]}", 422, "too_many_events"),
        (b'{"events":[' + b" " * (2 << 20) + b"]}", 413, "too_large"),
        (b'{"events":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "bad_json"),
    ],
)
def test_a_bad_envelope_is_a_named_refusal_and_nothing_is_stored(
    to: Edge, database: Database, body: bytes, status: int, code: str
) -> None:
    found = post(to, body)
    assert (found.status_code, found.json()["code"]) == (status, code)
    assert found.headers["content-type"] == "application/problem+json"
    assert len(found.content) < 1000
    assert head_seq(database) == 0


@pytest.mark.parametrize(
    ("key", "headers", "status"),
    [
        ("srv", {}, 200),
        ("pub", {}, 200),
        ("ro", {}, 403),
        ("mgr", {}, 403),
        ("olk_srv_wrong", {}, 401),
        ("srv", {"authorization": ""}, 401),
        ("srv", {"content-type": "text/csv"}, 415),
        ("srv", {"content-type": "application/json; charset=utf-8"}, 200),
        ("srv", {"content-type": ""}, 200),
        ("srv", {"content-encoding": "gzip"}, 415),
    ],
)
def test_keys_and_content_types_decide_who_may_send_what(
    to: Edge, key: str, headers: dict[str, str], status: int
) -> None:
    assert post(to, [custom("n")], key, headers).status_code == status


def test_a_browser_forges_neither_orders_nor_assignments_nor_customers(to: Edge, database: Database) -> None:
    sent = [
        order("o"),
        event("identify", customer_id="anna"),
        event("exposure", **EXPOSED | {"variant": "often"}),
        event("exposure", **EXPOSED, customer_id="anna"),
    ]
    found = post(to, sent, "pub").json()
    assert found["accepted"] == 1
    assert [one["code"] for one in found["rejected"]] == [
        "not_allowed_for_key",
        "not_allowed_for_key",
        "contradicts_assignment",
    ]
    assert found["warnings"] == [{"index": 3, "code": "customer_id_ignored"}]
    assert query(database, "SELECT type, customer FROM events") == [("exposure", None)]


def test_a_browser_with_the_shops_signature_names_its_customer(to: Edge, database: Database) -> None:
    signature = customer_signature(identity_secret(Settings(secret="s" * 32)), "anna")
    sent = event("exposure", **EXPOSED, customer_id="anna", customer_signature=signature)
    found = post(to, [sent], "pub").json()
    assert found == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert query(database, "SELECT kind, id FROM identifiers ORDER BY kind") == [
        ("customer", "anna"),
        ("visitor", "a"),
    ]


def test_the_document_describes_the_door(database_url: str) -> None:
    assert database_url
    operation = INGEST_OPENAPI["paths"]["/api/v1/events"]["post"]
    assert operation["operationId"] == OPERATION
    assert set(operation["x-key-kinds"]) == OPERATIONS[OPERATION]
    assert set(operation["responses"]) == {"200", "400", "401", "403", "413", "415", "422", "503"}
    named = INGEST_OPENAPI["components"]["schemas"]
    used = set(_references(INGEST_OPENAPI))
    assert used == {f"#/components/schemas/{name}" for name in named}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            elif key == "mapping":
                yield from inner.values()
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


MUTATIONS = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from(["cut", "byte", "twice"]), st.integers(0, 255)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations=MUTATIONS)
def test_no_body_makes_the_door_fail(mutations: list[tuple[float, str, int]], fuzzed: Edge) -> None:
    body = bytearray(
        json.dumps({"events": [order("o"), event("exposure", **EXPOSED, attributes={"a": 1})]}).encode()
    )
    for place, how, value in mutations:
        at = int(place * max(len(body) - 1, 0))
        if how == "cut":
            del body[at : at + 1 + value % 8]
        elif how == "byte" and body:
            body[at] = value
        else:
            body[at:at] = body[at : at + value]
    found = post(fuzzed, bytes(body))
    assert found.status_code in {200, 400, 422}
    assert found.json()


@pytest.fixture
def fuzzed(sqlite_url: str, tmp_path: Path) -> Iterator[Edge]:
    assert tmp_path
    database = Database(sqlite_url)
    with running_ledger(database) as running:
        yield door(running)
    database.close()
