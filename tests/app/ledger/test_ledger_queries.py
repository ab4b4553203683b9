"""Oracle: a handful of events whose answers can be read off by eye."""

from typing import Any

import pytest

from app.clock import isoformat
from app.database import Database
from app.ledger.queries import (
    Cut,
    cancellation_rows,
    custom_rows,
    exposure_rows,
    link_rows,
    order_rows,
    refund_rows,
)
from app.ledger.rows import UNTRUSTED
from app.ledger.service import Ledger, head_seq
from tests.support.ledger import (
    NOW_US,
    SECOND_US,
    custom,
    event,
    order,
    parsed,
    refund,
    running_ledger,
    sender,
)

EXPOSED = {"experiment": "reuse", "variant": "once", "visitor_id": "a"}
ALL = Cut(as_of_us=NOW_US, through_seq=1_000)


def ago(seconds: int) -> str:
    return isoformat(NOW_US - seconds * SECOND_US)


def store(ledger: Ledger, *events: dict[str, Any], trusted: bool = True) -> None:
    import asyncio

    found = parsed(*events, by=sender(trusted=trusted))
    assert not found.rejected, found.rejected
    asyncio.run(ledger.append(found.items))


def values(table: Any, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(zip(*(table[name].to_pylist() for name in columns), strict=True))


@pytest.fixture
def filled(database: Database) -> Database:
    with running_ledger(database) as ledger:
        store(
            ledger,
            event("exposure", **EXPOSED, event_id="x1", occurred_at=ago(90), attributes={"city": "Omsk"}),
            event("exposure", **EXPOSED | {"variant": "often"}, event_id="x2", occurred_at=ago(80)),
            order("o1", event_id="o1", occurred_at=ago(70), customer_id="c"),
            order("o2", event_id="o2", occurred_at=ago(60)),
            event("order_cancelled", order_id="o2", event_id="k", occurred_at=ago(50), visitor_id=None),
            refund("r", "o1", event_id="r", occurred_at=ago(40)),
            event("identify", customer_id="c", event_id="l", occurred_at=ago(75)),
            custom("n", event_id="n", occurred_at=ago(30), value=3),
        )
    return database


def test_each_reader_gives_its_rows(filled: Database) -> None:
    assert values(exposure_rows(filled, ALL, "reuse"), "event_id", "variant", "flags", "rest") == [
        ("x1", "once", 0, '{"attributes":{"city":"Omsk"}}'),
        ("x2", "often", 1, None),
    ]
    assert exposure_rows(filled, ALL, "other").num_rows == 0
    assert values(order_rows(filled, ALL), "order_id", "items_minor", "currency", "paid") == [
        ("o1", 1000, "RUB", True),
        ("o2", 1000, "RUB", True),
    ]
    assert values(cancellation_rows(filled, ALL), "order_id") == [("o2",)]
    assert values(refund_rows(filled, ALL), "refund_id", "order_id", "amount_minor") == [("r", "o1", 400)]
    assert values(custom_rows(filled, ALL), "name", "value", "flags") == [("n", 3, 0)]


def test_a_link_is_the_earliest_trusted_event_with_both_ids(filled: Database) -> None:
    # o1 links visitor v-1 to customer c at 70 s, identify at 75 s: the earlier is `l`
    assert values(link_rows(filled, ALL), "event_id", "occurred_us") == [("l", NOW_US - 75 * SECOND_US)]


def test_a_browsers_event_links_nobody(database: Database) -> None:
    with running_ledger(database) as ledger:
        signed = {"customer_id": "c", "customer_signature": "signed-c"}
        store(ledger, custom("n", **signed), trusted=False)
    assert link_rows(database, ALL).num_rows == 0
    assert values(custom_rows(database, ALL), "flags") == [(UNTRUSTED,)]


def test_rows_are_cut_before_a_moment_and_after_a_number(filled: Database) -> None:
    before_second_order = Cut(as_of_us=NOW_US - 60 * SECOND_US, through_seq=1_000)
    assert values(order_rows(filled, before_second_order), "order_id") == [("o1",)]
    just_after = Cut(as_of_us=NOW_US - 60 * SECOND_US + 1, through_seq=1_000)
    assert values(order_rows(filled, just_after), "order_id") == [("o1",), ("o2",)]
    assert values(order_rows(filled, Cut(NOW_US, through_seq=3)), "order_id") == [("o1",)]
    assert head_seq(filled) == 8


def test_an_order_is_read_in_its_newest_state_and_at_its_own_time(database: Database) -> None:
    with running_ledger(database) as ledger:
        store(
            ledger,
            order(
                "o", type="order_updated", event_id="u3", occurred_at=ago(10), items_minor=3, discount_minor=1
            ),
            order("o", event_id="u1", occurred_at=ago(70), items_minor=1, margin_minor=1),
            order("o", type="order_updated", event_id="u2", occurred_at=ago(20), items_minor=2),
            order("lonely", type="order_updated", event_id="u4"),
        )
    columns = ("order_id", "event_id", "items_minor", "discount_minor", "margin_minor", "occurred_us")
    assert values(order_rows(database, ALL), *columns) == [("o", "u1", 3, 1, None, NOW_US - 70 * SECOND_US)]
    earlier = Cut(as_of_us=NOW_US - 15 * SECOND_US, through_seq=1_000)
    assert values(order_rows(database, earlier), *columns) == [
        ("o", "u1", 2, 0, None, NOW_US - 70 * SECOND_US)
    ]


def test_an_empty_ledger_gives_empty_tables_of_the_same_columns(database: Database) -> None:
    assert head_seq(database) == 0
    for table in (order_rows(database, ALL), refund_rows(database, ALL), link_rows(database, ALL)):
        assert table.num_rows == 0
        assert "occurred_us" in table.column_names
