"""Closing shop days; oracles: day by day against one batch, fresh recursions, binomial bands, hand counts."""

import json
import math
import time
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest

from stats.cell_view import CellView
from stats.cells import Cells, EntryCell, MomentCell
from stats.family import level
from stats.looks import LookBook, _boundary
from stats.plan import AnalysisPlan, Metric
from stats.results import Look
from stats.sequential.boundaries import OneSidedRecursion
from stats.sequential.group_sequential import HalfTest
from stats.sequential.spending import parse_spending
from stats.shop_days import day_number, iso_day
from tests.support.shop_rows import FIRST_DAY, Shopper, shop_cells, shoppers

CONVERSION = Metric("conversion_rate", "primary", "proportion", 2)
REVENUE = Metric("revenue_per_unit", "secondary", "mean", 2, money=True, signed=True)
PROFIT = Metric(
    "profit_per_unit", "guardrail", "mean", 2, money=True, signed=True, non_inferiority_margin=0.02
)
ORDERS = Metric("orders_per_unit", "secondary", "mean", 2)
VALUE = Metric("average_order_value", "secondary", "ratio", 2, money=True, explanatory=True)
REPEAT = Metric("repeat_purchase_rate", "secondary", "survival", 10)
COLUMNS = {
    "conversion_rate:2": "bought",
    "revenue_per_unit:2": "spent",
    "profit_per_unit:2": "spent",
    "orders_per_unit:2": "orders",
    "average_order_value:2": "value_per_order",
}
PLAN = AnalysisPlan(
    "shop",
    1,
    ("a", "b"),
    "a",
    (0.5, 0.5),
    (CONVERSION, REVENUE, PROFIT, ORDERS, VALUE, REPEAT),
    planned_units=8000,
    settle_days=1,
)
DAILY = replace(PLAN, look_days="daily")
ROWS = shoppers(11, 40, 150, {"a": 0.10, "b": 0.12}, back_hazard={"a": 0.02, "b": 0.025})
CELLS = shop_cells(ROWS, COLUMNS, (REPEAT.label, REPEAT.window_days))
LAST = FIRST_DAY + 55


def closed(plan: AnalysisPlan, cells: Cells, days: range, *, final_day: int | None = None) -> list[Look]:
    book, view = LookBook(plan), CellView(cells)
    return [look for day in days for look in book.close(day, view, final=day == final_day)]


def known_on(cells: Cells, plan: AnalysisPlan, day: int) -> Cells:
    """The cells an engine would have given on an earlier day."""
    window = {metric.label: metric.window_days for metric in plan.metrics}
    return Cells(
        [c for c in cells.entries if c.cohort_day <= day],
        [c for c in cells.moments if c.cohort_day + window[c.metric] + plan.settle_days <= day],
        [c for c in cells.events if c.known_day <= day],
    )


@pytest.mark.parametrize("plan", [PLAN, DAILY], ids=["weekly", "daily"])
def test_closing_day_by_day_from_stored_looks_equals_closing_in_one_batch(plan: AnalysisPlan) -> None:
    batch = closed(plan, CELLS, range(FIRST_DAY, LAST))
    stored: list[Look] = []
    for day in range(FIRST_DAY, LAST):
        kept = [Look(**json.loads(json.dumps(asdict(look)))) for look in stored]
        kept = [replace(look, tested=tuple(look.tested)) for look in kept]
        stored += LookBook(plan, kept).close(day, known_on(CELLS, plan, day))
    assert stored == batch
    assert {look.metric for look in batch} == {metric.label for metric in plan.metrics}


def test_closing_a_day_again_writes_nothing() -> None:
    book = LookBook(DAILY)
    first = [look for day in range(FIRST_DAY, FIRST_DAY + 20) for look in book.close(day, CELLS)]
    assert first
    assert book.close(FIRST_DAY + 19, CELLS) == []
    assert book.close(FIRST_DAY + 5, CELLS) == []


def test_no_look_is_written_without_new_information() -> None:
    looks = closed(DAILY, CELLS, range(FIRST_DAY, FIRST_DAY + 80))
    last_conversion = max(look.day for look in looks if look.metric == CONVERSION.label)
    last_repeat = max(look.day for look in looks if look.metric == REPEAT.label)
    assert last_conversion == iso_day(FIRST_DAY + 39 + 2 + 1)
    assert last_repeat == iso_day(FIRST_DAY + 39 + 10 + 1)


