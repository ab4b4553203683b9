"""Score test and interval of two shares; oracles: statsmodels, R prop.test, closed forms."""

import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from stats.proportions import ProportionContrast, compare_proportions, constrained_share
from stats.results import Inconclusive
from stats.summaries import Moments
from tests.support.oracle_cases import oracle_case, oracle_cases

Z95 = -float(ndtri(0.025))
CASES = [(7, 34, 1, 34), (560, 10000, 500, 10000), (35, 1010, 20, 1000), (0, 40, 5, 90), (30, 30, 10, 45)]

arms = st.tuples(st.integers(1, 400), st.floats(0, 1)).map(lambda a: (round(a[0] * a[1]), a[0]))


def contrast(x_t: int, n_t: int, x_c: int, n_c: int) -> ProportionContrast:
    return ProportionContrast(x_t=x_t, n_t=n_t, x_c=x_c, n_c=n_c)


@pytest.mark.parametrize(
    ("case", "mee", "corrected"),
    [
        ((56, 70, 48, 80), (0.0533, 0.3377), (0.0528, 0.3382)),
        ((9, 10, 3, 10), (0.1821, 0.8370), (0.1700, 0.8406)),
        ((6, 7, 2, 7), (0.0544, 0.8478), (0.0342, 0.8534)),
        ((5, 56, 0, 29), (-0.0313, 0.1926), (-0.0326, 0.1933)),
    ],
)
def test_the_interval_is_that_of_the_published_table(
    case: tuple[int, int, int, int], mee: tuple[float, float], corrected: tuple[float, float]
) -> None:
    """Newcombe (1998), Statistics in Medicine 17: Mee is ours, Miettinen–Nurminen has N / (N − 1) on top."""
    n = case[1] + case[3]
    for z, expected in ((Z95, mee), (Z95 * math.sqrt(n / (n - 1)), corrected)):
        ends = contrast(*case).limit(z), contrast(*case).limit(-z)
        assert [round(end, 4) for end in ends] == list(expected)


@pytest.mark.parametrize("case", CASES[1:3])
@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001])
def test_the_interval_is_near_that_of_statsmodels(case: tuple[int, int, int, int], alpha: float) -> None:
    """Near only: statsmodels 0.15.0 has a wrong coefficient in its constrained share (its issue 10269)."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        *case, method="score", compare="diff", alpha=alpha, correction=False
    )
    z = -float(ndtri(alpha / 2))
    width = contrast(*case).limit(-z) - contrast(*case).limit(z)
    assert contrast(*case).limit(z) == pytest.approx(low, abs=0.02 * width)
    assert contrast(*case).limit(-z) == pytest.approx(high, abs=0.02 * width)


@pytest.mark.parametrize("case", CASES[:4])
def test_the_score_of_no_effect_is_that_of_statsmodels(case: tuple[int, int, int, int]) -> None:
    from statsmodels.stats.proportion import test_proportions_2indep as score_test

    found = score_test(*case, value=0, method="score", compare="diff", correction=False)
    assert contrast(*case).z == pytest.approx(found.statistic, abs=1e-10)
    assert contrast(*case).score_z(0.0) == contrast(*case).z


@pytest.mark.parametrize("factor", [0.5, 0.9, 0.98, 1.02, 1.5])
@pytest.mark.parametrize("case", CASES[:3])
def test_noninferiority_is_the_score_test_of_the_ratio(
    case: tuple[int, int, int, int], factor: float
) -> None:
    from statsmodels.stats.proportion import test_proportions_2indep as score_test

    found = score_test(*case, value=factor, method="score", compare="ratio", correction=False)
    assert contrast(*case).noninferiority_z(factor) == pytest.approx(found.statistic, abs=1e-8)


@pytest.mark.parametrize(
    "case", oracle_cases("statsmodels_scipy.json", lambda c: "ci_diff_score" in c["name"])
)
def test_shared_score_intervals_are_near(case: dict[str, Any]) -> None:
    """Computed with statsmodels and its N / (N − 1): near only, for the reason named above."""
    x_t, n_t, x_c, n_c = (case["inputs"][k] for k in ("x1", "n1", "x2", "n2"))
    n = n_t + n_c
    scaled = Z95 * math.sqrt(n / (n - 1))
    found = contrast(x_t, n_t, x_c, n_c)
    assert found.limit(scaled) == pytest.approx(case["expected"]["lower"], abs=2e-3)
    assert found.limit(-scaled) == pytest.approx(case["expected"]["upper"], abs=2e-3)


@pytest.mark.parametrize("case", oracle_cases("statsmodels_scipy.json", lambda c: "sm_noninf" in c["name"]))
def test_shared_absolute_noninferiority_scores_are_near(case: dict[str, Any]) -> None:
    x_t, n_t, x_c, n_c = (case["inputs"][k] for k in ("x1", "n1", "x2", "n2"))
    n = n_t + n_c
    found = contrast(x_t, n_t, x_c, n_c).score_z(case["inputs"]["margin"]) / math.sqrt(n / (n - 1))
    assert found == pytest.approx(case["expected"]["z"], abs=5e-3)


def test_the_squared_z_is_the_chi_square_of_r() -> None:
    case = oracle_case("classic_tests_R.json", "prop_test_15000_15480")
    (x_1, x_2), (n_1, n_2) = case["inputs"]["x"], case["inputs"]["n"]
    found = contrast(x_1, n_1, x_2, n_2)
    assert found.z**2 == pytest.approx(case["expected"]["chi2"], abs=case["tolerance"])
    assert found.difference == pytest.approx(case["expected"]["diff_1_minus_2"], abs=case["tolerance"])


@settings(max_examples=100, deadline=None)
@given(arms, arms, st.floats(0.3, 6.0))
def test_a_boundary_is_crossed_exactly_when_the_interval_leaves_zero(
    treated: tuple[int, int], control: tuple[int, int], boundary: float
) -> None:
    x, n = treated[0] + control[0], treated[1] + control[1]
    assume(0 < x < n)
    found = contrast(*treated, *control)
    assume(abs(abs(found.z) - boundary) > 1e-9)
    assert (found.z > boundary) == (found.limit(boundary) > 0)
    assert (found.z < -boundary) == (found.limit(-boundary) < 0)


@settings(max_examples=50, deadline=None)
@given(arms, arms, st.floats(-0.9, 0.9))
def test_the_constrained_share_has_the_highest_likelihood_on_its_line(
    treated: tuple[int, int], control: tuple[int, int], difference: float
) -> None:
    def log_likelihood(share: float) -> float:
        total = 0.0
        for (x, n), p in ((treated, share + difference), (control, share)):
            for count, chance in ((x, p), (n - x, 1 - p)):
                if count:
                    total += count * math.log(chance) if chance > 0 else -math.inf
        return total

    best = constrained_share(*treated, *control, difference)
    low, high = max(0.0, -difference), min(1.0, 1 - difference)
    grid = [low + (high - low) * i / 400 for i in range(401)]
    assert max(map(log_likelihood, grid)) <= log_likelihood(best) + 1e-6 * (1 + abs(log_likelihood(best)))


def test_without_units_or_spread_there_is_a_reason_instead_of_a_number() -> None:
    nothing, nobody, everybody = Moments(), Moments(units=5), Moments(units=5, total=5)
    empty = compare_proportions(nothing, nobody)
    assert isinstance(empty, Inconclusive)
    assert empty.reason == "no_units"
    for arm in (nobody, everybody):
        same = compare_proportions(arm, arm)
        assert isinstance(same, Inconclusive)
        assert same.reason == "no_variance"
