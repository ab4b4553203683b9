"""From cells and looks to the result object; oracles: counting rows, numpy, the looks themselves."""

import json
import math
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np
import pytest

from stats.analysis import analyse
from stats.cells import Cells, MomentCell
from stats.comparisons import two_sided_pvalue
from stats.family import family_pvalue
from stats.looks import LookBook
from stats.plan import AnalysisPlan, Metric
from stats.results import Comparison, Look, MetricResult, Result
from stats.sequential.confidence_sequences import asymptotic_half_width, tuned_rho
from stats.shop_days import iso_day
from tests.support.shop_rows import FIRST_DAY, Shopper, shop_cells, shoppers

CONVERSION = Metric("conversion_rate", "primary", "proportion", 2)
PROFIT = Metric("profit_per_unit", "secondary", "mean", 2, money=True, signed=True)
VALUE = Metric("average_order_value", "secondary", "ratio", 2, money=True, explanatory=True)
REPEAT = Metric("repeat_purchase_rate", "secondary", "survival", 10)
PLAN = AnalysisPlan(
    "shop",
    3,
    ("a", "b"),
    "a",
    (0.5, 0.5),
    (CONVERSION, PROFIT, VALUE, REPEAT),
    planned_units=8000,
    settle_days=1,
    look_days="daily",
    currency="RUB",
)
COLUMNS = {
    "conversion_rate:2": "bought",
    "profit_per_unit:2": "spent",
    "average_order_value:2": "value_per_order",
}
ROWS = shoppers(7, 40, 150, {"a": 0.10, "b": 0.12}, back_hazard={"a": 0.02, "b": 0.03})
CELLS = shop_cells(ROWS, COLUMNS, (REPEAT.label, REPEAT.window_days))
TODAY = FIRST_DAY + 30


def looks_until(day: int, plan: AnalysisPlan = PLAN, cells: Cells = CELLS) -> list[Look]:
    book = LookBook(plan)
    return [look for d in range(FIRST_DAY, day + 1) for look in book.close(d, cells)]


LOOKS = looks_until(TODAY)


def result(
    plan: AnalysisPlan = PLAN, cells: Cells = CELLS, looks: list[Look] = LOOKS, **changes: Any
) -> Result:
    given: dict[str, Any] = {"as_of": "2024-11-03", "as_of_day": TODAY} | changes
    return analyse(plan, cells, looks, **given)


def metric_of(found: Result, metric: Metric) -> MetricResult:
    return next(m for m in found.metrics if m.key == metric.key)


def comparison_of(found: Result, metric: Metric) -> Comparison:
    return metric_of(found, metric).comparisons[0]


def test_variants_describe_the_mature_units_of_the_day() -> None:
    mature = [r for r in ROWS if r.cohort_day + 3 <= TODAY]
    exposed = [r for r in ROWS if r.cohort_day <= TODAY]
    for metric, column in ((CONVERSION, "bought"), (PROFIT, "spent")):
        for summary in metric_of(result(), metric).variants:
            x = np.array([getattr(r, column) for r in mature if r.variant == summary.variant], dtype=float)
            assert summary.n == len(x)
            assert summary.mean == pytest.approx(x.mean(), rel=1e-14)
            assert summary.standard_error == pytest.approx(x.std(ddof=1) / math.sqrt(len(x)), rel=1e-12)
            assert summary.immature == sum(r.variant == summary.variant for r in exposed) - len(x)


def test_the_ratio_is_revenue_over_orders() -> None:
    for summary in metric_of(result(), VALUE).variants:
        mine = [r for r in ROWS if r.cohort_day + 3 <= TODAY and r.variant == summary.variant]
        assert summary.mean == pytest.approx(
            sum(r.spent for r in mine) / sum(r.orders for r in mine), rel=1e-14
        )


def test_the_event_share_is_the_end_of_its_curve() -> None:
    shown = metric_of(result(), REPEAT)
    for summary in shown.variants:
        assert summary.mean == pytest.approx(shown.curves[summary.variant][-1].share, rel=1e-14)
        assert len(shown.curves[summary.variant]) == REPEAT.window_days


def test_units_and_roles_are_said() -> None:
    assert [m.unit for m in result().metrics] == ["share", "minor", "ratio_minor", "share"]
    assert [m.role for m in result().metrics] == ["primary", "secondary", "secondary", "secondary"]


