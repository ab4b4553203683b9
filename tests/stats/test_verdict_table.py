"""The verdict, case by case; oracle: the sentences of the product page."""

from dataclasses import replace
from typing import Any, Literal

import pytest

from stats.evidence import Evidence
from stats.plan import AnalysisPlan, Metric
from stats.results import (
    Check,
    Comparison,
    Crossover,
    Look,
    LookSummary,
    MetricResult,
    SampleRatio,
    Trust,
    VariantSummary,
    Verdict,
)
from stats.verdict import conditional_power, judge

SALES = Metric("revenue_per_unit", "primary", "mean", 7, money=True)
PROFIT = Metric("profit_per_unit", "secondary", "mean", 7, money=True, signed=True)
ORDERS = Metric("orders_per_unit", "guardrail", "mean", 7, non_inferiority_margin=0.02)
PLAN = AnalysisPlan("shop", 1, ("a", "b"), "a", (0.5, 0.5), (SALES, PROFIT, ORDERS), currency="RUB")
FINE = Trust("ok", SampleRatio(1.0, {}, {}), Crossover(0, 0.0, {}), (Check("sample_ratio", "ok"),))
RED = replace(FINE, status="stop", checks=(Check("sample_ratio", "stop", 100),))
Side = Literal["upper", "lower"] | None


def look(
    label: str, crossed: Side = None, treatment: str = "b", difference: float = 5.0, raw: float | None = None
) -> Look:
    return Look(
        label,
        treatment,
        1,
        "2026-01-20",
        900,
        900,
        difference,
        2.0,
        0.25,
        0.5,
        2.5,
        ("roll_out", "harm"),
        2.6,
        -2.6,
        0.01,
        0.01,
        crossed,
        -0.2,
        10.2,
        difference if raw is None else raw,
    )


def result(metric: Metric, treatments: tuple[str, ...] = ("b",), **changes: Any) -> MetricResult:
    last = LookSummary(
        1, "2026-01-20", 0.25, 0.5, 2.5, 2.6, 0.02, crossed=False, side=None, tested=("roll_out",)
    )
    made = Comparison(
        "b", "a", 5.0, (-0.2, 10.2), 0.05, (0.0, 0.1), 0.06, last, None, 5.0, guardrail_passed=True
    )
    comparisons = tuple(replace(made, treatment=treatment, **changes) for treatment in treatments)
    variants = (VariantSummary("a", 900, 100.0, 1.4, 90_000), VariantSummary("b", 900, 105.0, 1.4, 94_500))
    return MetricResult(
        metric.key,
        metric.role,
        "minor" if metric.money else "count",
        metric.kind,
        metric.window_days,
        metric.direction,
        explanatory=False,
        variants=variants,
        comparisons=comparisons,
    )


RESULTS = (result(SALES), result(PROFIT), result(ORDERS))
WON = (look(SALES.label, "upper"), look(PROFIT.label), look(ORDERS.label))


def verdict(**changes: Any) -> Verdict:
    base = Evidence(PLAN, RESULTS, WON, FINE, progress={"monthly_units": 1000.0})
    return judge(replace(base, **changes))


def codes(found: Verdict) -> list[str]:
    return [reason.code for reason in found.reasons]


def test_a_proven_gain_with_nothing_against_it_is_rolled_out() -> None:
    found = verdict()
    assert (found.state, found.variant) == ("roll_out", "b")
    assert codes(found) == ["crossed"]


def test_the_reason_carries_difference_interval_and_money_a_month() -> None:
    params = verdict().reasons[0].params
    assert (params["difference"], params["low"], params["high"]) == (5.0, -0.2, 10.2)
    assert (params["monthly_low"], params["monthly_point"], params["monthly_high"]) == (-200, 5000, 10_200)
    assert params["currency"] == "RUB"


def test_money_a_month_is_uncapped_money() -> None:
    metrics = (result(SALES, raw_difference=7.0), *RESULTS[1:])
    params = verdict(metrics=metrics).reasons[0].params
    assert (params["monthly_low"], params["monthly_point"], params["monthly_high"]) == (1800, 7000, 12_200)


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("looks", [WON, (look(SALES.label, "lower"),), ()])
def test_a_red_trust_check_is_always_do_not_trust(looks: tuple[Look, ...], ended: bool) -> None:  # noqa: FBT001 - a table
    found = verdict(trust=RED, looks=looks, ended=ended)
    assert found.state == "do_not_trust"
    assert codes(found) == ["sample_ratio"]


def test_a_restated_crossing_is_do_not_trust() -> None:
    found = verdict(restated=frozenset({(SALES.label, "b")}))
    assert found.state == "do_not_trust"
    assert codes(found) == ["restated"]


