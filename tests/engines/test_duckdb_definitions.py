"""The DuckDB engine on ledgers small enough for a hand: the numbers are typed from the definitions."""

from dataclasses import replace

import pyarrow as pa
import pytest

from app.engine.duckdb import DuckDBEngine
from app.engine.port import AnalysisData, Economics
from stats.cells import EntryCell, EventCell, MomentCell
from tests.support.ledgers import KINDS, LedgerRows, at, metric, request

ENGINE = DuckDBEngine()
RUB = Economics(currency="RUB", margin_ppm=(350_000, 350_000))


def moment(
    rows: LedgerRows,
    key: str,
    window_days: int = 3,
    economics: Economics | None = RUB,
    caps: dict[str, int] | None = None,
) -> MomentCell:
    """The one moment cell of a ledger with one cohort."""
    asked = request(metric(key, window_days), economics=economics, caps=caps)
    (cell,) = ENGINE.cells(asked, rows.data()).moments
    return cell


def profit(economics: Economics = RUB, **order: int | str | None) -> int:
    """Profit of one unit with one order."""
    rows = LedgerRows().expose(1, "low", at(5))
    row = {"items_minor": 1000} | order
    rows.order(1, at(6))
    rows.orders[0] |= row
    return moment(rows, "profit_per_unit", economics=economics).total


def one_unit() -> LedgerRows:
    return LedgerRows().expose(1, "low", at(5, 100))


# ---- who enters, and which orders count


@pytest.mark.parametrize(("seconds", "orders"), [(99, 0), (100, 1), (101, 1)])
def test_an_order_counts_from_the_second_of_the_exposure_on(seconds: int, orders: int) -> None:
    assert moment(one_unit().order(1, at(5, seconds)), "orders_per_unit").total == orders


@pytest.mark.parametrize(("day", "orders"), [(5, 1), (8, 1), (9, 0)])
def test_the_window_is_cut_by_the_shop_day_of_the_row_not_by_its_clock(day: int, orders: int) -> None:
    rows = one_unit().order(1, at(9) - 1, day=day)
    assert moment(rows, "orders_per_unit", window_days=3).total == orders


def test_a_unit_enters_under_its_first_exposure_and_a_tie_goes_to_the_smaller_event_id() -> None:
    rows = LedgerRows().expose(1, "low", at(5), event_id="b").expose(1, "control", at(5), event_id="a")
    rows.expose(2, "low", at(6)).expose(2, "low", at(7)).expose(3, "low", at(200))
    entries = ENGINE.cells(request(metric("conversion_rate", 3)), rows.data()).entries
    assert list(entries) == [
        EntryCell("control", 5, units=1, triggered=0, crossed_over=1),
        EntryCell("low", 6, units=1, triggered=0, crossed_over=0),
    ]


def test_a_unit_seen_under_two_ids_is_merged() -> None:
    rows = LedgerRows().expose(1, "low", at(5)).expose(1, "low", at(6), origin=9).expose(2, "low", at(5))
    rows.expose(2, "low", at(7)).expose(3, "low", at(5)).expose(3, "low", at(200), origin=8)
    (entry,) = ENGINE.cells(request(metric("conversion_rate", 3)), rows.data()).entries
    assert (entry.units, entry.merged) == (3, 1)


def test_a_trigger_is_a_paid_order_at_or_before_the_exposure_cancelled_or_not() -> None:
    rows = LedgerRows()
    for unit in range(1, 5):
        rows.expose(unit, "low", at(5, 100))
    rows.order(1, at(5, 100), cancelled_day=5).order(2, at(5, 101)).order(3, at(1), paid=False).order(
        4, at(1)
    )
    (entry,) = ENGINE.cells(request(metric("repeat_purchase_rate", 3)), rows.data()).entries
    assert entry.triggered == 2


