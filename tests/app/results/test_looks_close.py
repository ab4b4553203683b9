"""Looks: closed in order, written once, the same day by day or at once. Oracle: one way against the other."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import select

from app.clock import day_number
from app.errors import Conflict
from app.experiments.queries import get_row
from app.results import service
from app.results.closing import close_range
from app.results.service import Closing, close_due_days, close_looks
from app.results.tables import CapRow, LookRow
from stats.caps import nearest_rank_cap
from tests.support.results_shop import (
    CLOSED,
    KEY,
    START,
    TREATMENT,
    Shop,
    definition,
    exposure,
    order,
    refund,
    shoppers,
    variant_of,
)

LAST = day_number(CLOSED)
UNITS = 300


def written(shop: Shop) -> list[tuple[str, str, int, dict[str, Any]]]:
    with shop.database.read() as session:
        rows = session.exec(select(LookRow)).all()
        return sorted((r.metric, r.treatment, r.number, r.document) for r in rows)


def caps(shop: Shop) -> dict[str, tuple[int, int]]:
    with shop.database.read() as session:
        return {row.metric: (row.cap_minor, row.day) for row in session.exec(select(CapRow)).all()}


def closed_through(shop: Shop) -> int | None:
    with shop.database.read() as session:
        return get_row(session, KEY).closed_through


def login(visitor: str, customer: str, number: int) -> dict[str, Any]:
    at = START + timedelta(days=10 + number % 5, hours=3)
    event = {"event_id": f"i-{visitor}", "type": "identify", "visitor_id": visitor, "customer_id": customer}
    return event | {"occurred_at": at.isoformat()}


def shared_customers() -> list[dict[str, Any]]:
    """Every tenth visitor logs in, two under one customer; then the customer buys without a cookie."""
    links = [login(f"v-{n}", f"c-{n // 20}", n) for n in range(0, UNITS, 10)]
    bought = START + timedelta(days=12)
    orders = [
        order(f"o-c-{n}", bought, None, customer_id=f"c-{n}", items_minor=90_000) for n in range(UNITS // 20)
    ]
    return links + orders


@pytest.mark.parametrize("linked", [pytest.param(False, marks=pytest.mark.long), True])
def test_closing_day_by_day_writes_what_closing_at_once_writes(
    shop: Shop, *, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.define()
    shop.send(shoppers(UNITS) + (shared_customers() if linked else []))
    at_once: list[Any] = []
    with monkeypatch.context() as patched:
        patched.setattr(service, "_write", lambda _s, _row, _day, closed: at_once.append(closed))
        close_looks(shop.services, KEY, LAST)
    assert written(shop) == []
    for day in range(day_number("2026-01-05"), LAST + 1):
        assert close_looks(shop.services, KEY, day).closed_through == day
    assert len(written(shop)) > 40
    in_order = sorted(at_once[0].looks, key=lambda look: (look.metric, look.treatment, look.number))
    rows = [service._look_row(row_of(shop), look) for look in in_order]
    counted = [(r.metric, r.treatment, r.number, json.loads(json.dumps(r.document))) for r in rows]
    assert counted == written(shop)
    assert {label: at_once[0].caps[label] for label in caps(shop)} == {
        label: cap for label, (cap, _) in caps(shop).items()
    }


def row_of(shop: Shop) -> Any:
    with shop.database.read() as session:
        return get_row(session, KEY)


def test_a_late_refund_changes_no_written_look(shop: Shop) -> None:
    shop.define()
    shop.send(shoppers(UNITS))
    close_looks(shop.services, KEY, LAST)
    before, frozen = written(shop), caps(shop)
    assert before
    shop.send([refund("o-2-0", START + timedelta(days=3), 100_000)])
    assert close_looks(shop.services, KEY, LAST) == Closing(LAST, 0)
    assert (written(shop), caps(shop)) == (before, frozen)


def test_of_two_closers_one_writes_and_the_other_finds_it_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.define()
    shop.send(shoppers(60))
    both_counted = Barrier(2)

    def together(*arguments: Any) -> Any:
        closed = close_range(*arguments)
        both_counted.wait(timeout=60)
        return closed

    monkeypatch.setattr(service, "close_range", together)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: close_looks(shop.services, KEY, LAST), range(2)))
    counts = sorted(closing.looks_written for closing in done)
    assert counts[0] == 0 < counts[1] == len(written(shop))
    assert {closing.closed_through for closing in done} == {LAST}


def test_days_that_have_not_ended_are_left_open(sqlite_shop: Shop) -> None:
    sqlite_shop.set_time(START + timedelta(days=9, hours=12))  # 14 January, 15:00 in Moscow
    sqlite_shop.define()
    sqlite_shop.send(shoppers(20)[:1])
    done = close_looks(sqlite_shop.services, KEY, LAST)
    assert done.closed_through == day_number("2026-01-13")


def test_a_draft_has_no_looks_to_close(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.results_shop.start", lambda *_: None)
    sqlite_shop.define()
    with pytest.raises(Conflict, match="draft"):
        close_looks(sqlite_shop.services, KEY, LAST)


def test_caps_freeze_on_the_day_of_the_first_tested_look(sqlite_shop: Shop) -> None:
    """Oracle: written looks themselves; 3 × the largest threshold of 3000 ₽ is the floor."""
    sqlite_shop.define()
    sqlite_shop.send(shoppers(UNITS))
    close_looks(sqlite_shop.services, KEY, LAST)
    cap, day = caps(sqlite_shop)["revenue_per_unit:7"]
    assert cap == 900_000
    tested = [d["day"] for m, _, _, d in written(sqlite_shop) if m == "revenue_per_unit:7" and d["tested"]]
    assert day_number(min(tested)) >= day
    assert "average_order_value:7" not in caps(sqlite_shop)


def test_a_cap_of_the_plan_wins_and_is_not_frozen_again(sqlite_shop: Shop) -> None:
    sqlite_shop.define(definition(plan={"cap_minor": 250_000}))
    sqlite_shop.send(shoppers(UNITS))
    close_looks(sqlite_shop.services, KEY, LAST)
    assert caps(sqlite_shop) == {}
    capped = [d for m, _, _, d in written(sqlite_shop) if m == "revenue_per_unit:7"]
    assert any(d["difference"] != d["raw_difference"] for d in capped)


@pytest.mark.parametrize(("count", "rank"), [(1, 1), (10, 10), (999, 999), (1000, 999), (2000, 1998)])
def test_the_cap_is_the_nearest_rank(count: int, rank: int) -> None:
    """Oracle: ⌈0.999 n⌉ by hand."""
    assert nearest_rank_cap(list(range(count, 0, -1)), 0) == rank


class TestClosingByTheClock:
    """Live days close six hours after the shop's midnight; an import is left to its importer."""

    def test_a_live_day_closes_six_hours_after_midnight(self, sqlite_shop: Shop) -> None:
        sqlite_shop.set_time(START)
        sqlite_shop.define()
        sqlite_shop.set_time(START + timedelta(days=3, hours=2, minutes=59))  # 05:59 in Moscow
        close_due_days(sqlite_shop.services)
        assert closed_through(sqlite_shop) == day_number("2026-01-06")
        sqlite_shop.set_time(START + timedelta(days=3, hours=3))
        close_due_days(sqlite_shop.services)
        assert closed_through(sqlite_shop) == day_number("2026-01-07")

    def test_an_import_waits_for_its_importer(self, sqlite_shop: Shop) -> None:
        sqlite_shop.define()  # ninety days after starts_at
        close_due_days(sqlite_shop.services)
        assert closed_through(sqlite_shop) is None
        close_looks(sqlite_shop.services, KEY, day_number("2026-04-04"))
        sqlite_shop.clock.advance(2 * 86_400)
        close_due_days(sqlite_shop.services)
        assert (closed_through(sqlite_shop) or 0) >= day_number("2026-04-05")


def test_the_shoppers_of_this_file_are_seen_in_both_variants() -> None:
    assert {variant_of(f"v-{n}") for n in range(20)} > {TREATMENT}
    assert exposure("v-1", START)["type"] == "exposure"
