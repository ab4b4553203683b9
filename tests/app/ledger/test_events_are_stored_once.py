"""Oracles: the contract's answers, counted by hand; rows read back through another connection."""

import asyncio
from itertools import chain
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.database import Database
from app.ledger.service import head_seq
from app.ledger.tables import EventRow
from tests.support.ledger import append, custom, event, items, order, query, refund, running_ledger, statuses


def test_the_same_event_again_is_a_duplicate_and_other_content_is_a_conflict(database: Database) -> None:
    first = custom("seen", event_id="x", value=1)
    with running_ledger(database) as ledger:
        assert append(ledger, first) == ["accepted"]
        assert append(ledger, first) == ["duplicate"]
        assert append(ledger, first | {"value": 2}) == ["conflict"]
    assert query(database, "SELECT seq, event_id, value FROM events") == [(1, "x", 1)]


def test_the_same_moment_in_another_offset_is_the_same_content(database: Database) -> None:
    first = custom("seen", event_id="x", occurred_at="2026-01-01T12:00:00+03:00")
    with running_ledger(database) as ledger:
        assert append(ledger, first, first | {"occurred_at": "2026-01-01T09:00:00Z"}) == [
            "accepted",
            "duplicate",
        ]


def test_duplicates_and_conflicts_inside_one_batch_are_seen(database: Database) -> None:
    first = custom("seen", event_id="x", value=1)
    one_order = order("o", event_id="y")
    with running_ledger(database) as ledger:
        found = append(
            ledger,
            first,
            first,
            first | {"value": 2},
            one_order,
            one_order | {"event_id": "z"},
            one_order | {"event_id": "w", "items_minor": 7},
        )
    assert found == ["accepted", "duplicate", "conflict", "accepted", "duplicate", "order_conflict"]
    assert head_seq(database) == 2


@pytest.mark.parametrize(
    ("first", "change", "code"),
    [
        (order("o", event_id="a"), {"items_minor": 999}, "order_conflict"),
        (refund("r", "o", event_id="a"), {"amount_minor": 1}, "refund_conflict"),
    ],
    ids=["order", "refund"],
)
def test_an_order_or_refund_under_another_event_id_counts_once(
    database: Database, first: dict[str, Any], change: dict[str, Any], code: str
) -> None:
    with running_ledger(database) as ledger:
        assert append(ledger, first) == ["accepted"]
        assert append(ledger, first | {"event_id": "b"}) == ["duplicate"]
        assert append(ledger, first | {"event_id": "c"} | change) == [code]
        assert append(ledger, first | {"event_id": "d", "visitor_id": "v-2"}) == [code]
    assert query(database, "SELECT event_id FROM events") == [("a",)]


def test_cancellations_and_refunds_may_come_before_their_order(database: Database) -> None:
    cancelled = event("order_cancelled", order_id="o", visitor_id=None)
    with running_ledger(database) as ledger:
        assert append(ledger, cancelled, refund("r", "o", visitor_id=None), order("o")) == ["accepted"] * 3
    assert query(database, "SELECT seq, type FROM events ORDER BY seq") == [
        (1, "order_cancelled"),
        (2, "refund"),
        (3, "order"),
    ]


def test_peoples_ids_stand_in_one_table_only_and_numbers_never_coincide(database: Database) -> None:
    same = {"visitor_id": "secret-person", "customer_id": "secret-person"}
    with running_ledger(database) as ledger:
        append(ledger, event("identify", **same), order("o", **same), order("p", visitor_id="secret-person"))
        append(ledger, order("q", **same))
    assert len(query(database, "SELECT number FROM identifiers")) == 2
    pairs = query(database, "SELECT DISTINCT visitor, customer FROM events WHERE customer IS NOT NULL")
    assert len(pairs) == 1
    assert pairs[0][0] != pairs[0][1]
    assert "secret-person" not in str(query(database, "SELECT * FROM events"))


def test_a_rejected_event_leaves_no_identifier_behind(database: Database) -> None:
    with running_ledger(database) as ledger:
        append(ledger, custom("a", event_id="x"))
        assert append(ledger, custom("a", event_id="x", visitor_id="stranger")) == ["conflict"]
    assert query(database, "SELECT id FROM identifiers") == [("v-1",)]


def test_a_new_process_knows_what_an_old_one_stored(database: Database) -> None:
    kept = order("o", event_id="a", customer_id="c-1")
    with running_ledger(database) as ledger:
        append(ledger, kept)
    with running_ledger(database) as ledger:
        assert append(ledger, kept, order("o2", customer_id="c-1")) == ["duplicate", "accepted"]
    assert len(query(database, "SELECT DISTINCT visitor, customer FROM events")) == 1


def test_eight_appenders_in_two_processes_leave_no_gap_and_store_each_event_once(database: Database) -> None:
    # every event is sent twice, once through each ledger; both ledgers stand for a process
    async def send_all() -> list[str]:
        async def one(worker: int) -> list[str]:
            found: list[str] = []
            for step in range(12):
                ledger = (left, right)[(worker + step) % 2]
                twin = worker // 2
                batch = [custom("n", event_id=f"{twin}-{step}-{i}", visitor_id=f"v-{i}") for i in range(5)]
                found += statuses(await ledger.append(items(*batch)))
            return found

        return list(chain.from_iterable(await asyncio.gather(*map(one, range(8)))))

    with running_ledger(database) as left, running_ledger(database) as right:
        answers = asyncio.run(send_all())
    assert sorted(answers) == ["accepted"] * 240 + ["duplicate"] * 240
    seqs = [seq for (seq,) in query(database, "SELECT seq FROM events ORDER BY seq")]
    assert seqs == list(range(1, 241))
    assert len(query(database, "SELECT number FROM identifiers")) == 5


@pytest.mark.parametrize("count", [50_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_orders_of_ten_kopecks_sum_exactly(database: Database, count: int) -> None:
    # 0.1 is no binary fraction: a float sum of 10^6 times 0.1 is 100000.00000133288
    template = items(order("o", items_minor=10))[0]

    def batch(start: int) -> list[Any]:
        return [
            template._replace(event_id=f"e{i}", content=template.content | {"order_id": f"o{i}"})
            for i in range(start, start + 5_000)
        ]

    async def send() -> None:
        for start in range(0, count, 5_000):
            await ledger.append(batch(start))

    with running_ledger(database) as ledger:
        asyncio.run(send())
    assert query(database, "SELECT sum(items_minor), count(*), max(seq) FROM events") == [
        (10 * count, count, count)
    ]


def test_the_database_itself_refuses_a_second_row_for_an_order(database: Database) -> None:
    with running_ledger(database) as ledger:
        append(ledger, order("o"))
    copy = EventRow(
        seq=2,
        event_id="other",
        visitor=1,
        received_at_us=0,
        digest=b"d" * 32,
        type="order",
        occurred_at_us=0,
        order_id="o",
        currency="RUB",
        items_minor=1,
        discount_minor=0,
        shipping_minor=0,
        paid=True,
    )
    with pytest.raises(IntegrityError, match=r"events_order_once|order_id"), database.write() as session:
        session.add(copy)


def test_the_database_itself_refuses_an_order_without_money(database: Database) -> None:
    bare = EventRow(
        seq=1,
        event_id="bare",
        visitor=1,
        received_at_us=0,
        digest=b"d" * 32,
        type="order",
        occurred_at_us=0,
        order_id="o",
    )
    with pytest.raises(IntegrityError, match="events_order"), database.write() as session:
        session.add(bare)
