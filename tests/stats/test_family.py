"""One error budget; oracles: hand-walked steps, Dunnett's single step, family-wise errors of seeded tests."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from stats.family import closed_testing, family, family_pvalue, level
from stats.multiplicity import dunnett_level
from stats.plan import AnalysisPlan, Metric
from stats.results import Look
from stats.sequential.boundaries import boundaries
from stats.sequential.group_sequential import HalfTest
from stats.sequential.spending import parse_spending

SALES = Metric("revenue_per_unit", "primary", "mean", 7)
RATE = Metric("conversion_rate", "primary", "proportion", 7)
ORDERS = Metric("orders_per_unit", "secondary", "mean", 7)
PLAN = AnalysisPlan("shop", 1, ("a", "b", "c", "d"), "a", (0.25,) * 4, (SALES, ORDERS), look_days="daily")


def look_at(label: str, treatment: str, z: float, plan: AnalysisPlan, alpha: float) -> Look:
    """The only look of a comparison, at the planned information."""
    bound = HalfTest(parse_spending(plan.spending), alpha / 2, plan.open_ended_share).look(1.0, 1.0).boundary
    crossed: Any = "upper" if z >= bound else "lower" if z <= -bound else None
    numbers = (1, "2026-01-20", 900, 900, z, 1.0, 1.0, 1.0, z)
    return Look(
        label, treatment, *numbers, ("roll_out", "harm"), bound, -bound, 0.01, 0.01, crossed, None, None
    )


def looks_at(plan: AnalysisPlan, scores: dict[tuple[str, str], float]) -> list[Look]:
    by_label = {metric.label: metric for metric in plan.metrics}
    return [look_at(m, t, z, plan, level(plan, by_label[m])) for (m, t), z in scores.items()]


def test_levels_are_dunnett_s_within_a_primary_and_holm_s_over_primaries() -> None:
    both = replace(PLAN, metrics=(SALES, RATE))
    assert level(PLAN, SALES) == pytest.approx(dunnett_level(0.25, [0.25] * 3, 0.05))
    assert level(both, SALES) == pytest.approx(dunnett_level(0.25, [0.25] * 3, 0.025))
    one = frozenset({(SALES.label, "c")})
    assert level(both, SALES, one) == pytest.approx(0.05, abs=1e-9)
    assert level(PLAN, ORDERS) == 0.05
    two_arms = AnalysisPlan("shop", 1, ("a", "b"), "a", (0.5, 0.5), (SALES,))
    assert level(two_arms, SALES) == pytest.approx(0.05, abs=1e-12)


def test_a_pvalue_reaches_alpha_exactly_at_the_level() -> None:
    for still_open in (family(PLAN), frozenset({(SALES.label, "b"), (SALES.label, "c")})):
        at = level(PLAN, SALES, still_open)
        assert family_pvalue(PLAN, SALES, at, still_open) == pytest.approx(0.05, abs=1e-9)
    assert family_pvalue(PLAN, ORDERS, 0.03) == 0.03
    assert family_pvalue(PLAN, SALES, 0.9) <= 1.0


def test_one_rejection_raises_the_level_of_the_others() -> None:
    # at t = 1 all but a tenth of alpha is spent: first step 2.43, then two open 2.30, then one 2.00
    scores = {(SALES.label, "b"): 3.0, (SALES.label, "c"): 2.35, (SALES.label, "d"): 2.1}
    found = closed_testing(PLAN, looks_at(PLAN, scores)).crossings
    assert {treatment for _, treatment in found} == {"b", "c", "d"}
    assert found[SALES.label, "c"][0].boundary < found[SALES.label, "b"][0].boundary
    assert found[SALES.label, "d"][0].boundary < found[SALES.label, "c"][0].boundary
    assert closed_testing(PLAN, looks_at(PLAN, scores)).open_at[SALES.label, "d"] == {(SALES.label, "d")}


def test_a_crossing_carries_the_boundaries_of_the_step_that_rejected() -> None:
    alpha = level(PLAN, SALES)
    half = HalfTest(parse_spending(PLAN.spending), alpha / 2, PLAN.open_ended_share)
    series = []
    for number, (information, scores) in enumerate(((0.5, (4.0, 1.0)), (1.0, (4.0, 2.35))), start=1):
        bound = half.look(information, information).boundary
        for treatment, z in zip("bc", scores, strict=True):
            shown = look_at(SALES.label, treatment, z, PLAN, alpha)
            series.append(
                replace(
                    shown,
                    number=number,
                    information=information,
                    fraction=information,
                    upper=bound,
                    lower=-bound,
                    crossed="upper" if z >= bound else None,
                )
            )
    found = closed_testing(PLAN, series).crossings
    assert found[SALES.label, "b"][0].earlier == ()  # crossed at its first look
    crossing = found[SALES.label, "c"][0]
    two_open = level(PLAN, SALES, frozenset({(SALES.label, "c"), (SALES.label, "d")}))
    again = HalfTest(parse_spending(PLAN.spending), two_open / 2, PLAN.open_ended_share)
    ((information, bound),) = crossing.earlier
    assert information == 0.5
    assert bound == pytest.approx(again.look(0.5, 0.5).boundary)
    assert crossing.boundary == pytest.approx(again.look(1.0, 1.0).boundary)
    assert bound < 0.999 * (series[0].upper or 0.0)  # not the stricter one as written


def test_without_a_first_rejection_nothing_follows() -> None:
    scores = {(SALES.label, "b"): 2.35, (SALES.label, "c"): 2.35, (SALES.label, "d"): 2.1}
    closed = closed_testing(PLAN, looks_at(PLAN, scores))
    assert closed.crossings == {}
    assert closed.open_at[SALES.label, "d"] == family(PLAN)


def test_harm_counts_as_a_rejection_and_secondaries_take_no_part() -> None:
    scores = {(SALES.label, "b"): -3.0, (SALES.label, "c"): 2.35, (ORDERS.label, "b"): 2.1}
    found = closed_testing(PLAN, looks_at(PLAN, scores)).crossings
    assert [(c.side, c.look.treatment) for c in found[SALES.label, "b"]] == [("lower", "b")]
    assert [c.side for c in found[SALES.label, "c"]] == ["upper"]
    assert (ORDERS.label, "b") in found  # at alpha, by itself


def test_both_ends_of_an_unknown_margin_must_cross_before_the_others_gain() -> None:
    profit = Metric("profit_per_unit", "primary", "mean", 7, money=True, signed=True)
    plan = replace(PLAN, metrics=(profit,), margin_share=(0.2, 0.4))
    ends = {"lo": f"{profit.label}#lo", "hi": f"{profit.label}#hi"}
    alpha = level(plan, profit)

    def told(low: float, high: float) -> set[str]:
        scores = {
            (ends["lo"], "b"): low,
            (ends["hi"], "b"): high,
            (ends["lo"], "c"): 2.35,
            (ends["hi"], "c"): 2.35,
        }
        looks = [look_at(label, t, z, plan, alpha) for (label, t), z in scores.items()]
        found = closed_testing(plan, looks).crossings
        return {treatment for label, treatment in found if label == ends["hi"]}

    assert told(3.0, 3.0) == {"b", "c"}
    assert told(2.0, 3.0) == {"b"}


def family_wise_error(alpha_of_each: float, runs: int, seed: int) -> float:
    """Share of A/A tests of three treatments, 28 equal looks, in which anything crosses."""
    rng = np.random.default_rng(seed)
    bounds = np.array(
        [k.z for k in boundaries([k / 28 for k in range(1, 29)], alpha_of_each, "kim-demets:2")]
    )
    arms = np.cumsum(rng.standard_normal((runs, 4, 28)), axis=2) / np.sqrt(np.arange(1, 29))
    z = (arms[:, 1:] - arms[:, :1]) / np.sqrt(2)
    return float((np.abs(z) >= bounds).any(axis=(1, 2)).mean())


def test_the_family_keeps_alpha_at_every_look_and_a_plain_alpha_each_does_not() -> None:
    runs = 10_000
    limit = binom.ppf(0.999, runs, 0.05) / runs
    kept = family_wise_error(level(PLAN, SALES), runs, 9)
    assert 0.035 <= kept <= limit
    assert family_wise_error(0.05, runs, 9) > limit  # the planted fault: no shared budget