@pytest.mark.parametrize(("cancelled_day", "orders"), [(9, 0), (10, 0), (11, 1), (None, 1)])
def test_a_cancellation_counts_up_to_maturity(cancelled_day: int | None, orders: int) -> None:
    # cohort day 5, window 3, settle 2: M = 10
    rows = one_unit().order(1, at(6), cancelled_day=cancelled_day)
    assert moment(rows, "orders_per_unit").total == orders


@pytest.mark.parametrize(("day", "revenue"), [(10, 900 - 250), (11, 900)])
def test_a_refund_counts_up_to_maturity(day: int, revenue: int) -> None:
    rows = one_unit().order(1, at(6), 1000, discount_minor=100).refund("o0", day, 250)
    assert moment(rows, "revenue_per_unit").total == revenue


def test_an_unpaid_order_never_counts() -> None:
    assert moment(one_unit().order(1, at(6), paid=False), "conversion_rate").buyers == 0


@pytest.mark.parametrize(("as_of_day", "cells"), [(9, 0), (10, 1)])
def test_a_cohort_has_moments_once_its_window_and_settle_days_have_closed(as_of_day: int, cells: int) -> None:
    counted = ENGINE.cells(request(metric("conversion_rate", 3), as_of_day=as_of_day), one_unit().data())
    assert (len(counted.moments), len(counted.entries)) == (cells, 1)


def test_a_repeat_buyer_orders_on_two_different_shop_days() -> None:
    same_day = one_unit().order(1, at(6)).order(1, at(6, 500))
    assert moment(same_day, "repeat_buyers_per_unit").total == 0
    assert moment(same_day.order(1, at(7)), "repeat_buyers_per_unit").total == 1


# ---- moments


def test_units_without_orders_are_zeros_and_squares_are_of_units_not_orders() -> None:
    rows = one_unit().expose(2, "low", at(5)).order(1, at(6), 300).order(1, at(7), 400)
    assert moment(rows, "revenue_per_unit") == MomentCell(
        "revenue_per_unit:3", "low", 5, units=2, buyers=1, total=700, squares=490_000, raw_total=700
    )


def test_average_order_value_has_money_above_and_orders_below() -> None:
    rows = one_unit().expose(2, "low", at(5)).order(1, at(6), 300).order(1, at(7), 400).order(2, at(6), 500)
    cell = moment(rows, "average_order_value")
    assert (cell.total, cell.squares) == (1200, 700**2 + 500**2)
    assert (cell.denominator, cell.denominator_squares, cell.cross) == (3, 4 + 1, 700 * 2 + 500)


def test_a_cap_cuts_both_tails_and_leaves_the_raw_total() -> None:
    rows = (
        one_unit().expose(2, "low", at(5)).order(1, at(6), 10_000).order(2, at(6), 100).refund("o1", 7, 900)
    )
    cell = moment(rows, "revenue_per_unit", caps={"revenue_per_unit:3": 500})
    assert (cell.total, cell.squares, cell.raw_total) == (500 - 500, 500_000, 10_000 - 800)


def test_exposure_cost_is_paid_once_for_every_unit_also_without_an_order() -> None:
    rows = one_unit().expose(2, "low", at(5)).expose(2, "low", at(6)).order(1, at(6), 1000)
    cell = moment(rows, "profit_per_unit", economics=replace(RUB, cost_per_exposure_minor=7))
    assert (cell.total, cell.squares, cell.buyers) == (350 - 7 - 7, 343**2 + 49, 2)


def test_squares_beyond_64_bits_are_exact() -> None:
    huge = 10**12 + 1
    rows = one_unit().order(1, at(6), huge)
    assert moment(rows, "revenue_per_unit").squares == huge * huge


# ---- money


def test_foreign_money_is_converted_amount_by_amount_half_away_from_zero() -> None:
    # 5 × 1/2 = 2.5 → 3, twice
    rows = one_unit().order(1, at(6), 5, currency="USD").order(1, at(7), 5, currency="USD")
    economics = replace(RUB, rates={"USD": (1, 2)})
    assert moment(rows, "revenue_per_unit", economics=economics).total == 6


