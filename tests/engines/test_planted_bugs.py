"""Bugs planted in the questions one at a time: the brute-force engine (the oracle) must notice each."""

from dataclasses import replace

import pytest

import app.engine.duckdb as engine_module
from app.engine.duckdb import DuckDBEngine
from app.engine.port import AnalysisRequest, Economics, OfferQuestion
from app.engine.sql import question
from tests.support.brute_force import BruteForceEngine
from tests.support.ledgers import KINDS, LedgerRows, at, metric, request

BUGS = [
    ("entered", "ORDER BY x.occurred_us, x.event_id", "ORDER BY x.occurred_us, x.event_id DESC"),
    ("entered", "p.first_us <= s.occurred_us", "p.first_us < s.occurred_us"),
    ("entered", "min(variant) <> max(variant)", "count(*) > 1"),
    ("entered", "WHERE paid", "WHERE TRUE"),
    ("outcomes", "o.occurred_us >= e.t0_us", "o.occurred_us > e.t0_us"),
    ("outcomes", "o.occurred_us >= e.t0_us", "o.day >= e.cohort_day"),
    ("outcomes", "    o.paid\n", "    TRUE\n"),
    ("converted", "tax IS NOT NULL AND", "FALSE AND"),
    ("converted", "1000000 + t.vat_ppm", "1000000"),
    ("converted", "div_round(o.items_minor * r.numerator, r.denominator)", "o.items_minor"),
    ("priced", "THEN 0 ELSE n.shipping_cost", "THEN -n.net_shipping ELSE n.shipping_cost"),
    ("priced", "c.discount * c.keep_numerator, c.keep_denominator", "c.discount, 1"),
    ("priced", "t.margin_hi_ppm", "t.margin_lo_ppm"),
    ("priced", "AND NOT delivery_missing", ""),
    ("counted", "p.age <= w.window_days", "p.age < w.window_days"),
    ("counted", "cancelled_day > closed_day", "cancelled_day >= closed_day"),
    ("counted", "cancelled_day > closed_day", "FALSE"),
    ("settled", "WHERE r.day <= c.closed_day", "WHERE TRUE"),
    ("settled", "WHERE r.day <= c.closed_day", "WHERE r.day < c.closed_day"),
    ("settled", "least(coalesce(r.amount_without_margin, 0), c.paid_total)", "coalesce(r.amount, 0)"),
    ("unit_sums", "min(day) <> max(day)", "count(*) > 1"),
    ("unit_sums", "bool_and(rate_known)", "TRUE"),
    ("values_of_orders", "THEN s.orders ELSE 0", "THEN 1 ELSE 0"),
    ("cost_sums", "c.occurred_us >= e.t0_us", "TRUE"),
    ("cost_sums", "c.day - e.cohort_day <= w.window_days", "c.day - e.cohort_day < w.window_days"),
    ("cost_sums", "1000000 + t.vat_ppm", "1000000"),
    ("values_of_profits", "s.profit_hi + m.idle - coalesce(c.cost, 0)", "s.profit_hi + m.idle"),
    ("values_of_profits", "m.idle - c.cost", "m.idle"),
    ("values_of_profits", "WHERE s.unit IS NULL", ""),
    ("values_of_newcomers", "b.occurred_us < e.t0_us", "b.occurred_us <= e.t0_us"),
    ("values_of_newcomers", "b.cancelled_day > e.cohort_day", "b.cancelled_day > e.cohort_day + 1"),
    ("values_of_newcomers", "        b.paid\n        AND", "       "),
    ("values_of_newcomers", "WHERE k.person IS NULL", ""),
    ("values_of_newcomers", "coalesce(p.person, o.unit)", "o.unit"),
    ("values_of_newcomers", "count(DISTINCT b.person)", "count(*)"),
    ("values_of_newcomers", "AND k.person = b.person", ""),
    ("values_of_uses", "u.day <= c.closed_day AND", ""),
    ("values_of_uses", "u.reversed_day > c.closed_day", "FALSE"),
    ("values_of_uses", "u.reversed_day > c.closed_day", "u.reversed_day >= c.closed_day"),
    ("values_of_uses", "count(DISTINCT c.order_id)", "count(*)"),
    ("values_of_customs", "c.occurred_us >= e.t0_us", "TRUE"),
    ("values_of_customs", "c.day - e.cohort_day <= m.window_days", "c.day - e.cohort_day < m.window_days"),
    ("values_of_customs", "bool_or(c.trusted AND c.value IS NULL)", "FALSE"),
    ("values_of_customs", "sum(CASE WHEN c.trusted THEN c.value END)", "sum(c.value)"),
    ("values_of_lines", "bool_or(l.sku IS NULL)", "FALSE"),
    ("values_of_lines", "l.sku = m.subject", "l.sku IS NOT NULL"),
    ("values_of_baskets", "c.items >= m.threshold", "c.items > m.threshold"),
    ("values_of_baskets", "10 * c.items < 11 * m.threshold", "10 * c.items <= 11 * m.threshold"),
    ("unit_sums", "CASE WHEN discounted THEN 0 ELSE 1 END", "1"),
    ("settled", "WHEN r.amount_minor > 0", "WHEN r.amount_minor >= 0"),
    ("notes_of_lines", "p.age <= a.days AND", ""),
    ("notes_of_customs", "trusted AND valueless", "valueless"),
    ("moments", "(v.x <> 0 OR v.y <> 0)", "v.x <> 0"),
    ("offer_arms", "<= $closed_day", "< $closed_day"),
    ("offer_arms", "s.discount = 0", "s.discount <= 100"),
    ("offer_arms", "count(DISTINCT s.unit)", "count(s.unit)"),
    ("offer_arms", "s.refundable_lo * s.returned_part", "s.refundable_hi * s.returned_part"),
    ("offer_arms", "-a.idle", "a.idle"),
    ("offer_ages", "b.age >= a.age", "b.age > a.age"),
    ("offer_ages", "<= $closed_day", "<= $closed_day + 1"),
    ("offer_takers", "k.occurred_us >= e.t0_us AND", ""),
    ("offer_takers", "THEN m.idle ELSE", "THEN 0 ELSE"),
    ("offer_takers", "greatest(least(x, cap), -cap)", "x"),
    ("moments", "greatest(least(x, cap), -cap)", "least(x, cap)"),
    ("moments", "WHEN x IS NULL OR cap IS NULL", "WHEN cap IS NULL"),
    ("moments", "squares + resting * idle_capped * idle_capped", "squares"),
    ("moments", "<= t.as_of_day", "< t.as_of_day"),
    ("moments", "sum(v.capped * v.capped)", "sum(v.capped) * sum(v.capped)"),
    ("first_events", "o.triggered AND", "TRUE AND"),
    ("first_events", "o.age >= 1", "o.age >= 0"),
    ("first_events", "o.age <= m.window_days", "o.age < m.window_days"),
    ("first_events", "earlier_end_day > start_day", "FALSE"),
    ("first_events", "o.cancelled_day <= o.cohort_day + m.mature_days", "o.cancelled_day IS NOT NULL"),
    ("first_events", "o.cancelled_day <= o.cohort_day + m.mature_days", "FALSE"),
    ("events", "c.known_day <= t.as_of_day", "TRUE"),
    ("recurrent_orders", "o.triggered AND", "TRUE AND"),
    ("recurrent_orders", "o.age >= 1", "o.age >= 0"),
    ("recurrent_orders", "o.age <= m.window_days", "o.age < m.window_days"),
    ("recurrent_orders", "o.cancelled_day <= o.cohort_day + m.mature_days", "FALSE"),
    ("recurrent_orders", "o.cancelled_day <= o.cohort_day + m.mature_days", "o.cancelled_day IS NOT NULL"),
    ("recurrences", "b.age >= a.age", "b.age > a.age"),
    ("recurrences", "greatest(a.from_day, b.from_day)", "a.from_day"),
    ("recurrences", "least(a.end_day, b.end_day)", "a.end_day"),
    ("recurrences", "c.known_day <= t.as_of_day", "TRUE"),
]