def test_the_comparison_is_that_of_the_last_look() -> None:
    found = result()
    last = [k for k in LOOKS if k.metric == CONVERSION.label][-1]
    shown = comparison_of(found, CONVERSION)
    assert shown.difference == last.difference
    assert shown.interval == (last.interval_low, last.interval_high)
    assert shown.look is not None
    assert (shown.look.day, shown.look.z, shown.look.number) == (last.day, last.z, last.number)
    assert shown.inconclusive is None


def test_what_a_look_has_proven_stays_proven_at_later_looks_that_cross_nothing() -> None:
    mine = [k for k in LOOKS if k.metric == CONVERSION.label]
    quiet = [replace(k, crossed=None) for k in LOOKS]
    early: dict[Literal["upper", "lower"], str] = {"upper": "better", "lower": "worse"}
    assert comparison_of(result(looks=quiet), CONVERSION).proven is None
    for side, proven in early.items():
        once = [replace(k, crossed=side) if k == replace(mine[-3], crossed=None) else k for k in quiet]
        assert once != quiet
        shown = comparison_of(result(looks=once), CONVERSION)
        assert (shown.proven, shown.look and shown.look.crossed) == (proven, False)
    falls = replace(PLAN, metrics=(replace(CONVERSION, direction="decrease"), *PLAN.metrics[1:]))
    assert comparison_of(result(falls, looks=once), CONVERSION).proven == "better"  # "lower" is the good side


def test_later_looks_than_the_day_asked_are_left_out() -> None:
    found = result(as_of_day=TODAY - 6)
    assert found.looks == tuple(k for k in LOOKS if k.day <= iso_day(TODAY - 6))


def test_uplift_is_the_relative_difference_with_ends_around_it() -> None:
    shown = comparison_of(result(), CONVERSION)
    control, treatment = metric_of(result(), CONVERSION).variants
    assert control.mean
    assert treatment.mean
    assert shown.uplift == pytest.approx(treatment.mean / control.mean - 1, rel=1e-12)
    assert shown.uplift_interval is not None
    low, high = shown.uplift_interval
    assert low is not None
    assert high is not None
    assert shown.uplift is not None
    assert low < shown.uplift < high


def test_the_live_interval_is_the_confidence_sequence_of_the_day() -> None:
    shown = comparison_of(result(), CONVERSION)
    control, treatment = metric_of(result(), CONVERSION).variants
    shares = [s.mean or 0.0 for s in (control, treatment)]
    variance = sum(p * (1 - p) / s.n for p, s in zip(shares, (control, treatment), strict=True))
    n = control.n + treatment.n
    width = asymptotic_half_width(variance * n, n, tuned_rho(8000, 0.05), 0.05)
    middle = shares[1] - shares[0]
    assert shown.anytime_interval == pytest.approx((middle - width, middle + width), rel=1e-12)


def test_the_pvalue_is_below_alpha_exactly_when_the_last_look_crosses() -> None:
    rows = shoppers(11, 40, 300, {"a": 0.10, "b": 0.13})
    plan = replace(PLAN, metrics=(CONVERSION,))
    series = looks_until(FIRST_DAY + 45, plan, shop_cells(rows, COLUMNS))
    agree = [
        ((two_sided_pvalue(plan, series[: i + 1]) or 1.0) <= 0.05) == (look.crossed is not None)
        for i, look in enumerate(series)
        if "roll_out" in look.tested
    ]
    assert all(agree)
    assert any(look.crossed for look in series)


def test_with_three_treatments_claims_pvalues_and_the_stop_agree_by_closed_testing() -> None:
    rates = {"a": 0.10, "b": 0.13, "c": 0.105, "d": 0.10}
    rows = shoppers(12, 40, 500, rates)
    plan = replace(
        PLAN, variants=tuple(rates), weights=(0.25,) * 4, metrics=(CONVERSION,), planned_units=16_000
    )
    cells = shop_cells(rows, COLUMNS)
    series = looks_until(FIRST_DAY + 45, plan, cells)
    found = result(plan, cells, series, as_of="2024-11-30", as_of_day=FIRST_DAY + 45)
    shown = {c.treatment: c for c in found.metrics[0].comparisons}
    assert shown["b"].proven == "better"
    assert (shown["c"].proven, shown["d"].proven) == (None, None)
    for comparison in shown.values():
        assert comparison.pvalue is not None
        if comparison.pvalue <= plan.alpha:
            assert comparison.proven is not None
        assert (comparison.at_stop is not None) == (comparison.proven is not None)
    # once b is decided c is read at the level of two: its p-value is below the one for three
    alone = two_sided_pvalue(plan, [look for look in series if look.treatment == "c"])
    assert alone is not None
    assert shown["c"].pvalue is not None
    assert alone < shown["c"].pvalue < family_pvalue(plan, CONVERSION, alone)


