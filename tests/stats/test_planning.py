"""Oracles: R power.prop.test and power.t.test, statsmodels, and simulated tests of the planned size."""

from collections.abc import Callable

import numpy as np
import pytest

from stats.planning import (
    budget_needed,
    detectable_share,
    duration,
    power_of_shares,
    units_for_means,
    units_for_shares,
)
from tests.support.oracle_cases import Case, oracle_case, oracle_cases


@pytest.mark.parametrize(
    "case", oracle_cases("classic_tests_R.json", lambda c: c["name"].startswith("power_prop_"))
)
def test_sizes_for_shares_equal_r(case: Case) -> None:
    given = case["inputs"]
    found = units_for_shares(given["p1"], given["p2"], given["alpha_two_sided"], given["power"])
    assert found == pytest.approx(case["expected"]["n_per_arm"], rel=1e-6)


def test_sizes_for_means_equal_r() -> None:
    case = oracle_case("classic_tests_R.json", "power_t_0.5_2_0.05_0.9")
    assert units_for_means(0.5, 2, 0.05, 0.9) == pytest.approx(case["expected"]["n_per_arm"], rel=1e-6)


def test_power_of_shares_equals_statsmodels() -> None:
    case = oracle_case("statsmodels_scipy.json", "sm_power_2indep")
    given = case["inputs"]
    found = power_of_shares(given["prop2"], given["prop2"] + given["diff"], given["nobs1"], given["alpha"])
    assert found == pytest.approx(case["expected"]["power"], abs=1e-6)


@pytest.mark.parametrize(("control", "units"), [(0.02, 500.0), (0.05, 31234.0), (0.4, 80.0)])
def test_what_can_be_found_is_the_inverse_of_the_size(control: float, units: float) -> None:
    rise = detectable_share(control, units)
    assert rise is not None
    assert units_for_shares(control, control + rise) == pytest.approx(units, rel=1e-6)


def test_nothing_can_be_found_with_a_handful() -> None:
    assert detectable_share(0.5, 2.0) is None


def test_large_and_small_sizes_of_means_meet() -> None:
    # oracle: the normal formula, which the t-test approaches from above
    normal = 2 * ((1.959963985 + 0.841621234) / 0.0063) ** 2
    assert units_for_means(0.0063, 1.0) == pytest.approx(normal, rel=1e-4)
    assert units_for_means(0.0062, 1.0) > units_for_means(0.0063, 1.0) > units_for_means(0.0064, 1.0)
    assert units_for_means(100.0, 1.0) >= 2.0


def test_simulated_tests_of_the_planned_size_have_the_planned_power() -> None:
    n = int(units_for_shares(0.10, 0.12)) + 1
    rng = np.random.default_rng(2)
    a, b = rng.binomial(n, 0.10, 20_000) / n, rng.binomial(n, 0.12, 20_000) / n
    pooled = (a + b) / 2
    z = (b - a) / np.sqrt(2 * pooled * (1 - pooled) / n)
    assert abs((np.abs(z) > 1.959964).mean() - 0.8) < 3 * 0.4 / 20_000**0.5


def test_a_long_test_is_called_infeasible_and_entry_takes_whole_weeks() -> None:
    found = duration(56_000, 500, 30, 7, 14, 90)
    assert (found.entry_days, found.total_days, found.feasible) == (112, 149, False)
    assert duration(10, 500, 0, 0, 14, 90).entry_days == 14


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: units_for_shares(0.0, 0.1), "control"),
        (lambda: units_for_shares(0.1, 0.1), "equal"),
        (lambda: units_for_shares(0.1, 0.2, 1.0), "alpha"),
        (lambda: units_for_shares(0.1, 0.2, 0.05, 0.01), "power"),
        (lambda: units_for_means(0.0, 1.0), "difference"),
        (lambda: units_for_means(1.0, 0.0), "sd"),
        (lambda: power_of_shares(0.1, 0.2, 0), "units"),
        (lambda: detectable_share(0.1, 0), "units"),
        (lambda: duration(1, 0, 1, 1, 1, 1), "units_a_day"),
        (lambda: duration(1, 1, -1, 1, 1, 1), "window_days"),
        (lambda: budget_needed(1, 2.0, 1), "redemption_share"),
    ],
)
def test_impossible_arguments_are_named(call: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()