def crowded_ledger() -> LedgerRows:
    """Cohorts of day 5 (M = 10) and day 20, with one row on either side of every edge."""
    rows = LedgerRows()
    for unit in range(1, 9):
        rows.expose(unit, "low" if unit % 2 else "control", at(5, 100))
    rows.expose(1, "control", at(5, 100)).expose(2, "control", at(6)).expose(3, "control", at(7))
    rows.expose(11, "low", at(20)).expose(12, "low", at(25)).expose(13, "low", at(28))
    rows.order(1, at(5, 100), 1000, discount_minor=100).order(1, at(5, 99), 50).order(1, at(6), 70)
    rows.order(2, at(6), 11_003, discount_minor=37, shipping_minor=90, tax_minor=400).order(2, at(6, 5), 40)
    rows.order(3, at(8), 505, currency="USD", shipping_minor=7, shipping_cost_minor=30)
    rows.order(3, at(4), paid=False).order(3, at(9), 999)
    rows.order(4, at(6), cancelled_day=10).order(4, at(7), 300, cancelled_day=11).order(4, at(7), paid=False)
    rows.order(5, at(6), currency="EUR").order(5, at(6), 40)
    rows.order(6, at(3)).order(6, at(5, 200)).order(6, at(6), cancelled_day=9).order(
        6, at(8), cancelled_day=30
    )
    rows.order(7, at(5, 100)).order(7, at(5, 300)).order(7, at(8), 200, shipping_cost_minor=5)
    rows.order(11, at(20)).order(11, at(21), cancelled_day=40).order(12, at(25)).order(12, at(31))
    rows.refund("o0", 10, 100).refund("o0", 11, 50).refund("o2", 7, 5000).refund("o3", 8, 300, 20)
    rows.cost(1, at(5, 100), 11).cost(1, at(5, 99), 500).cost(1, at(8), 7, "points").cost(1, at(9), 900)
    rows.cost(8, at(6), 13).cost(8, at(7), -5, "points").cost(12, at(28), 17).cost(13, at(31), 19)
    rows.expose(14, "low", at(26)).order(14, at(27)).expose(15, "low", at(5)).claim(15, at(6))
    for order_id in ("o0", "o3", "o5", "o12", "o17", "o20"):
        rows.redeem(order_id)
    add_around(rows)
    rows.claim(1, at(5, 100)).claim(1, at(6)).claim(3, at(5, 99)).claim(8, at(8)).claim(7, at(9))
    return rows


