"""Relative lift by the plain delta method, as gbstats has it: equal numbers, though not our test."""

import math
from typing import Any

import pytest
from scipy.stats import t

from stats.contrasts import Arm, delta_uplift
from stats.means import satterthwaite_df
from stats.sequential.confidence_sequences import asymptotic_half_width, tuned_rho
from tests.support.oracle_cases import Case, oracle_cases

FILE = "gbstats.json"


def is_simple(case: Case) -> bool:
    return "relative" in case["name"] and not {"sum", "successes"}.isdisjoint(case["inputs"]["control"])


def is_ratio(case: Case) -> bool:
    return "relative" in case["name"] and "m_sum" in case["inputs"]["control"]


def mean_arm(given: dict[str, Any]) -> Arm:
    n = given["n"]
    if "successes" in given:
        share = given["successes"] / n
        return Arm(n, share, share * (1 - share) / n)
    mean = given["sum"] / n
    return Arm(n, mean, (given["sum_squares"] - n * mean**2) / (n - 1) / n)


def ratio_of_sums(given: dict[str, Any]) -> Arm:
    """Delta method on floats, as those sums are not whole numbers."""
    n, x, y = given["n"], given["m_sum"], given["d_sum"]
    r = x / y
    residual = given["m_ss"] - 2 * r * given["md"] + r**2 * given["d_ss"]
    return Arm(n, r, residual / (n - 1) / n / (y / n) ** 2)


def same(case: Case, control: Arm, treatment: Arm) -> None:
    expected, tolerance = case["expected"], case["tolerance"]
    found = delta_uplift(control, treatment)
    assert found is not None
    point, error = found
    assert point == pytest.approx(expected["estimate"], abs=tolerance)
    assert error == pytest.approx(expected["se"], abs=tolerance)
    n, alpha = control.n + treatment.n, case["inputs"]["alpha"]
    if "tuning" in case["inputs"]:
        width = asymptotic_half_width(error**2 * n, n, tuned_rho(case["inputs"]["tuning"], alpha), alpha)
    else:
        df = satterthwaite_df(control.variance, control.n - 1, treatment.variance, treatment.n - 1)
        width = float(t.isf(alpha / 2, df)) * error
    assert point - width == pytest.approx(expected["ci_lower"], abs=tolerance)
    assert point + width == pytest.approx(expected["ci_upper"], abs=tolerance)


@pytest.mark.parametrize("case", oracle_cases(FILE, is_simple))
def test_shares_and_means_equal_gbstats(case: Case) -> None:
    same(case, mean_arm(case["inputs"]["control"]), mean_arm(case["inputs"]["treatment"]))


@pytest.mark.parametrize("case", oracle_cases(FILE, is_ratio))
def test_ratios_equal_gbstats(case: Case) -> None:
    same(case, ratio_of_sums(case["inputs"]["control"]), ratio_of_sums(case["inputs"]["treatment"]))


def test_control_without_a_mean_has_no_lift() -> None:
    assert delta_uplift(Arm(10, 0.0, 1.0), Arm(10, 1.0, 1.0)) is None


def test_the_plain_method_is_loose_where_control_sells_little() -> None:
    # why it is never our test: at few sales the lift's error grows with the lift, so losses look surer
    up = delta_uplift(Arm(3_600, 0.02, 0.02 * 0.98 / 3_600), Arm(3_600, 0.0278, 0.0278 * 0.9722 / 3_600))
    down = delta_uplift(Arm(3_600, 0.02, 0.02 * 0.98 / 3_600), Arm(3_600, 0.0122, 0.0122 * 0.9878 / 3_600))
    assert up is not None
    assert down is not None
    assert math.isclose(up[0], -down[0], rel_tol=1e-9)
    assert abs(down[0] / down[1]) > 1.3 * abs(up[0] / up[1])
