"""Oracles: R (mvtnorm, p.adjust), the e-BH package, exact sums by simulation-free quadrature of scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.multiplicity import adjusted_pvalues, dunnett_critical, dunnett_level, e_bh
from tests.support.oracle_cases import Case, oracle_cases

METHODS = {"padjust_hommel": "hommel", "padjust_BH": "fdr_bh", "padjust_bonferroni": "bonferroni"}


@pytest.mark.parametrize(
    "case", oracle_cases("classic_tests_R.json", lambda c: c["name"].startswith("dunnett_critical"))
)
def test_dunnett_s_critical_value_equals_r(case: Case) -> None:
    found = dunnett_critical(1.0, [1.0] * case["inputs"]["treatments"], case["inputs"]["alpha"])
    assert found == pytest.approx(case["expected"]["z"], abs=case["tolerance"])


def test_dunnett_equals_the_two_dimensional_normal_of_scipy() -> None:
    from scipy.stats import multivariate_normal

    weights = (0.5, 0.2, 0.3)
    critical = dunnett_critical(weights[0], weights[1:], 0.05)
    loadings = [math.sqrt(w / (w + weights[0])) for w in weights[1:]]
    correlation = loadings[0] * loadings[1]
    normal = multivariate_normal([0, 0], [[1, correlation], [correlation, 1]])
    inside = normal.cdf([critical] * 2, lower_limit=[-critical] * 2)
    assert 1 - inside == pytest.approx(0.05, abs=1e-6)


def test_one_treatment_has_the_whole_level_and_more_have_more_than_bonferroni() -> None:
    assert dunnett_level(0.5, [0.5], 0.05) == pytest.approx(0.05, abs=1e-12)
    for count in (2, 3, 7):
        level = dunnett_level(1.0, [1.0] * count, 0.05)
        assert 0.05 / count < level < 0.05


@pytest.mark.parametrize("case", oracle_cases("classic_tests_R.json", lambda c: c["name"] in METHODS))
def test_adjusted_pvalues_equal_r(case: Case) -> None:
    found = adjusted_pvalues(case["inputs"]["p"], METHODS[case["name"]])  # type: ignore[arg-type]  # one of them
    assert found == pytest.approx(case["expected"]["adjusted"], abs=case["tolerance"])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjustment_never_lowers_and_holm_never_exceeds_bonferroni(pvalues: list[float]) -> None:
    holm, bonferroni = adjusted_pvalues(pvalues, "holm"), adjusted_pvalues(pvalues, "bonferroni")
    for plain, stepwise, single in zip(pvalues, holm, bonferroni, strict=True):
        assert plain - 1e-12 <= stepwise <= single + 1e-12


@pytest.mark.parametrize(
    "case", oracle_cases("sequential_analysis_pkg.json", lambda c: c["name"].startswith("sa_ebh"))
)
def test_e_bh_equals_the_package(case: Case) -> None:
    found = e_bh(case["inputs"]["e_values"], case["inputs"]["alpha"])
    assert list(found) == case["expected"]["rejected"]


def test_e_bh_keeps_the_false_discovery_rate_under_dependence() -> None:
    # oracle: the promise itself; 20 e-values that are all the same bet on nothing, 20,000 seeded runs
    rng = np.random.default_rng(4)
    z = rng.standard_normal(20_000)
    evalues = np.exp(2.0 * z - 2.0)
    wrong = sum(bool(e_bh([e] * 20, 0.1)) for e in evalues) / z.size
    assert wrong <= 0.1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dunnett_critical(0.5, [], 0.05), "treatment_shares"),
        (lambda: dunnett_critical(0.0, [0.5], 0.05), "share"),
        (lambda: dunnett_critical(0.5, [0.5], 1.0), "alpha"),
        (lambda: adjusted_pvalues([0.5, math.nan], "holm"), "p-value"),
        (lambda: e_bh([-1.0], 0.05), "e-value"),
        (lambda: e_bh([1.0], 0.0), "alpha"),
    ],
)
def test_impossible_arguments_are_refused(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()  # type: ignore[operator]  # a table of calls