@pytest.mark.parametrize("ended", [True, False])
def test_a_significant_uplift_with_a_loss_in_profit_is_never_roll_out(ended: bool) -> None:  # noqa: FBT001 - a table
    looks = (look(SALES.label, "upper"), look(PROFIT.label, "lower", difference=-5.0), look(ORDERS.label))
    found = verdict(looks=looks, ended=ended)
    assert found.state == "keep_control"
    assert codes(found)[0] == "profit_falls"


@pytest.mark.parametrize("reason", ["margin_unknown", "delivery_cost_missing", "no_look_yet"])
def test_unknown_profit_blocks_a_roll_out(reason: str) -> None:
    metrics = (RESULTS[0], result(PROFIT, difference=None, inconclusive=reason), RESULTS[2])
    found = verdict(metrics=metrics)
    assert found.state == "collecting"
    assert codes(found) == ["profit_unknown", "crossed"]


@pytest.mark.parametrize(
    ("low", "state"), [(3.0, "roll_out"), (-3.0, "collecting")], ids=["worst end gains", "worst end loses"]
)
def test_an_unknown_margin_needs_its_worst_end_above_zero(low: float, state: str) -> None:
    plan = replace(PLAN, margin_share=(0.2, 0.4))
    ends = (look(f"{PROFIT.label}#lo", difference=low), look(f"{PROFIT.label}#hi", difference=9.0))
    found = verdict(plan=plan, looks=(*WON, *ends))
    assert found.state == state
    assert ("profit_unknown" in codes(found)) == (state == "collecting")


def test_profit_falls_only_when_both_ends_of_the_margin_show_it() -> None:
    plan = replace(PLAN, margin_share=(0.2, 0.4))
    ends = [look(f"{PROFIT.label}#{end}", "lower", difference=-3.0) for end in ("lo", "hi")]
    assert verdict(plan=plan, looks=(*WON, *ends)).state == "keep_control"
    assert verdict(plan=plan, looks=(*WON, ends[0], replace(ends[1], crossed=None))).state == "collecting"


def test_a_plan_without_money_needs_no_profit() -> None:
    plan = replace(PLAN, metrics=(SALES, ORDERS), currency=None)
    assert verdict(plan=plan).state == "roll_out"


@pytest.mark.parametrize("passed", [False, None])
def test_a_guardrail_that_has_not_passed_blocks(passed: bool | None) -> None:  # noqa: FBT001 - a table
    metrics = (RESULTS[0], RESULTS[1], result(ORDERS, guardrail_passed=passed))
    found = verdict(metrics=metrics)
    assert found.state == "collecting"
    assert codes(found) == ["guardrail_not_passed", "crossed"]


def test_a_guardrail_proven_to_fall_blocks_even_if_it_passed_before() -> None:
    found = verdict(looks=(*WON[:2], look(ORDERS.label, "lower", difference=-1.0)))
    assert codes(found) == ["guardrail_not_passed", "crossed"]
    assert found.reasons[0].params["harmed"]


def test_opposite_signs_of_capped_and_uncapped_money_block() -> None:
    found = verdict(looks=(look(SALES.label, "upper", raw=-1.0), *WON[1:]))
    assert found.state == "collecting"
    assert codes(found) == ["capped_uncapped_disagree", "crossed"]


def test_a_fading_effect_blocks() -> None:
    found = verdict(fading=frozenset({(SALES.label, "b")}))
    assert codes(found) == ["effect_fades", "crossed"]


def test_a_blocked_winner_is_not_collected_for_ever() -> None:
    found = verdict(fading=frozenset({(SALES.label, "b")}), ended=True)
    assert found.state == "keep_control"
    assert codes(found) == ["effect_fades", "not_proven"]
    assert found.reasons[1].params["crossed"]


def test_harm_keeps_control() -> None:
    found = verdict(looks=(look(SALES.label, "lower", difference=-5.0), *WON[1:]))
    assert found.state == "keep_control"
    assert codes(found) == ["harm"]


def test_a_metric_that_should_fall_is_rolled_out_when_it_falls_and_harms_when_it_rises() -> None:
    discount = Metric("discount_per_unit", "primary", "mean", 7, money=True, direction="decrease")
    plan = replace(PLAN, metrics=(discount, PROFIT, ORDERS))
    metrics = (result(discount), *RESULTS[1:])
    falls = (look(discount.label, "lower", difference=-5.0), *WON[1:])
    rises = (look(discount.label, "upper"), *WON[1:])
    assert verdict(plan=plan, metrics=metrics, looks=falls).state == "roll_out"
    assert codes(verdict(plan=plan, metrics=metrics, looks=rises)) == ["harm"]


