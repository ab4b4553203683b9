"""Asymptotic confidence sequences against gbstats (shared cases) and simulated peeking."""

import math

import numpy as np
import pytest

from stats.sequential.confidence_sequences import (
    asymptotic_half_width,
    asymptotic_pvalue,
    one_sided_half_width,
    tuned_rho,
)
from tests.support.oracle_cases import Case, oracle_cases

FILE = "gbstats.json"


def two_sided(case: Case) -> bool:
    name = case["name"]
    return "seq" in name and "absolute" in name


@pytest.mark.parametrize("case", oracle_cases(FILE, lambda case: case["name"].startswith("gb_rho")))
def test_rho_equals_gbstats(case: Case) -> None:
    inputs = case["inputs"]
    assert tuned_rho(inputs["N"], inputs["alpha"]) == pytest.approx(
        case["expected"]["rho"], abs=case["tolerance"]
    )


@pytest.mark.parametrize("case", oracle_cases(FILE, two_sided))
def test_absolute_intervals_and_pvalues_equal_gbstats(case: Case) -> None:
    inputs, expected = case["inputs"], case["expected"]
    n = inputs["control"]["n"] + inputs["treatment"]["n"]
    variance = n * expected["se"] ** 2
    rho = tuned_rho(inputs["tuning"], inputs["alpha"])
    width = asymptotic_half_width(variance, n, rho, inputs["alpha"])
    found = expected["estimate"] - width, expected["estimate"] + width
    assert found == pytest.approx((expected["ci_lower"], expected["ci_upper"]), abs=case["tolerance"])
    pvalue = asymptotic_pvalue(expected["estimate"], variance, n, rho)
    assert pvalue == pytest.approx(expected["p"], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("case", oracle_cases(FILE, lambda case: "seq_onesided" in case["name"]))
def test_one_sided_bounds_equal_gbstats(case: Case) -> None:
    inputs, expected = case["inputs"], case["expected"]
    arms = inputs["control"], inputs["treatment"]
    n = sum(arm["n"] for arm in arms)
    shares = [(arm["successes"] / arm["n"], arm["n"]) for arm in arms]
    variance = n * sum(share * (1 - share) / size for share, size in shares)
    alpha = inputs["alpha"]
    width = one_sided_half_width(variance, n, tuned_rho(inputs["tuning"], 2 * alpha), alpha)
    lower, upper = float(expected["ci_lower"]), float(expected["ci_upper"])
    bound, found = (
        (lower, expected["estimate"] - width)
        if math.isfinite(lower)
        else (upper, expected["estimate"] + width)
    )
    assert found == pytest.approx(bound, abs=1e-9)


def test_the_half_width_has_its_closed_form() -> None:
    # n ρ² = 3, so √(nρ²+1) = 2 and the width is √(2·4/(3n) · ln(2/α))
    n, alpha = 300.0, 0.05
    expected = math.sqrt(5.0 * 8.0 / (3.0 * n) * math.log(2.0 / alpha))
    assert asymptotic_half_width(5.0, n, math.sqrt(3.0 / n), alpha) == pytest.approx(expected, rel=1e-12)


def test_the_pvalue_is_alpha_where_the_interval_touches_zero() -> None:
    width = asymptotic_half_width(2.0, 500, 0.07, 0.03)
    assert asymptotic_pvalue(width, 2.0, 500, 0.07) == pytest.approx(0.03, rel=1e-9)


def test_the_tuned_sequence_is_tightest_near_the_plan() -> None:
    rhos = [tuned_rho(planned, 0.05) for planned in (1_000, 10_000, 100_000)]
    widths = [asymptotic_half_width(1.0, 10_000, rho, 0.05) for rho in rhos]
    assert min(widths) == widths[1]


def test_reading_at_every_unit_keeps_the_error_rate() -> None:
    # oracle: 2,000 seeded walks read at 4,000 moments; the share that ever excludes the truth is below alpha
    n = np.arange(1, 4001)
    rho = tuned_rho(1000, 0.05)
    width = np.array([asymptotic_half_width(1.0, float(size), rho, 0.05) for size in n])
    means = np.cumsum(np.random.default_rng(4).standard_normal((2_000, n.size)), axis=1) / n
    assert (np.abs(means) > width).any(axis=1).mean() <= 0.05


def test_arguments_outside_their_range_are_refused_with_the_bound() -> None:
    with pytest.raises(ValueError, match="alpha is 0"):
        tuned_rho(1000, 0.0)
    with pytest.raises(ValueError, match="planned_n is 0"):
        tuned_rho(0, 0.05)
    with pytest.raises(ValueError, match="variance is -1"):
        asymptotic_half_width(-1.0, 10, 0.1, 0.05)
    with pytest.raises(ValueError, match="n is 0"):
        asymptotic_half_width(1.0, 0, 0.1, 0.05)
    with pytest.raises(ValueError, match="variance is 0"):
        asymptotic_pvalue(1.0, 0.0, 10, 0.1)
    with pytest.raises(ValueError, match="alpha is 1"):
        one_sided_half_width(1.0, 10, 0.1, 0.5)