def test_an_order_in_a_currency_without_a_rate_counts_but_its_unit_has_no_money() -> None:
    rows = one_unit().expose(2, "low", at(5)).order(1, at(6), currency="EUR").order(1, at(6)).order(2, at(6))
    asked = request(*(metric(key, 3) for key in ("orders_per_unit", "revenue_per_unit")), economics=RUB)
    cells = ENGINE.cells(asked, rows.data())
    orders, revenue = cells.moments
    assert (orders.total, orders.unusable) == (3, 0)
    assert (revenue.units, revenue.total, revenue.unusable) == (2, 1000, 1)
    assert cells.notes == {"currency_without_rate": 1}


def test_a_margin_share_is_taken_of_the_items_net_of_vat() -> None:
    # 1000 × 0.35 / 1.2 = 291.67
    assert profit(replace(RUB, vat_ppm=200_000)) == 292


def test_a_discount_costs_its_amount_net_of_vat() -> None:
    # at 20 % VAT a discount of 100 costs 83; margin 292 as above
    assert profit(replace(RUB, vat_ppm=200_000), discount_minor=100) == 292 - 83


def test_the_tax_of_an_order_replaces_the_vat_rate() -> None:
    # paid 1000 − 100 + 100 = 1000, tax 100: nine tenths stay; 1000 × 0.9 × 0.35 = 315; 100 × 0.9 = 90
    order = {"discount_minor": 100, "shipping_minor": 100, "tax_minor": 100, "shipping_cost_minor": 50}
    assert profit(replace(RUB, vat_ppm=200_000), **order) == 315 - 90 - (50 - 90)


def test_a_given_margin_goes_before_lines_and_lines_before_the_share() -> None:
    lines = {"lines_price_minor": 1200, "lines_cost_minor": 700}
    assert profit(replace(RUB, vat_ppm=200_000), margin_minor=123, **lines) == 123
    assert profit(replace(RUB, vat_ppm=200_000), **lines) == 1000 - 700


def test_gift_and_delivery_are_costs_and_unknown_delivery_is_no_term_at_all() -> None:
    assert profit(gift_cost_minor=40, shipping_minor=90, shipping_cost_minor=100) == 350 - 40 - 10
    assert profit(shipping_minor=90) == 350


def test_a_delivery_offer_without_delivery_cost_has_no_profit() -> None:
    rows = one_unit().order(1, at(6))
    asked = request(metric("profit_per_unit", 3), economics=replace(RUB, needs_delivery_cost=True))
    cells = ENGINE.cells(asked, rows.data())
    assert (cells.moments[0].unusable, cells.moments[0].total) == (1, 0)
    assert cells.notes == {"delivery_cost_missing": 1}


def test_an_unknown_margin_has_no_profit() -> None:
    rows = one_unit().order(1, at(6)).order(1, at(6), margin_minor=5)
    cells = ENGINE.cells(
        request(metric("profit_per_unit", 3), economics=replace(RUB, margin_ppm=None)), rows.data()
    )
    assert cells.moments[0].unusable == 1
    assert cells.notes == {"margin_unknown": 1}


def test_an_interval_of_margins_gives_two_labels() -> None:
    asked = request(metric("profit_per_unit", 3), economics=replace(RUB, margin_ppm=(200_000, 400_000)))
    cells = ENGINE.cells(asked, one_unit().order(1, at(6)).data())
    assert {cell.metric: cell.total for cell in cells.moments} == {
        "profit_per_unit:3#lo": 200,
        "profit_per_unit:3#hi": 400,
    }


@pytest.mark.parametrize(
    ("refunds", "left"),
    [
        ([(450, None)], 250 - 125),  # half of what was paid
        ([(300, None), (9000, None)], 0),  # more than was paid gives back no more
        ([(450, 60)], 250 - 60),  # the shop knows what came back
        ([(450, 60), (450, None)], 250 - 60 - 125),
    ],
)
def test_refunds_take_back_profit_in_proportion(refunds: list[tuple[int, int | None]], left: int) -> None:
    # margin 350 − discount 100 = 250 on 900 paid
    rows = one_unit().order(1, at(6), 1000, discount_minor=100)
    for amount, margin in refunds:
        rows.refund("o0", 8, amount, margin)
    assert moment(rows, "profit_per_unit").total == left


