"""Single cases of the shared oracles that belong to no family of tests."""

import pytest

from stats.planning import units_for_shares
from stats.ratios import ratio_arm
from stats.sample_ratio import chi_square_pvalue
from stats.sequential.boundaries import boundaries
from stats.sequential.designs import crossing_probabilities, inflation_factor, needed_drift
from stats.sequential.regression import regression_pvalue
from stats.summaries import Moments
from tests.support.oracle_cases import Case, oracle_case, oracle_cases


@pytest.mark.parametrize(
    "case", oracle_cases("classic_tests_R.json", lambda c: c["name"].startswith("srm_chi2"))
)
def test_chi_square_of_planned_weights_equals_r(case: Case) -> None:
    found = chi_square_pvalue(tuple(case["inputs"]["observed"]), tuple(case["inputs"]["weights"]))
    assert found == pytest.approx(case["expected"]["p"], rel=1e-8)


def test_the_error_of_a_ratio_equals_r() -> None:
    case = oracle_case("adjustment_R.json", "ratio_delta_200")
    numerators, denominators = case["inputs"]["numerator"], case["inputs"]["denominator"]
    x, y = [round(100 * value) for value in numerators], [round(value) for value in denominators]
    assert [value / 100 for value in x] == pytest.approx(numerators)
    sums = (sum(x), sum(a * a for a in x), sum(x), sum(y), sum(b * b for b in y))
    arm = ratio_arm(Moments(len(x), len(x), *sums, sum(a * b for a, b in zip(x, y, strict=True))))
    assert arm is not None
    assert arm.mean / 100 == pytest.approx(case["expected"]["ratio"], rel=1e-9)
    assert arm.variance**0.5 / 100 == pytest.approx(case["expected"]["se"], rel=1e-9)


def test_the_size_of_a_sequential_test_of_two_rates_equals_rpact() -> None:
    case = oracle_case("group_sequential_rpact.json", "gst_samplesize_rates")
    information, given = [0.25, 0.5, 0.75, 1.0], case["inputs"]
    alpha, power = given["one_sided_alpha"], given["power"]
    z = [look.z for look in boundaries(information, alpha, "obrien-fleming", sides=1)]
    fixed = 2 * units_for_shares(given["p2"], given["p1"], 2 * alpha, power)
    largest = fixed * inflation_factor(information, z, alpha, power)
    assert largest == pytest.approx(case["expected"]["max_n_total"], rel=1e-6)
    stops = crossing_probabilities(information, z, drift=needed_drift(information, z, power))
    left = 1.0 - sum(stops[:-1])
    mean = sum(i * p for i, p in zip(information[:-1], stops[:-1], strict=True)) + left
    assert largest * mean == pytest.approx(case["expected"]["expected_n_H1"], rel=1e-4)


def test_an_anytime_valid_regression_with_a_prior_on_the_effect_equals_savvi() -> None:
    # there the prior's precision counts the treatment's own spread: s² / se² takes the place of the rows
    from statsmodels.regression.linear_model import OLS
    from statsmodels.tools import add_constant

    case = oracle_case("savvi.json", "savvi_linreg_400")
    fitted = OLS(case["inputs"]["y"], add_constant(case["inputs"]["treat"])).fit()
    spread = fitted.mse_resid / fitted.bse[1] ** 2
    found = regression_pvalue(float(fitted.tvalues[1]), float(fitted.df_resid), spread, case["inputs"]["phi"])
    assert fitted.params[1] == pytest.approx(case["expected"]["beta"], abs=1e-4)
    assert found == pytest.approx(case["expected"]["p"], abs=1e-4)