def add_around(rows: LedgerRows) -> None:
    """Old and new customers, uses, products, baskets at a threshold and custom events, at every edge."""
    for unit, cancelled_day in ((31, None), (32, 5), (33, 6), (34, 20)):
        rows.expose(unit, "low", at(5, 100)).order(unit, at(4), cancelled_day=cancelled_day).order(
            unit, at(6)
        )
    rows.expose(36, "low", at(5, 100)).order(36, at(4)).order(36, at(6)).order(36, at(7)).order(36, at(7, 9))
    for place, person in ((-3, 36), (-2, 50), (-1, 50)):
        rows.by(f"o{len(rows.orders) + place}", person)
    rows.expose(37, "low", at(5)).order(37, at(5)).order(37, at(6)).order(37, at(7), cancelled_day=9)
    rows.expose(35, "low", at(5, 100)).order(35, at(4), paid=False).order(35, at(6))
    orders = [f"o{len(rows.orders) + place}" for place in range(6)]
    for place, items_minor in enumerate((999, 1000, 1099, 1100, 1050, 400)):
        rows.expose(40 + place, "low", at(5)).order(40 + place, at(6), items_minor)
    rows.use(orders[0], 6).use(orders[0], 7).use(orders[1], 6, 10).use(orders[2], 6, 11).use(orders[3], 11)
    rows.use(orders[4], 6, 30).refund(orders[5], 7, 0, 5)
    rows.holds(orders[0], "tea", "jam").holds(orders[1], "jam").holds(orders[2], None).holds("o30", None)
    rows.order(45, at(9)).holds(f"o{len(rows.orders) - 1}", None)
    rows.custom(40, at(5)).custom(41, at(4, 86_399)).custom(42, at(8), value=3, value_minor=4)
    rows.custom(43, at(9), value=1).custom(44, at(6), trusted=False, value=9).custom(44, at(6), value=2)
    rows.custom(45, at(6), trusted=False).custom(12, at(28), value=7).custom(12, at(31), value=8)
    rows.custom(3, at(5, 99), value=5).custom(46, at(6), "unsubscribe").custom(1, at(6), "unsubscribe")


def crowded_request(as_of_day: int, *, needs_delivery_cost: bool) -> AnalysisRequest:
    economics = Economics(
        currency="RUB",
        margin_ppm=(300_000, 400_000),
        vat_ppm=200_000,
        cost_per_exposure_minor=3,
        rates={"USD": (3, 2)},
        needs_delivery_cost=needs_delivery_cost,
    )
    metrics = [metric(key, 3) for key in sorted(KINDS)]
    metrics += [metric("custom:opened", 3, about) for about in ("count", "sum", "sum_minor")]
    caps = {"revenue_per_unit:3": 800, "profit_per_unit:3": 300}
    asked = request(*metrics, as_of_day=as_of_day, economics=economics, caps=caps)
    return replace(asked, offers=OfferQuestion(3, 3, as_of_day))


def differ() -> bool:
    """Whether the engine and the oracle disagree on one of three questions."""
    data = crowded_ledger().data()
    return any(
        DuckDBEngine().cells(asked, data) != BruteForceEngine().cells(asked, data)
        for asked in (
            crowded_request(30, needs_delivery_cost=False),
            crowded_request(60, needs_delivery_cost=True),
            crowded_request(10, needs_delivery_cost=False),
        )
    )


def test_without_a_bug_the_engines_agree_on_the_crowded_ledger() -> None:
    assert not differ()


@pytest.mark.parametrize(("name", "right", "wrong"), BUGS)
def test_a_planted_bug_is_noticed(name: str, right: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert right in question(name)

    def bugged(asked: str) -> str:
        return question(asked).replace(right, wrong) if asked == name else question(asked)

    monkeypatch.setattr(engine_module, "question", bugged)
    assert differ()


def test_rounding_down_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = "CREATE TEMP MACRO div_round(a, b) AS a // b"
    monkeypatch.setattr(engine_module, "_DIV_ROUND", floor)
    assert differ()
