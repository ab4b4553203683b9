"""Oracles: adaptive quadrature, gbstats, msprt, R avlm; and the promised error in simulated paths."""

import math

import numpy as np
import pytest

from stats.bayes import compare_normal, compare_shares
from stats.sequential.msprt import always_valid_pvalue, log_likelihood_ratio, mixing_variance_for
from stats.sequential.regression import best_g, regression_half_width, regression_pvalue
from tests.support.oracle_cases import Case, oracle_case, oracle_cases


@pytest.mark.parametrize("case", oracle_cases("bayes_quadrature.json", lambda _: True))
def test_posteriors_of_shares_equal_quadrature(case: Case) -> None:
    given, expected = case["inputs"], case["expected"]
    found = compare_shares((given["x_a"], given["n_a"]), (given["x_b"], given["n_b"]))
    assert found.chance_to_win == pytest.approx(expected["prob_b_better"], abs=1e-9)
    assert found.loss_treatment == pytest.approx(expected["expected_loss_choose_b"], rel=1e-6)
    assert found.loss_control == pytest.approx(expected["expected_loss_choose_a"], rel=1e-6)


def test_posteriors_of_large_shops_stay_exact() -> None:
    # oracle: the normal approximation, which is exact to 1e-3 at a million units
    found = compare_shares((50_000, 1_000_000), (50_400, 1_000_000))
    error = math.sqrt(2 * 0.05 * 0.95 / 1e6)
    assert found.chance_to_win == pytest.approx(compare_normal(0.0004, error)[2].chance_to_win, abs=2e-3)
    assert compare_shares((0, 0), (0, 0)).chance_to_win == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("case", oracle_cases("gbstats.json", lambda c: c["name"].startswith("gb_bayes_")))
def test_normal_posteriors_equal_gbstats(case: Case) -> None:
    control, treatment = case["inputs"]["control"], case["inputs"]["treatment"]

    def moments(arm: dict[str, float]) -> tuple[float, float]:
        n = arm["n"]
        if "successes" in arm:
            share = arm["successes"] / n
            return share, share * (1 - share) / n
        mean = arm["sum"] / n
        return mean, (arm["sum_squares"] - n * mean**2) / (n - 1) / n

    (mean_c, var_c), (mean_t, var_t) = moments(control), moments(treatment)
    lift = (mean_t - mean_c) / mean_c
    error = math.sqrt(var_t / mean_c**2 + var_c * mean_t**2 / mean_c**4)
    prior = (
        (case["inputs"]["prior_mean"], case["inputs"]["prior_var"])
        if "prior_mean" in case["inputs"]
        else None
    )
    mean, spread, found = compare_normal(lift, error, prior)
    expected = case["expected"]
    assert mean == pytest.approx(expected["estimate"], abs=1e-5)
    assert spread == pytest.approx(expected["se"], abs=1e-5)
    assert found.chance_to_win == pytest.approx(expected["chance_to_win"], abs=1e-5)
    assert found.loss_control == pytest.approx(expected["risk_control"], abs=1e-5)
    assert found.loss_treatment == pytest.approx(expected["risk_treatment"], abs=1e-5)


def test_the_msprt_equals_the_package_along_a_path() -> None:
    case = oracle_case("anytime_misc_pkgs.json", "msprt_normal_300")
    x, y = (np.array(case["inputs"][name]) for name in ("x", "y"))
    for n, value in zip(case["expected"]["lambda_at"], case["expected"]["value"], strict=True):
        found = log_likelihood_ratio(float(y[:n].mean() - x[:n].mean()), n, 1.0, 0.25)
        assert math.exp(found) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize(
    "case", oracle_cases("anytime_misc_pkgs.json", lambda c: c["name"].startswith("msprt_mixture_var"))
)
def test_the_mixing_variance_equals_the_package_s_rule(case: Case) -> None:
    given = case["inputs"]
    found = mixing_variance_for(given["alpha"], given["sigma"] ** 2, given["truncation"])
    assert found == pytest.approx(case["expected"]["tau2"], abs=case["tolerance"])


def test_the_msprt_keeps_its_error_and_its_pvalue_never_rises() -> None:
    rng = np.random.default_rng(6)
    paths = (rng.standard_normal((2000, 500)) - rng.standard_normal((2000, 500))).cumsum(axis=1)
    rejected = 0
    for path in paths:
        pvalue = 1.0
        for n in range(10, 501, 10):
            now = always_valid_pvalue(pvalue, log_likelihood_ratio(path[n - 1] / n, n, 1.0, 0.1))
            assert now <= pvalue
            pvalue = now
        rejected += pvalue <= 0.05
    assert rejected / 2000 <= 0.05


@pytest.mark.parametrize(("name", "g"), [("avlm_mtcars_g1", 1.0), ("avlm_mtcars_g2", 2.0)])
def test_anytime_regression_equals_avlm(name: str, g: float) -> None:
    case = oracle_case("adjustment_R.json", name)
    expected, n = case["expected"], len(case["inputs"]["mpg"])
    df = n - len(expected["coef"])
    for place, t in enumerate(expected["t"]):
        assert regression_pvalue(t, df, n, g) == pytest.approx(expected["anytime_p"][place], rel=1e-8)
        width = regression_half_width(expected["se"][place], df, n, g, 0.05)
        assert expected["coef"][place] - width == pytest.approx(expected["ci95_lower"][place], rel=1e-8)
        assert expected["coef"][place] + width == pytest.approx(expected["ci95_upper"][place], rel=1e-8)


def test_the_best_precision_equals_avlm() -> None:
    case = oracle_case("adjustment_R.json", "avlm_optimal_g")
    found = best_g(case["inputs"]["n"], case["inputs"]["number_of_coefficients"], case["inputs"]["alpha"])
    assert found == pytest.approx(case["expected"]["g"], rel=1e-4)


def test_the_interval_holds_zero_exactly_when_the_pvalue_is_above_alpha() -> None:
    for t in np.linspace(0.5, 8.0, 31):
        outside = abs(t) > regression_half_width(1.0, 50, 53, 3.0, 0.05)
        assert outside == (regression_pvalue(float(t), 50, 53, 3.0) < 0.05)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: compare_shares((5, 4), (1, 4)), "successes"),
        (lambda: compare_shares((1, 4), (1, 4), (0.0, 1.0)), "prior"),
        (lambda: compare_normal(math.nan, 1.0), "finite"),
        (lambda: compare_normal(1.0, 1.0, (0.0, 0.0)), "variance above 0"),
        (lambda: log_likelihood_ratio(0.1, 0, 1.0, 1.0), "n is"),
        (lambda: mixing_variance_for(1.5, 1.0, 10), "alpha"),
        (lambda: regression_pvalue(1.0, 0, 5, 1.0), "df"),
        (lambda: regression_half_width(0.0, 5, 9, 1.0, 0.05), "standard_error"),
        (lambda: best_g(5, 5, 0.05), "df"),
    ],
)
def test_impossible_arguments_are_named(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()  # type: ignore[operator]  # a table of calls