def test_only_mature_cohorts_are_read() -> None:
    look = closed(DAILY, CELLS, range(FIRST_DAY + 20, FIRST_DAY + 21))[0]
    counted = [r for r in ROWS if r.cohort_day + 2 + 1 <= FIRST_DAY + 20]
    assert look.metric == CONVERSION.label
    assert look.n_control == sum(r.variant == "a" for r in counted)
    assert look.n_treatment == sum(r.variant == "b" for r in counted)


def test_information_and_fraction_never_go_down_once_tested() -> None:
    looks = closed(DAILY, CELLS, range(FIRST_DAY, LAST))
    for label in {look.metric for look in looks}:
        series = [look for look in looks if look.metric == label]
        tested = [look for look in series if look.tested]
        assert [look.number for look in series] == list(range(1, len(series) + 1))
        assert all(b.fraction >= a.fraction for a, b in pairwise(series))
        assert all(b.information > a.information for a, b in pairwise(tested))


def test_boundaries_are_those_of_a_recursion_over_the_written_information() -> None:
    series = [
        k for k in closed(DAILY, CELLS, range(FIRST_DAY, LAST)) if k.metric == REVENUE.label and k.upper
    ]
    recursion, spending, spent = OneSidedRecursion(), parse_spending(DAILY.spending), 0.0
    for look in series:
        target = spending.spent(look.fraction, 0.025, DAILY.open_ended_share)
        assert look.upper == pytest.approx(
            recursion.next_boundary(look.information, target - spent), rel=1e-12
        )
        assert look.alpha_spent_upper == target
        spent = target
    assert len(series) > 20


def test_roll_out_is_tested_at_whole_weeks_from_min_days_and_harm_daily() -> None:
    looks = [
        k for k in closed(PLAN, CELLS, range(FIRST_DAY, LAST)) if k.metric == CONVERSION.label and k.tested
    ]
    spans = [day_number(k.day) - 3 - FIRST_DAY + 1 for k in looks if "roll_out" in k.tested]
    assert spans == [14, 21, 28, 35]
    assert all("harm" in k.tested for k in looks)
    assert all((k.upper is not None) == ("roll_out" in k.tested) for k in looks)


def test_daily_looks_wait_for_min_days_before_roll_out_but_not_before_harm() -> None:
    looks = [
        k for k in closed(DAILY, CELLS, range(FIRST_DAY, LAST)) if k.metric == CONVERSION.label and k.tested
    ]
    spans = [day_number(k.day) - 3 - FIRST_DAY + 1 for k in looks if "roll_out" in k.tested]
    assert spans == list(range(14, 41))
    assert day_number(looks[0].day) - 3 - FIRST_DAY + 1 < 14


def test_the_halves_swap_roles_for_a_metric_that_should_fall() -> None:
    discount = Metric("discount_per_unit", "primary", "mean", 2, money=True, direction="decrease")
    plan = replace(PLAN, metrics=(discount,))
    looks = closed(plan, shop_cells(ROWS, {discount.label: "spent"}), range(FIRST_DAY, LAST))
    tested = [k for k in looks if k.tested]
    assert all(k.upper is not None for k in tested)
    assert {k.lower is not None for k in tested} == {True, False}
    assert all((k.lower is not None) == ("roll_out" in k.tested) for k in tested)


def test_the_last_incomplete_week_is_tested_once_entry_is_final() -> None:
    days, end = range(FIRST_DAY, FIRST_DAY + 60), FIRST_DAY + 50
    open_end = [k for k in closed(PLAN, CELLS, days) if k.metric == CONVERSION.label]
    final = [k for k in closed(PLAN, CELLS, days, final_day=end) if k.metric == CONVERSION.label]
    assert open_end == final[:-1]
    assert final[-1].day == iso_day(end)
    assert final[-1].tested == ("roll_out",)
    assert final[-1].n_control == open_end[-1].n_control


def test_final_waits_until_every_cohort_is_mature() -> None:
    early = FIRST_DAY + 37  # cohorts to day 34 are mature, 35 days: entry goes on to day 39
    with_final = closed(PLAN, CELLS, range(FIRST_DAY, early + 2), final_day=early + 1)
    assert with_final == closed(PLAN, CELLS, range(FIRST_DAY, early + 2))