# ---- first events


def events(rows: LedgerRows, as_of_day: int = 100) -> list[EventCell]:
    asked = request(metric("repeat_purchase_rate", 3), as_of_day=as_of_day)
    return list(ENGINE.cells(asked, rows.data()).events)


def change(age: int, known_day: int, count: int) -> EventCell:
    return EventCell("repeat_purchase_rate:3", "low", 5, age, known_day, count)


def buyer() -> LedgerRows:
    """A unit whose exposure is its first order."""
    return one_unit().order(1, at(5, 100))


def test_the_event_is_the_first_order_at_age_one_or_more() -> None:
    assert events(buyer().order(1, at(5, 500)).order(1, at(7)).order(1, at(8))) == [change(2, 7, 1)]


def test_an_order_past_the_window_or_of_a_unit_without_a_trigger_is_no_event() -> None:
    assert events(buyer().order(1, at(9))) == []
    assert events(one_unit().order(1, at(7))) == []


def test_a_cancelled_event_is_taken_back_and_moves_to_the_next_order() -> None:
    rows = buyer().order(1, at(6), cancelled_day=9).order(1, at(8))
    assert events(rows) == [change(1, 6, 1), change(1, 9, -1), change(3, 9, 1)]
    assert events(rows, as_of_day=8) == [change(1, 6, 1)]


def test_a_cancellation_after_maturity_leaves_the_event() -> None:
    assert events(buyer().order(1, at(6), cancelled_day=11)) == [change(1, 6, 1)]
    assert events(buyer().order(1, at(6), cancelled_day=10)) == [change(1, 6, 1), change(1, 10, -1)]


def test_an_order_cancelled_on_its_own_day_was_never_an_event() -> None:
    assert events(buyer().order(1, at(6), cancelled_day=6)) == []


# ---- caps, totals, refusals


def test_first_buyer_values_come_in_order_of_entry_from_mature_units() -> None:
    rows = LedgerRows().expose(1, "low", at(6)).expose(2, "low", at(5)).expose(3, "low", at(99))
    rows.expose(4, "low", at(7)).order(1, at(6), 100).order(2, at(6), 200).order(3, at(99), 300)
    asked = request(metric("revenue_per_unit", 3), economics=RUB)
    assert ENGINE.first_buyer_values(asked, rows.data(), "revenue_per_unit:3", 10) == [200, 100]
    assert ENGINE.first_buyer_values(asked, rows.data(), "revenue_per_unit:3", 1) == [200]
    with pytest.raises(ValueError, match="orders_per_unit:3"):
        ENGINE.first_buyer_values(asked, rows.data(), "orders_per_unit:3", 1)
    with pytest.raises(ValueError, match="at least 1"):
        ENGINE.first_buyer_values(asked, rows.data(), "revenue_per_unit:3", 0)


def test_unit_totals_have_a_row_per_unit_with_raw_values() -> None:
    rows = buyer().expose(2, "control", at(99)).order(1, at(6), 700)
    asked = request(
        metric("average_order_value", 3),
        metric("repeat_purchase_rate", 3),
        economics=RUB,
        caps={"average_order_value:3": 1},
    )
    first, second = ENGINE.unit_totals(asked, rows.data()).to_pylist()
    assert first == {
        "unit": 1,
        "variant": "low",
        "t0_us": at(5, 100),
        "cohort_day": 5,
        "average_order_value:3": 1700,
        "average_order_value:3.denominator": 2,
        "average_order_value:3.mature": True,
        "repeat_purchase_rate:3": 1,
        "repeat_purchase_rate:3.mature": True,
    }
    assert (second["repeat_purchase_rate:3"], second["repeat_purchase_rate:3.mature"]) == (None, False)