def test_before_the_first_look_there_is_no_number() -> None:
    found = result(looks=[])
    for metric in found.metrics:
        shown = metric.comparisons[0]
        assert (shown.difference, shown.interval, shown.pvalue, shown.look) == (None, None, None, None)
        assert shown.inconclusive == "no_look_yet"
    assert found.verdict.state == "collecting"
    assert found.verdict.reasons[0].code == "no_look_yet"


def test_too_few_buyers_is_said_and_no_interval_shown() -> None:
    rows = shoppers(3, 20, 10, {"a": 0.2, "b": 0.2})
    cells = shop_cells(rows, COLUMNS)
    plan = replace(PLAN, metrics=(CONVERSION,))
    found = result(plan, cells, looks_until(TODAY, plan, cells))
    shown = comparison_of(found, CONVERSION)
    assert (shown.inconclusive, shown.interval, shown.pvalue) == ("below_minimum", None, None)
    assert found.verdict.reasons[0].code == "below_minimum"


@pytest.mark.parametrize("reason", ["margin_unknown", "currency_without_rate", "delivery_cost_missing"])
def test_unknown_money_has_a_reason_and_no_number(reason: str) -> None:
    moments = [c._replace(unusable=1) if c.metric == PROFIT.label else c for c in CELLS.moments]
    cells = replace(CELLS, moments=moments, notes={reason: 5, "margin_unknown": 0} | {reason: 5})
    found = result(cells=cells, looks=looks_until(TODAY, cells=cells))
    shown = metric_of(found, PROFIT)
    assert shown.comparisons[0].inconclusive == reason
    assert shown.comparisons[0].difference is None
    assert [v.inconclusive for v in shown.variants] == [reason, reason]
    assert [v.mean for v in shown.variants] == [None, None]


def test_an_unknown_margin_shows_the_union_of_both_ends() -> None:
    plan = replace(PLAN, metrics=(CONVERSION, PROFIT), margin_share=(0.2, 0.4))
    columns = {
        "conversion_rate:2": "bought",
        "profit_per_unit:2#lo": "orders",
        "profit_per_unit:2#hi": "spent",
    }
    cells = shop_cells(ROWS, columns)
    looks = looks_until(TODAY, plan, cells)
    shown = comparison_of(result(plan, cells, looks), PROFIT)
    low = [k for k in looks if k.metric.endswith("#lo")][-1]
    high = [k for k in looks if k.metric.endswith("#hi")][-1]
    assert shown.difference == pytest.approx((low.difference + high.difference) / 2)
    assert shown.interval is not None
    assert low.interval_low is not None
    assert high.interval_low is not None
    assert low.interval_high is not None
    assert high.interval_high is not None
    assert shown.interval == (
        min(low.interval_low, high.interval_low),
        max(low.interval_high, high.interval_high),
    )
    assert shown.anytime_interval is not None


def test_capped_means_stand_beside_uncapped_ones_where_a_cap_is_frozen() -> None:
    found = result(caps={PROFIT.label: 5000})
    assert metric_of(found, PROFIT).cap_minor == 5000
    assert all(v.capped_mean is not None for v in metric_of(found, PROFIT).variants)
    assert all(v.capped_mean is None for v in metric_of(found, CONVERSION).variants)


def test_progress_counts_units_days_and_traffic() -> None:
    progress = result().progress
    mature = sum(r.cohort_day + 3 <= TODAY for r in ROWS)
    assert progress["mature_units"] == mature
    assert progress["fraction"] == pytest.approx(mature / 8000)
    assert progress["exposed_units"] == sum(r.cohort_day <= TODAY for r in ROWS)
    assert progress["entry_days"] == 31
    assert progress["monthly_units"] == pytest.approx(150 * 30.4)
    assert progress["expected_days_left"] == math.ceil((8000 - mature) / 150)
    assert progress["first_look_day"] == iso_day(FIRST_DAY + 3)