def test_max_days_tests_roll_out_whatever_the_weekday() -> None:
    plan = replace(PLAN, max_days=24)
    looks = [k for k in closed(plan, CELLS, range(FIRST_DAY, LAST)) if k.metric == CONVERSION.label]
    spans = [day_number(k.day) - 3 - FIRST_DAY + 1 for k in looks if "roll_out" in k.tested]
    assert spans == [14, 21, 24, 28, 35]


def test_a_look_below_the_minimum_spends_nothing() -> None:
    rows = shoppers(3, 20, 10, {"a": 0.2, "b": 0.2})
    plan = replace(DAILY, metrics=(CONVERSION,))
    looks = closed(plan, shop_cells(rows, COLUMNS), range(FIRST_DAY, FIRST_DAY + 40))
    assert looks
    for look in looks:
        assert look.tested == ()
        assert (look.upper, look.lower, look.interval_low, look.interval_high) == (None, None, None, None)
        assert (look.alpha_spent_upper, look.alpha_spent_lower) == (0.0, 0.0)


def test_a_due_half_with_nothing_to_spend_leaves_no_trace() -> None:
    # a look that spends nothing has no boundary; were its information kept, a later look with a little less
    # (a variance that rose) could not be taken at all
    half = HalfTest(parse_spending("kim-demets:2"), 0.025)
    assert _boundary(half, 500.0, 0.5, due=True) is not None
    assert _boundary(half, 571.9, 0.5, due=True) is None
    assert _boundary(half, 567.8, 0.6, due=True) is not None
    with pytest.raises(ValueError, match="must grow"):  # what it would be with the trace: the planted fault
        [half.look(information, 0.6) for information in (572.0, 567.8)]


def test_uneven_weights_raise_the_gate_to_100_buyers() -> None:
    rows = shoppers(3, 30, 100, {"a": 0.2, "b": 0.2}, weights=(0.9, 0.1))
    plan = replace(DAILY, metrics=(CONVERSION,), weights=(0.9, 0.1))
    looks = closed(plan, shop_cells(rows, COLUMNS), range(FIRST_DAY, FIRST_DAY + 60))
    mature = [
        sum(r.bought for r in rows if r.variant == "b" and r.cohort_day + 3 <= day_number(look.day))
        for look in looks
    ]
    assert all((count >= 100) == bool(look.tested) for count, look in zip(mature, looks, strict=True))
    assert not any(look.tested for look in looks)


def test_an_unknown_margin_has_looks_at_both_its_ends() -> None:
    profit = Metric("profit_per_unit", "primary", "mean", 2, money=True, signed=True)
    plan = replace(DAILY, metrics=(profit,), margin_share=(0.2, 0.4))
    cells = shop_cells(ROWS, {"profit_per_unit:2#lo": "orders", "profit_per_unit:2#hi": "spent"})
    looks = closed(plan, cells, range(FIRST_DAY, LAST))
    assert {look.metric for look in looks} == {"profit_per_unit:2#lo", "profit_per_unit:2#hi"}


def test_unknown_money_has_no_look() -> None:
    cells = replace(
        CELLS, moments=[c._replace(unusable=1) if c.metric == REVENUE.label else c for c in CELLS.moments]
    )
    assert REVENUE.label not in {k.metric for k in closed(DAILY, cells, range(FIRST_DAY, LAST))}


def test_primaries_and_treatments_share_one_alpha() -> None:
    three = shoppers(5, 40, 300, {"a": 0.1, "b": 0.1, "c": 0.1})
    plan = replace(
        DAILY, variants=("a", "b", "c"), weights=(1 / 3, 1 / 3, 1 / 3), metrics=(CONVERSION, ORDERS)
    )
    plan = replace(plan, planned_units=1000)
    looks = closed(plan, shop_cells(three, COLUMNS), range(FIRST_DAY, LAST))
    spent = {
        metric: max(k.alpha_spent_upper for k in looks if k.metric == metric.label) for metric in plan.metrics
    }
    shared = level(plan, CONVERSION) / 2  # Dunnett's: more than half of 0.025, less than all
    assert 0.025 / 2 < shared < 0.025 * 0.6
    assert 0.9 * shared < spent[CONVERSION] < shared
    assert 0.9 * 0.025 < spent[ORDERS] < 0.025


