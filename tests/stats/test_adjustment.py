"""Oracles: tea-tasting, gbstats, R (lm with sandwich's HC2), and simulated shops."""

from typing import Any

import numpy as np
import pytest

from stats.adjustment import (
    AdjustedDifference,
    PairedMoments,
    RegressionEstimate,
    cuped,
    regression_adjusted,
)
from stats.results import Inconclusive
from tests.support.oracle_cases import Case, oracle_case, oracle_cases


def of_sums(arm: dict[str, float]) -> PairedMoments:
    """Moments from gbstats' sums."""
    n = int(arm["n"])
    y, x = arm["post_sum"] / n, arm["pre_sum"] / n
    return PairedMoments(
        n,
        y,
        (arm["post_ss"] - n * y * y) / (n - 1),
        x,
        (arm["pre_ss"] - n * x * x) / (n - 1),
        (arm["post_pre"] - n * x * y) / (n - 1),
    )


def of_aggregates(arm: dict[str, Any]) -> PairedMoments:
    """Moments from tea-tasting's aggregates."""
    mean, var = arm["mean"], arm["var"]
    return PairedMoments(
        arm["n"],
        mean["revenue"],
        var["revenue"],
        mean["revenue_covariate"],
        var["revenue_covariate"],
        arm["cov"]["revenue|revenue_covariate"],
    )


@pytest.mark.parametrize(
    "case", oracle_cases("tea_tasting.json", lambda c: c["name"].startswith("tt_revenue_mean_cuped"))
)
def test_cuped_equals_tea_tasting(case: Case) -> None:
    from scipy.stats import t

    found = cuped(of_aggregates(case["inputs"]["control"]), of_aggregates(case["inputs"]["treatment"]))
    assert isinstance(found, AdjustedDifference)
    expected = case["expected"]
    assert found.difference == pytest.approx(expected["effect_size"], rel=1e-9)
    assert found.control_mean == pytest.approx(expected["control"], rel=1e-9)
    assert found.treatment_mean == pytest.approx(expected["treatment"], rel=1e-9)
    statistic = found.difference / found.standard_error
    assert statistic == pytest.approx(expected["statistic"], rel=1e-9)
    assert 2 * t.sf(abs(statistic), found.df) == pytest.approx(expected["pvalue"], rel=1e-9)


def test_cuped_equals_gbstats() -> None:
    case = oracle_case("gbstats.json", "gb_cuped_absolute")
    found = cuped(of_sums(case["inputs"]["control"]), of_sums(case["inputs"]["treatment"]))
    assert isinstance(found, AdjustedDifference)
    assert found.difference == pytest.approx(case["expected"]["estimate"], abs=1e-6)
    assert found.standard_error == pytest.approx(case["expected"]["se"], abs=1e-6)


def test_regression_adjustment_equals_r() -> None:
    case = oracle_case("adjustment_R.json", "ancova_mtcars")
    given = case["inputs"]
    names = [name for name in given if name not in {"y", "treat", "formula", "dataset"}]
    found = regression_adjusted(given["y"], given["treat"], [given[name] for name in names])
    assert isinstance(found, RegressionEstimate)
    assert found.difference == pytest.approx(case["expected"]["coef"], abs=1e-8)
    assert found.standard_error == pytest.approx(case["expected"]["HC2"], abs=1e-8)
    assert found.classical_error == pytest.approx(case["expected"]["classic_se"], abs=1e-8)


def moments(y: np.ndarray[Any, Any], x: np.ndarray[Any, Any]) -> PairedMoments:
    return PairedMoments(
        y.size,
        float(y.mean()),
        float(y.var(ddof=1)),
        float(x.mean()),
        float(x.var(ddof=1)),
        float(np.cov(y, x)[0, 1]),
    )


def test_a_good_covariate_removes_noise_and_keeps_the_error_rate() -> None:
    # 2,000 seeded A/A tests, correlation 0.8: variance kept is 1 − 0.64, and 5 % are beyond 1.96
    rng, beyond, kept = np.random.default_rng(9), 0, []
    for _ in range(2000):
        x = rng.standard_normal(400)
        y = 0.8 * x + 0.6 * rng.standard_normal(400)
        found = cuped(moments(y[:200], x[:200]), moments(y[200:], x[200:]))
        assert isinstance(found, AdjustedDifference)
        beyond += abs(found.difference / found.standard_error) > 1.96
        kept.append(found.variance_kept)
    assert np.mean(kept) == pytest.approx(0.36, abs=0.01)
    assert 0.035 < beyond / 2000 < 0.066


def test_without_spread_there_is_no_number() -> None:
    flat = PairedMoments(10, 1.0, 1.0, 5.0, 0.0, 0.0)
    assert isinstance(cuped(flat, flat), Inconclusive)
    explained = PairedMoments(10, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert isinstance(cuped(explained, explained), Inconclusive)
    assert isinstance(regression_adjusted([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 1], []), Inconclusive)
    assert isinstance(regression_adjusted([1.0, 2.0], [0, 1], []), Inconclusive)


def test_impossible_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="n is 1"):
        PairedMoments(1, 0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match="finite"):
        PairedMoments(2, float("nan"), 0, 0, 0, 0)
    with pytest.raises(ValueError, match="per unit"):
        regression_adjusted([1.0, 2.0, 3.0], [0, 1], [])