def test_the_same_arguments_give_the_same_bytes_and_no_nan() -> None:
    one, two = (json.dumps(asdict(result(looks=list(LOOKS))), allow_nan=False) for _ in range(2))
    assert one == two


def test_nobody_exposed_is_a_result_too() -> None:
    found = result(cells=Cells(()), looks=[])
    assert found.verdict.state == "collecting"
    assert all(v.mean is None and v.inconclusive for m in found.metrics for v in m.variants)
    assert found.progress["monthly_units"] is None
    json.dumps(asdict(found), allow_nan=False)


def winning_rows() -> list[Shopper]:
    return shoppers(11, 40, 300, {"a": 0.10, "b": 0.15})


def test_a_winner_whose_orders_are_cancelled_later_is_restated() -> None:
    plan, rows = replace(PLAN, metrics=(CONVERSION,)), winning_rows()
    looks = looks_until(TODAY, plan, shop_cells(rows, COLUMNS))
    assert result(plan, shop_cells(rows, COLUMNS), looks).verdict.state == "roll_out"
    taken_back = [replace(r, bought=0) if r.variant == "b" and i % 2 else r for i, r in enumerate(rows)]
    found = result(plan, shop_cells(taken_back, COLUMNS), looks)
    assert found.verdict.state == "do_not_trust"
    assert [reason.code for reason in found.verdict.reasons] == ["restated"]


def test_a_repeat_rate_whose_events_are_taken_back_is_restated() -> None:
    repeat = replace(REPEAT, role="primary")
    plan = replace(PLAN, metrics=(repeat,))
    rows = shoppers(2, 40, 300, {"a": 0.1, "b": 0.1}, back_hazard={"a": 0.02, "b": 0.03})
    cells = shop_cells(rows, {}, (repeat.label, 10))
    day = FIRST_DAY + 35
    looks = looks_until(day, plan, cells)
    assert any(look.crossed for look in looks)
    late = [c._replace(known_day=day + 1, change=-c.change) for c in cells.events if c.variant == "b"]
    restated = replace(cells, events=[*cells.events, *late])
    assert result(plan, restated, looks, as_of_day=day).verdict.state == "roll_out"
    assert result(plan, restated, looks, as_of_day=day + 1).verdict.state == "do_not_trust"


def test_an_effect_of_the_first_week_only_fades() -> None:
    plan, rng = replace(PLAN, metrics=(CONVERSION,)), np.random.default_rng(3)
    entries = shop_cells(winning_rows(), COLUMNS).entries
    moments = []
    for cell in entries:
        lifted = cell.variant == "b" and cell.cohort_day < FIRST_DAY + 7
        x = int(rng.binomial(cell.units, 0.35 if lifted else 0.10))
        moments.append(MomentCell(CONVERSION.label, cell.variant, cell.cohort_day, cell.units, x, x, x, x))
    cells = Cells(entries, moments)
    found = result(plan, cells, looks_until(TODAY, plan, cells))
    assert found.verdict.state == "collecting"
    assert [reason.code for reason in found.verdict.reasons] == ["effect_fades", "crossed"]


def test_a_stopped_test_without_a_crossing_has_its_last_word_once_all_is_mature() -> None:
    plan, rows = replace(PLAN, metrics=(CONVERSION,)), shoppers(5, 20, 150, {"a": 0.1, "b": 0.1})
    cells = shop_cells(rows, COLUMNS)
    end = FIRST_DAY + 19 + 3
    looks = looks_until(end, plan, cells)
    waiting = result(plan, cells, looks, as_of_day=end - 1, state="stopped")
    done = result(plan, cells, looks, as_of_day=end, state="stopped")
    assert waiting.verdict.state == "collecting"
    assert done.verdict.state == "keep_control"
    assert [reason.code for reason in done.verdict.reasons] == ["not_proven"]


def test_at_max_days_a_narrow_interval_is_no_difference() -> None:
    plan = replace(PLAN, metrics=(CONVERSION,), max_days=20, mde=0.5)
    rows = shoppers(5, 20, 600, {"a": 0.2, "b": 0.2})
    cells = shop_cells(rows, COLUMNS)
    end = FIRST_DAY + 19 + 3
    found = result(plan, cells, looks_until(end, plan, cells), as_of_day=end)
    assert found.verdict.state == "no_difference"
    assert result(
        replace(plan, mde=0.0001), cells, looks_until(end, plan, cells), as_of_day=end
    ).verdict.state == ("keep_control")