def test_a_crossing_agrees_with_the_repeated_interval() -> None:
    rows = shoppers(11, 40, 300, {"a": 0.10, "b": 0.14})
    looks = closed(replace(DAILY, metrics=(CONVERSION,)), shop_cells(rows, COLUMNS), range(FIRST_DAY, LAST))
    tested = [k for k in looks if k.upper is not None]
    assert any(k.crossed == "upper" for k in tested)
    assert all((k.crossed == "upper") == ((k.interval_low or -1.0) > 0) for k in tested)


def test_a_guardrail_passes_when_noninferiority_is_proven() -> None:
    rows = shoppers(11, 40, 300, {"a": 0.2, "b": 0.26})
    looks = closed(replace(DAILY, metrics=(PROFIT,)), shop_cells(rows, COLUMNS), range(FIRST_DAY, LAST))
    answers = [k.noninferiority_passed for k in looks if k.noninferiority_boundary is not None]
    assert answers[-1]
    assert all(k.noninferiority_passed is None for k in looks if "roll_out" not in k.tested)
    assert all(k.noninferiority_z is not None and k.noninferiority_z > k.z for k in looks)


def test_a_cap_that_changes_is_refused() -> None:
    book = LookBook(PLAN)
    book.close(FIRST_DAY, CELLS, {"revenue_per_unit:2": 5000})
    with pytest.raises(ValueError, match="caps are frozen"):
        book.close(FIRST_DAY + 1, CELLS, {"revenue_per_unit:2": 6000})


def test_the_difference_is_capped_and_the_raw_one_is_not() -> None:
    rows = [Shopper("a", FIRST_DAY, 1, 10), Shopper("b", FIRST_DAY, 1, 10, raw_spent=90)] * 40
    rows += [Shopper("a", FIRST_DAY, 1, 20), Shopper("b", FIRST_DAY, 1, 20)] * 40
    plan = replace(DAILY, metrics=(REVENUE,), min_days=1)
    (look,) = closed(plan, shop_cells(rows, COLUMNS), range(FIRST_DAY + 3, FIRST_DAY + 4))
    assert (look.difference, look.raw_difference) == (0.0, 40.0)


def test_closing_120_days_of_six_metrics_takes_seconds() -> None:
    rows = shoppers(1, 120, 60, {"a": 0.2, "b": 0.2})
    view = CellView(shop_cells(rows, COLUMNS, (REPEAT.label, REPEAT.window_days)))
    book, started = LookBook(DAILY), time.process_time()
    written = sum(len(book.close(day, view)) for day in range(FIRST_DAY, FIRST_DAY + 134))
    assert written > 600
    assert time.process_time() - started < 10


def aa_cells(rng: np.random.Generator, days: int, a_day: int, rate: float) -> Cells:
    """Entries and conversions of two equal arms, drawn by cohort day."""
    entries, moments = [], []
    for day in range(FIRST_DAY, FIRST_DAY + days):
        for variant in ("a", "b"):
            x = int(rng.binomial(a_day, rate))
            entries.append(EntryCell(variant, day, a_day, 0, 0))
            moments.append(MomentCell("conversion_rate:0", variant, day, a_day, x, x, x, x))
    return Cells(entries, moments)


@pytest.mark.long
@pytest.mark.parametrize("look_days", ["daily", "weekly"])
def test_an_aa_shop_crosses_no_more_often_than_promised(look_days: str) -> None:
    """200 seeded shops, 28 daily looks: α*(1) is 4.5 %; the band is ± 3 binomial standard errors."""
    metric = replace(CONVERSION, window_days=0)
    plan = replace(PLAN, metrics=(metric,), settle_days=0, planned_units=56_000)
    plan = replace(plan, look_days="daily" if look_days == "daily" else "weekly", min_days=1)
    rng, runs, crossed = np.random.default_rng(20_260), 200, 0
    for _ in range(runs):
        looks = closed(plan, aa_cells(rng, 28, 1000, 0.05), range(FIRST_DAY, FIRST_DAY + 28))
        crossed += any(look.crossed for look in looks)
    error = math.sqrt(0.045 * 0.955 / runs)
    assert 0.045 - 3 * error < crossed / runs < 0.045 + 3 * error