@pytest.mark.parametrize(
    ("interval", "state"),
    [
        ((-9.0, 9.0), "no_difference"),
        ((-11.0, 9.0), "keep_control"),
        ((-9.0, 11.0), "keep_control"),
        ((None, 9.0), "keep_control"),
        (None, "keep_control"),
    ],
)
def test_no_difference_only_when_the_interval_lies_inside_the_margin(interval: Any, state: str) -> None:
    """Control's mean is 100 and the smallest relevant effect 10 %."""
    found = verdict(metrics=(result(SALES, interval=interval), *RESULTS[1:]), looks=(), ended=True)
    assert found.state == state
    assert codes(found) == ["inside_margin" if state == "no_difference" else "not_proven"]


def test_offers_that_sell_alike_and_earn_differently_are_told_apart() -> None:
    metrics = (result(SALES, interval=(-9.0, 9.0)), *RESULTS[1:])
    found = verdict(metrics=metrics, looks=(look(PROFIT.label, "lower"),), ended=True)
    assert (found.state, codes(found)) == ("no_difference", ["inside_margin", "profit_falls"])
    risen = verdict(metrics=metrics, looks=(look(PROFIT.label, "upper"),), ended=True)
    assert (risen.state, codes(risen)) == ("no_difference", ["inside_margin"])


def test_an_interval_inside_the_margin_decides_nothing_before_the_end() -> None:
    found = verdict(metrics=(result(SALES, interval=(-1.0, 1.0)), *RESULTS[1:]), looks=())
    assert found.state == "collecting"


@pytest.mark.parametrize("reason", ["no_look_yet", "below_minimum", "margin_unknown"])
def test_collecting_says_why_there_is_no_reading(reason: str) -> None:
    blank = result(SALES, difference=None, interval=None, look=None, inconclusive=reason)
    found = verdict(metrics=(blank, *RESULTS[1:]), looks=())
    assert (found.state, codes(found)) == ("collecting", [reason])


@pytest.mark.parametrize(
    ("fraction", "code"), [(0.5, "in_progress"), (1.0, "plan_reached"), (1.7, "plan_reached")]
)
def test_collecting_tells_the_chance_to_cross(fraction: float, code: str) -> None:
    last = RESULTS[0].comparisons[0].look
    assert last is not None
    shown = result(SALES, look=replace(last, fraction=fraction))
    found = verdict(metrics=(shown, *RESULTS[1:]), looks=(look(SALES.label),))
    assert codes(found) == [code]
    final = 1.0 if fraction < 1 else 2 * fraction
    assert found.reasons[0].params["chance"] == conditional_power(2.5, fraction, 2.6, final)


def test_conditional_power_is_that_of_a_simulated_brownian_motion() -> None:
    """Drift 2 / √0.5 seen at t = 0.5: P(B(1) > 2), by 200,000 seeded draws."""
    import numpy as np

    rng = np.random.default_rng(9)
    drift = 2.0 / np.sqrt(0.5)
    end = 2.0 * np.sqrt(0.5) + drift * 0.5 + rng.normal(0, np.sqrt(0.5), 200_000)
    assert conditional_power(2.0, 0.5, 2.0, 1.0) == pytest.approx(float((end > 2.0).mean()), abs=0.004)


def test_of_two_winners_the_larger_gain_is_rolled_out() -> None:
    plan = replace(PLAN, variants=("a", "b", "c"), weights=(0.4, 0.3, 0.3))
    metrics = tuple(result(metric, ("b", "c")) for metric in PLAN.metrics)
    sales = metrics[0]
    better = replace(sales.comparisons[1], difference=8.0)
    metrics = (replace(sales, comparisons=(sales.comparisons[0], better)), *metrics[1:])
    looks = [look(m.label, "upper" if m is SALES else None, t) for m in PLAN.metrics for t in ("b", "c")]
    found = verdict(plan=plan, metrics=metrics, looks=looks)
    assert (found.state, found.variant) == ("roll_out", "c")


def test_while_one_treatment_is_open_another_ones_harm_does_not_end_the_test() -> None:
    plan = replace(PLAN, variants=("a", "b", "c"), weights=(0.4, 0.3, 0.3))
    metrics = tuple(result(metric, ("b", "c")) for metric in PLAN.metrics)
    looks = [look(SALES.label, "lower", "b", -5.0), look(SALES.label, None, "c")]
    found = verdict(plan=plan, metrics=metrics, looks=looks)
    assert found.state == "collecting"
    assert codes(found) == ["harm", "in_progress"]