def test_an_empty_ledger_has_no_cells() -> None:
    cells = ENGINE.cells(request(*(metric(key, 3) for key in KINDS), economics=RUB), LedgerRows().data())
    assert (cells.entries, cells.moments, cells.events, cells.notes) == ([], [], [], {})


def test_an_unknown_metric_is_refused_by_name() -> None:
    unknown = replace(metric("conversion_rate", 3), key="customers:opened")
    with pytest.raises(ValueError, match="customers:opened"):
        ENGINE.cells(request(unknown), LedgerRows().data())


@pytest.mark.parametrize(
    ("economics", "message"),
    [
        (replace(RUB, margin_ppm=(2, 1)), "empty interval"),
        (replace(RUB, rates={"USD": (1, 0)}), "USD"),
        (replace(RUB, vat_ppm=-1), "vat_ppm"),
    ],
)
def test_broken_economics_are_refused(economics: Economics, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ENGINE.cells(request(metric("profit_per_unit", 3), economics=economics), LedgerRows().data())


def test_money_without_a_currency_and_a_label_twice_are_refused() -> None:
    asked = request(metric("revenue_per_unit", 3))
    with pytest.raises(ValueError, match="neither economics nor a currency"):
        ENGINE.cells(replace(asked, plan=replace(asked.plan, currency=None)), LedgerRows().data())
    with pytest.raises(ValueError, match="two metrics"):
        ENGINE.cells(request(metric("conversion_rate", 3), metric("conversion_rate", 3)), LedgerRows().data())


def test_a_table_without_a_column_or_with_a_null_is_refused_by_column() -> None:
    data = LedgerRows().data()
    with pytest.raises(ValueError, match="missing column: day"):
        ENGINE.cells(
            request(metric("conversion_rate", 3)), replace(data, refunds=data.refunds.drop_columns(["day"]))
        )
    holed = pa.table(
        {name: pa.nulls(1, data.exposures.field(name).type) for name in data.exposures.column_names}
    )
    with pytest.raises(ValueError, match="event_id"):
        ENGINE.cells(request(metric("conversion_rate", 3)), AnalysisData(holed, data.orders, data.refunds))


# ---- costs that belong to no order


def test_a_unit_that_only_got_a_message_costs_what_the_message_cost() -> None:
    rows = one_unit().cost(1, at(6), 250)
    assert moment(rows, "profit_per_unit") == MomentCell(
        "profit_per_unit:3", "low", 5, 1, 1, -250, 62_500, -250
    )
    assert moment(rows, "revenue_per_unit").total == 0


def test_points_owed_are_net_of_vat_and_given_back_when_they_are_spent() -> None:
    rows = one_unit().cost(1, at(6), 1200, "points").cost(1, at(7), -600, "points")
    economics = replace(RUB, vat_ppm=200_000)
    assert moment(rows, "profit_per_unit", economics=economics).total == -1000 + 500


def test_every_component_of_profit_in_one_order_by_hand() -> None:
    """Items 1200.00, margin 35 %, VAT 20 %: 350 − 100 (of 120) − gift 50 − (delivery 90 − 60 of 72)
    − message 2 − exposure 1 − points 10 (of 12) − half the order refunded (of 1152: (350 − 100) / 2)."""
    economics = replace(RUB, vat_ppm=200_000, cost_per_exposure_minor=100)
    rows = one_unit().order(
        1,
        at(6),
        120_000,
        discount_minor=12_000,
        shipping_minor=7_200,
        shipping_cost_minor=9_000,
        gift_cost_minor=5_000,
    )
    rows.refund("o0", 7, 57_600).cost(1, at(5, 200), 200).cost(1, at(6), 1_200, "points")
    expected = 35_000 - 10_000 - 5_000 - (9_000 - 6_000) - 200 - 100 - 1_000 - 12_500
    assert moment(rows, "profit_per_unit", economics=economics).total == expected
