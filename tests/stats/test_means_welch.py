"""Welch's test, t carried to z; oracles: R t.test, scipy, gbstats, tea-tasting."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from stats.contrasts import Arm, uplift
from stats.means import MeanContrast, compare_means, t_to_z, z_to_t
from stats.results import Inconclusive
from stats.summaries import Moments
from tests.support.oracle_cases import oracle_case, oracle_cases

Z95 = -float(special.ndtri(0.025))


def rows(xs: list[float], scale: int) -> Moments:
    whole = [round(x * scale) for x in xs]
    return Moments(len(whole), sum(x != 0 for x in whole), sum(whole), sum(x * x for x in whole), sum(whole))


def pvalue(contrast: MeanContrast) -> float:
    return 2 * float(special.ndtr(-abs(contrast.z)))


def made(control: Moments, treatment: Moments, *, pooled: bool = False) -> MeanContrast:
    found = compare_means(control, treatment, pooled=pooled)
    assert isinstance(found, MeanContrast)
    return found


@pytest.mark.parametrize("name", ["welch_sleep", "welch_plantgrowth"])
def test_welch_is_that_of_r(name: str) -> None:
    case = oracle_case("classic_tests_R.json", name)
    scale = 100
    found = made(rows(case["inputs"]["b"], scale), rows(case["inputs"]["a"], scale))
    expected = case["expected"]
    assert found.difference / found.standard_error == pytest.approx(expected["t"], abs=case["tolerance"])
    assert found.df == pytest.approx(expected["df"], abs=1e-8)
    assert pvalue(found) == pytest.approx(expected["p"], abs=case["tolerance"])
    ends = [found.limit(Z95) / scale, found.limit(-Z95) / scale]
    assert ends == pytest.approx(expected["ci_a_minus_b"], abs=case["tolerance"])


def from_summary(n: int, mean: float, variance: float) -> tuple[Arm, float]:
    return Arm(n, mean, variance / n), n - 1


@pytest.mark.parametrize("case", oracle_cases("tea_tasting.json", lambda c: "tt_orders_mean" in c["name"]))
def test_mean_orders_are_those_of_tea_tasting(case: dict[str, Any]) -> None:
    arms = {
        name: from_summary(arm["n"], arm["mean"]["orders"], arm["var"]["orders"])
        for name, arm in case["inputs"].items()
        if name in {"control", "treatment"}
    }
    (control, df_c), (treatment, df_t) = arms["control"], arms["treatment"]
    found = MeanContrast(control, treatment, df_c, df_t)
    expected = case["expected"]
    assert found.difference == pytest.approx(expected["effect_size"], abs=case["tolerance"])
    assert pvalue(found) == pytest.approx(expected["pvalue"], abs=case["tolerance"])
    assert found.limit(Z95) == pytest.approx(expected["effect_size_ci_lower"], abs=case["tolerance"])
    assert found.limit(-Z95) == pytest.approx(expected["effect_size_ci_upper"], abs=case["tolerance"])


@pytest.mark.parametrize(
    "case", oracle_cases("gbstats.json", lambda c: "gb_welch" in c["name"] and "absolute" in c["name"])
)
def test_welch_on_the_absolute_scale_is_that_of_gbstats(case: dict[str, Any]) -> None:
    def arm(inputs: dict[str, float]) -> tuple[Arm, float]:
        n = int(inputs["n"])
        if "successes" in inputs:
            share = inputs["successes"] / n
            return from_summary(n, share, share * (1 - share))  # as there: without n / (n − 1)
        mean = inputs["sum"] / n
        return from_summary(n, mean, (inputs["sum_squares"] - n * mean**2) / (n - 1))

    (control, df_c), (treatment, df_t) = arm(case["inputs"]["control"]), arm(case["inputs"]["treatment"])
    found = MeanContrast(control, treatment, df_c, df_t)
    expected = case["expected"]
    assert found.difference == pytest.approx(expected["estimate"], abs=case["tolerance"])
    assert found.standard_error == pytest.approx(expected["se"], abs=case["tolerance"])
    assert found.limit(Z95) == pytest.approx(expected["ci_lower"], abs=case["tolerance"])
    assert pvalue(found) == pytest.approx(expected["p"], abs=case["tolerance"])


def test_pooled_z_is_student_and_its_interval_stays_welch() -> None:
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 100, 900).tolist(), rng.integers(0, 160, 100).tolist()
    found, welch = made(rows(a, 1), rows(b, 1), pooled=True), made(rows(a, 1), rows(b, 1))
    student = ttest_ind(b, a, equal_var=True)
    assert found.difference / found.standard_error == pytest.approx(student.statistic, rel=1e-12)
    assert pvalue(found) == pytest.approx(student.pvalue, rel=1e-9)
    assert found.limit(2.5) == welch.limit(2.5)


@settings(max_examples=100, deadline=None)
@given(st.floats(-12, 12), st.floats(5, 1e6))
def test_t_and_z_are_inverse_far_into_the_tails(z: float, df: float) -> None:
    assert t_to_z(z_to_t(z, df), df) == pytest.approx(z, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("df", [58.0, 1000.0, 1e5])
def test_z_goes_on_rising_where_p_values_underflow(df: float) -> None:
    deviates = [t_to_z(t, df) for t in (20.0, 25.0, 37.0, 38.0, 45.0, 60.0, 1000.0)]
    assert deviates == sorted(set(deviates))
    assert all(np.isfinite(deviates))


def test_the_switch_to_the_tail_formula_is_seamless() -> None:
    """Wallace’s z is within 0.3 % of the exact one where the formula takes over."""
    for df in (58.0, 1000.0, 1e5):
        assert t_to_z(z_to_t(29.999, df) * (1 + 1e-12), df) == pytest.approx(29.999, rel=3e-3)
        wallace = (8 * df + 1) / (8 * df + 3) * np.sqrt(df * np.log1p(z_to_t(29.5, df) ** 2 / df))
        assert wallace == pytest.approx(29.5, rel=3e-3)


def test_without_units_or_spread_there_is_a_reason_instead_of_a_number() -> None:
    one = compare_means(Moments(units=1, total=3, squares=9), Moments(units=5))
    same = compare_means(Moments(units=2, total=6, squares=18), Moments(units=2, total=6, squares=18))
    assert isinstance(one, Inconclusive)
    assert isinstance(same, Inconclusive)
    assert (one.reason, same.reason) == ("no_units", "no_variance")


def test_uplift_is_refused_where_control_loses_money() -> None:
    assert uplift(Arm(10, -2.0, 0.1), Arm(10, 3.0, 0.1), 2.0, 2.0) is None


def test_uplift_interval_holds_the_point_and_follows_the_log_delta_error() -> None:
    found = uplift(Arm(100, 2.0, 0.04), Arm(100, 3.0, 0.09), 1.96, None)
    assert found is not None
    assert found.high is None
    assert found.low == pytest.approx(1.5 * np.exp(-1.96 * np.sqrt(0.01 + 0.01)) - 1, rel=1e-12)
