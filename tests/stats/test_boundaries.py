"""The recursion against closed forms, multivariate normal probabilities and simulated paths."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.sequential.boundaries import SMALLEST_STEP, OneSidedRecursion, boundaries
from stats.sequential.designs import (
    constant_boundaries,
    crossing_probabilities,
    inflation_factor,
    needed_drift,
)
from stats.sequential.spending import parse_spending


def test_one_look_has_the_quantile_of_the_normal_distribution() -> None:
    (look,) = boundaries([1.0], 0.05, "kim-demets:2")
    assert look.z == pytest.approx(1.959963984540054, abs=1e-12)
    assert look.pvalue == pytest.approx(0.05, abs=1e-15)
    assert look.alpha_spent == pytest.approx(0.05)


@pytest.mark.parametrize("first", [0.01, 0.3, 0.5, 0.9, 0.9999])
def test_two_looks_spend_alpha_by_the_bivariate_normal_distribution(first: float) -> None:
    from scipy.stats import multivariate_normal

    one, two = boundaries([first, 1.0], 0.025, "pocock", sides=1)
    correlation = math.sqrt(first)
    stays = multivariate_normal.cdf(
        np.array([one.z, two.z]), mean=np.zeros(2), cov=np.array([[1.0, correlation], [correlation, 1.0]])
    )
    assert 1.0 - stays == pytest.approx(0.025, abs=1e-8)


def test_three_looks_spend_alpha_by_the_trivariate_normal_distribution() -> None:
    from scipy.stats import multivariate_normal

    times = np.array([1.0, 1.7, 5.0])
    z = [look.z for look in boundaries(times.tolist(), 0.1, "kim-demets:1", sides=1, planned=5.0)]
    covariance = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    stays = multivariate_normal.cdf(
        np.array(z), mean=np.zeros(3), cov=covariance, abseps=1e-9, releps=1e-9, maxpts=3_000_000, rng=7
    )
    assert 1.0 - stays == pytest.approx(0.1, abs=1e-6)


def test_simulated_walks_cross_as_often_as_alpha_was_spent() -> None:
    # oracle: 200,000 seeded walks; band of four standard errors at each look together
    times = np.array([0.05, 0.06, 0.2, 0.21, 0.5, 0.9, 1.0])
    looks = boundaries(times.tolist(), 0.1, "kim-demets:1", sides=1)
    rng = np.random.default_rng(11)
    steps = rng.standard_normal((200_000, times.size)) * np.sqrt(np.diff(times, prepend=0.0))
    crossed = np.cumsum(steps, axis=1) / np.sqrt(times) > np.array([look.z for look in looks])
    spent = np.logical_or.accumulate(crossed, axis=1).mean(axis=0)
    expected = np.array([look.alpha_spent for look in looks])
    assert np.all(np.abs(spent - expected) < 4 * np.sqrt(expected / 200_000))


@settings(max_examples=20, deadline=None)
@given(
    steps=st.lists(st.floats(-5.0, 0.5).map(lambda power: 10.0**power), min_size=1, max_size=8),
    alpha=st.sampled_from([0.001, 0.025, 0.3]),
    rho=st.sampled_from(["kim-demets:1", "kim-demets:2", "pocock"]),
)
def test_replaying_the_boundaries_crosses_with_the_alpha_spent(
    steps: list[float], alpha: float, rho: str
) -> None:
    information = np.cumsum([1.0, *steps]).tolist()
    looks = boundaries(information, alpha, rho, sides=1, planned=information[-1])
    crossed = crossing_probabilities(information, [look.z for look in looks])
    assert np.cumsum(crossed) == pytest.approx([look.alpha_spent for look in looks], rel=1e-7, abs=1e-15)


def test_the_unit_of_information_does_not_matter() -> None:
    times = np.array([0.1, 0.15, 0.4, 1.0])
    plain = [look.z for look in boundaries(times.tolist(), 0.05, "kim-demets:2")]
    scaled = [look.z for look in boundaries((times * 3.7e11).tolist(), 0.05, "kim-demets:2", planned=3.7e11)]
    assert scaled == pytest.approx(plain, abs=1e-9)


def test_a_tiny_step_costs_next_to_nothing_and_changes_nothing() -> None:
    # continuity: a look a millionth later that spends a hair must leave the rest of the schedule in place
    plain, with_step = OneSidedRecursion(), OneSidedRecursion()
    first = [recursion.next_boundary(0.5, 0.01) for recursion in (plain, with_step)]
    assert with_step.next_boundary(0.5 * (1 + 1e-6), 1e-12) > first[1]
    assert with_step.next_boundary(1.0, 0.015) == pytest.approx(plain.next_boundary(1.0, 0.015), abs=1e-9)


def test_a_look_that_spends_nothing_leaves_no_trace() -> None:
    plain, with_look = OneSidedRecursion(), OneSidedRecursion()
    assert plain.next_boundary(0.2, 0.001) == with_look.next_boundary(0.2, 0.001)
    assert with_look.next_boundary(0.3, 0.0) == math.inf
    assert with_look.next_boundary(0.9, 0.01) == plain.next_boundary(0.9, 0.01)


def test_alpha_too_small_to_spend_waits_for_the_next_look() -> None:
    early, late = boundaries([0.001, 1.0], 0.05, "obrien-fleming")
    assert (early.z, early.pvalue, early.alpha_spent) == (math.inf, 0.0, 0.0)
    assert late.z == pytest.approx(1.959964, abs=1e-6)


def test_a_thousand_looks_stay_finite_and_close_to_the_continuous_boundary() -> None:
    # oracle: 20,000 seeded walks; band of four standard errors around the alpha spent
    times = np.arange(1, 1001) / 1000
    z = np.array([look.z for look in boundaries(times.tolist(), 0.05, "kim-demets:2", sides=1)])
    assert np.all(np.isfinite(z))
    assert np.all(np.diff(z) < 0)
    walks = np.cumsum(np.random.default_rng(3).standard_normal((20_000, 1000)), axis=1) / math.sqrt(1000)
    crossed = (walks > z * np.sqrt(times)).any(axis=1).mean()
    assert abs(crossed - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 20_000)


def test_looks_past_the_plan_never_spend_more_than_alpha() -> None:
    looks = boundaries([0.5, 1.0, 2.0, 100.0], 0.05, "kim-demets:2", open_ended_share=0.1)
    assert [look.alpha_spent for look in looks] == pytest.approx([0.01125, 0.045, 0.0475, 0.04995])
    assert all(math.isfinite(look.z) for look in looks)


def test_power_under_a_drift_equals_the_shifted_normal_at_one_look() -> None:
    from scipy.special import ndtr

    (probability,) = crossing_probabilities([4.0], [1.96], drift=1.2)
    assert probability == pytest.approx(float(ndtr(2.4 - 1.96)), abs=1e-12)


def test_power_under_a_drift_equals_the_bivariate_normal_at_two_looks() -> None:
    from scipy.stats import multivariate_normal

    crossed = crossing_probabilities([0.5, 1.0], [2.5, 2.0], drift=2.8)
    correlation = math.sqrt(0.5)
    stays = multivariate_normal.cdf(
        np.array([2.5, 2.0]),
        mean=np.array([2.8 * correlation, 2.8]),
        cov=np.array([[1.0, correlation], [correlation, 1.0]]),
    )
    assert sum(crossed) == pytest.approx(1.0 - stays, abs=1e-8)


def test_the_needed_drift_gives_the_wanted_power() -> None:
    z = constant_boundaries("obrien-fleming", [1.0, 2.0, 3.0], 0.05)
    drift = needed_drift([1.0, 2.0, 3.0], z, 0.9)
    assert sum(crossing_probabilities([1.0, 2.0, 3.0], z, drift=drift)) == pytest.approx(0.9, abs=1e-9)
    assert inflation_factor([1.0, 2.0, 3.0], z, 0.025, 0.9) > 1.0


@pytest.mark.parametrize(
    ("information", "increment"),
    [
        (0.0, 0.01),
        (-1.0, 0.01),
        (math.nan, 0.01),
        (math.inf, 0.01),
        (1.0, -0.01),
        (1.0, 1.0),
        (1.0, math.nan),
    ],
)
def test_an_impossible_look_is_refused(information: float, increment: float) -> None:
    with pytest.raises(ValueError, match="must"):
        OneSidedRecursion().next_boundary(information, increment)


@pytest.mark.parametrize("information", [0.9, 1.0, 1.0 + SMALLEST_STEP / 2])
def test_information_that_does_not_grow_is_refused(information: float) -> None:
    recursion = OneSidedRecursion()
    recursion.next_boundary(1.0, 0.01)
    with pytest.raises(ValueError, match="must grow"):
        recursion.next_boundary(information, 0.01)
    with pytest.raises(ValueError, match="must grow"):
        recursion.replay(information, 2.0)


def test_more_alpha_than_is_left_is_refused() -> None:
    recursion = OneSidedRecursion()
    recursion.next_boundary(1.0, 0.6)
    with pytest.raises(ValueError, match="less than that is left"):
        recursion.next_boundary(2.0, 0.5)


def test_arguments_outside_their_range_are_refused_with_the_bound() -> None:
    with pytest.raises(ValueError, match="sides is 3; it must be 1 or 2"):
        boundaries([1.0], 0.05, "pocock", sides=3)
    with pytest.raises(ValueError, match="planned is 0"):
        boundaries([1.0], 0.05, "pocock", planned=0.0)
    with pytest.raises(ValueError, match="above -8"):
        OneSidedRecursion().replay(1.0, -8.0)
    with pytest.raises(ValueError, match="pocock or obrien-fleming"):
        constant_boundaries("haybittle", [1.0], 0.05)  # type: ignore[arg-type]  # the misuse under test
    with pytest.raises(ValueError, match="must be 1 or 2"):
        constant_boundaries("pocock", [1.0], 0.05, sides=0)
    with pytest.raises(ValueError, match="power is 1"):
        needed_drift([1.0], [2.0], 1.0)


def test_a_spending_object_and_its_name_give_the_same_boundaries() -> None:
    named = boundaries([0.3, 1.0], 0.05, "hwang-shih-decani:-4")
    assert boundaries([0.3, 1.0], 0.05, parse_spending("hwang-shih-decani:-4")) == named
