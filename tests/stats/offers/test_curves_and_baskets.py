"""Pull-forward, bunching and profit at unknown margins; oracles: shops whose truth is known, closed sums."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom, ttest_ind
from statsmodels.stats.proportion import confint_proportions_2indep

from stats.offers.bunching import BasketCounts, Bunching, basket_counts, bunching
from stats.offers.profit import MarginArm, ProfitDifference, profit_difference
from stats.offers.pull_forward import CurveArm, PullForward, band_multiplier, pull_forward
from stats.results import Inconclusive
from tests.support.effort import examples

Floats = NDArray[np.float64]
AGES = np.arange(1, 31)
ARM = MarginArm(100, 1000.0, 0.0, 10.0, 1.0, 0.0)


def bought_by(waits: Floats) -> CurveArm:
    return CurveArm.of_units((waits[:, None] <= AGES[None, :]).astype(float))


def shop(rng: np.random.Generator, n: int, share: float, pulled: float = 0.0) -> Floats:
    """Days until the order of each unit; pulling shortens waits inside 30 days and adds no order."""
    wait = np.where(rng.random(n) < share, rng.uniform(0.0, 30.0, n), np.inf)
    return np.where(wait <= 30.0, wait * (1.0 - pulled), wait)


def test_the_band_holds_at_all_ages_together_and_a_pointwise_one_does_not() -> None:
    rng, runs, missed, missed_pointwise = np.random.default_rng(1), examples(150, 400), 0, 0
    for seed in range(runs):
        found = pull_forward(bought_by(shop(rng, 400, 0.2)), bought_by(shop(rng, 400, 0.2)), seed=seed)
        assert isinstance(found, PullForward)
        missed += bool(((found.low > 0) | (found.high < 0)).any())
        missed_pointwise += bool((np.abs(found.effect) > 1.96 * found.standard_error).any())
    assert missed <= binom.ppf(0.999, runs, 0.05)
    assert missed_pointwise > binom.ppf(0.999, runs, 0.05)  # the planted fault


def test_the_multiplier_is_the_normal_one_for_one_age_and_sidak_s_for_independent_ages() -> None:
    assert band_multiplier(np.array([[4.0]]), 0.05, 0) == pytest.approx(1.96, abs=0.03)
    found = band_multiplier(np.diag(np.arange(1.0, 11.0)), 0.05, 0)
    assert found == pytest.approx(-ndtri((1 - 0.95**0.1) / 2), abs=0.04)


def test_the_diagnosis_tells_added_orders_from_moved_ones() -> None:
    rng = np.random.default_rng(2)
    control = bought_by(shop(rng, 8_000, 0.2))
    moved = pull_forward(control, bought_by(shop(rng, 8_000, 0.2, pulled=0.6)))
    added = pull_forward(control, bought_by(shop(rng, 8_000, 0.25)))
    fewer = pull_forward(control, bought_by(shop(rng, 8_000, 0.15)))
    assert isinstance(moved, PullForward)
    assert moved.diagnosis == "pulls_forward"
    assert moved.lost_share == pytest.approx(1.0, abs=0.15)
    assert moved.peak_age < 20
    assert isinstance(added, PullForward)
    assert added.diagnosis == "adds"
    assert added.lost_share == pytest.approx(0.0, abs=0.2)
    assert isinstance(fewer, PullForward)
    assert fewer.diagnosis == "takes_away"
    nothing = pull_forward(control, bought_by(shop(rng, 8_000, 0.2)))
    assert isinstance(nothing, PullForward)
    assert nothing.diagnosis == "unclear"


def test_a_curve_of_nobody_is_inconclusive() -> None:
    nobody = bought_by(np.full(50, np.inf))
    found = pull_forward(nobody, nobody)
    assert isinstance(found, Inconclusive)
    assert found.reason == "no_variance"


# ---------------------------------------------------------------- bunching


def test_baskets_filled_up_to_a_threshold_are_seen_as_moved_from_below_to_above() -> None:
    rng = np.random.default_rng(3)
    control = rng.lognormal(11.4, 0.5, 4_000).astype(int)
    treated = rng.lognormal(11.4, 0.5, 4_000).astype(int)
    filled = (treated >= 90_000) & (treated < 100_000) & (rng.random(4_000) < 0.5)
    treated = np.where(filled, treated + 12_000, treated)
    found = bunching(basket_counts(control.tolist(), 100_000), basket_counts(treated.tolist(), 100_000))
    assert isinstance(found, Bunching)
    assert found.above_interval[0] > 0.0
    assert found.below_interval[1] < 0.0


def test_the_excess_is_newcombe_s() -> None:
    found = bunching(BasketCounts(200, 20, 30), BasketCounts(240, 12, 60))
    assert isinstance(found, Bunching)
    expected = confint_proportions_2indep(60, 240, 30, 200, method="newcomb", compare="diff")
    assert found.above == pytest.approx(60 / 240 - 30 / 200)
    assert found.above_interval == pytest.approx(expected)
    few = bunching(BasketCounts(29, 0, 0), BasketCounts(100, 0, 0))
    assert isinstance(few, Inconclusive)


# ---------------------------------------------------------------- profit at an unknown margin


def money(rng: np.random.Generator, n: int, cost: float) -> tuple[Floats, Floats]:
    items = np.where(rng.random(n) < 0.3, rng.lognormal(5, 0.7, n), 0.0)
    return items, items * cost


def test_at_a_known_margin_it_is_welch_s_interval_of_profit() -> None:
    rng = np.random.default_rng(4)
    c, t = money(rng, 300, 0.0), money(rng, 340, 0.1)
    found = profit_difference(MarginArm.of_units(*c), MarginArm.of_units(*t), (0.35, 0.35))
    assert isinstance(found, ProfitDifference)
    test = ttest_ind(0.35 * t[0] - t[1], 0.35 * c[0] - c[1], equal_var=False)
    assert found.low_end == found.high_end
    assert found.interval == pytest.approx(tuple(test.confidence_interval(0.95)), rel=1e-9)


def test_an_interval_of_margins_is_the_union_of_both_ends_and_holds_between_them() -> None:
    rng = np.random.default_rng(5)
    c, t = MarginArm.of_units(*money(rng, 900, 0.0)), MarginArm.of_units(*money(rng, 900, 0.15))
    wide = profit_difference(c, t, (0.2, 0.5))
    assert isinstance(wide, ProfitDifference)
    for share in (0.2, 0.3, 0.4, 0.5):
        inside = profit_difference(c, t, (share, share))
        assert isinstance(inside, ProfitDifference)
        assert wide.interval[0] <= inside.interval[0] + 1e-9
        assert inside.interval[1] <= wide.interval[1] + 1e-9


def test_the_break_even_margin_is_where_more_items_pay_for_more_costs() -> None:
    c = MarginArm(100, 1000.0, 0.0, 10.0, 1.0, 0.0)
    pays = profit_difference(c, MarginArm(100, 1400.0, 100.0, 10.0, 1.0, 0.0), (0.2, 0.4))
    assert isinstance(pays, ProfitDifference)
    assert pays.break_even_margin == 0.25
    never = profit_difference(c, MarginArm(100, 1000.0, 100.0, 10.0, 1.0, 0.0), (0.2, 0.4))
    assert isinstance(never, ProfitDifference)
    assert never.break_even_margin is None
    flat = MarginArm(100, 1000.0, 0.0, 0.0, 0.0, 0.0)
    assert isinstance(profit_difference(flat, flat, (0.2, 0.4)), Inconclusive)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: CurveArm.of_units([[1.0]]), "shape"),
        (lambda: CurveArm.of_units([[1.0], [math.nan]]), "finite"),
        (lambda: pull_forward(bought_by(np.ones(3)), bought_by(np.ones(3)), alpha=2.0), "alpha"),
        (lambda: basket_counts([-1], 100), "money"),
        (lambda: basket_counts([1], 0), "threshold_minor"),
        (lambda: basket_counts([1], 10, 2.0), "band_share"),
        (lambda: BasketCounts(1, 1, 1), "more orders"),
        (lambda: bunching(BasketCounts(50, 1, 1), BasketCounts(50, 1, 1), 0.0), "alpha"),
        (lambda: MarginArm.of_units(np.ones(1), np.ones(1)), "items"),
        (lambda: MarginArm.of_units(np.array([1.0, math.inf]), np.ones(2)), "finite"),
        (lambda: profit_difference(ARM, ARM, (0.5, 0.2)), "margin"),
        (lambda: profit_difference(ARM, ARM, (0.2, 0.5), 1.0), "alpha"),
    ],
)
def test_impossible_arguments_are_refused(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()  # type: ignore[operator]  # a table of calls
