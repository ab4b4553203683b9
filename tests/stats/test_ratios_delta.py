"""Delta-method ratios; oracles: gbstats, tea-tasting, the linearised variable."""

from typing import Any

import numpy as np
import pytest
from scipy import special

from stats.contrasts import Arm
from stats.means import MeanContrast
from stats.ratios import compare_ratios, ratio_arm
from stats.results import Inconclusive
from stats.summaries import Moments
from tests.support.oracle_cases import oracle_case, oracle_cases

Z95 = -float(special.ndtri(0.025))
SCALE = 10**8  # turns the oracles' decimals into integers


def whole(  # noqa: PLR0913, PLR0917 - the sums of a ratio
    n: int, x: float, xx: float, y: float, yy: float, xy: float
) -> Moments:
    """Integer moments of x and y on a grid of 1 / SCALE."""
    s = SCALE
    return Moments(
        n,
        n,
        round(x * s),
        round(xx * s * s),
        round(x * s),
        round(y * s),
        round(yy * s * s),
        round(xy * s * s),
    )


def contrast(control: Moments, treatment: Moments) -> MeanContrast:
    found = compare_ratios(control, treatment)
    assert isinstance(found, MeanContrast)
    return found


def test_the_ratio_on_the_absolute_scale_is_that_of_gbstats() -> None:
    case = oracle_case("gbstats.json", "gb_ratio_absolute")
    arms = [
        whole(int(a["n"]), a["m_sum"], a["m_ss"], a["d_sum"], a["d_ss"], a["md"])
        for a in (case["inputs"]["control"], case["inputs"]["treatment"])
    ]
    found, expected = contrast(*arms), case["expected"]
    assert found.difference == pytest.approx(expected["estimate"], abs=case["tolerance"])
    assert found.standard_error == pytest.approx(expected["se"], abs=case["tolerance"])
    assert 2 * special.ndtr(-abs(found.z)) == pytest.approx(expected["p"], abs=case["tolerance"])


def summary(arm: dict[str, Any]) -> Moments:
    n, x, y = arm["n"], arm["mean"]["revenue"], arm["mean"]["orders"]
    xx = arm["var"]["revenue"] * (n - 1) + n * x * x
    yy = arm["var"]["orders"] * (n - 1) + n * y * y
    xy = arm["cov"]["orders|revenue"] * (n - 1) + n * x * y
    return whole(n, n * x, xx, n * y, yy, xy)


@pytest.mark.parametrize("case", oracle_cases("tea_tasting.json", lambda c: "tt_aov_ratio" in c["name"]))
def test_average_order_value_on_the_absolute_scale_is_that_of_tea_tasting(case: dict[str, Any]) -> None:
    """With every unit counted as a buyer, as there, so the degrees of freedom agree."""
    found = contrast(summary(case["inputs"]["control"]), summary(case["inputs"]["treatment"]))
    expected = case["expected"]
    assert found.difference == pytest.approx(expected["effect_size"], abs=1e-7)
    assert found.difference / found.standard_error == pytest.approx(expected["statistic"], abs=1e-7)
    assert found.limit(Z95) == pytest.approx(expected["effect_size_ci_lower"], abs=1e-6)
    assert found.limit(-Z95) == pytest.approx(expected["effect_size_ci_upper"], abs=1e-6)


def test_the_variance_is_that_of_the_linearised_variable() -> None:
    rng = np.random.default_rng(8)
    y = rng.integers(0, 4, 200)
    x = y * rng.integers(500, 3000, 200)
    arm = ratio_arm(
        Moments(
            200,
            int((x > 0).sum()),
            int(x.sum()),
            int((x * x).sum()),
            int(x.sum()),
            int(y.sum()),
            int((y * y).sum()),
            int((x * y).sum()),
        )
    )
    ratio = x.sum() / y.sum()
    linear = (x - ratio * y) / y.mean()
    assert arm is not None
    assert arm == pytest.approx(Arm(200, ratio, linear.var(ddof=1) / 200), rel=1e-12)


def test_degrees_of_freedom_count_buyers_and_not_visitors() -> None:
    few = Moments(1000, 5, 500, 60_000, 500, 5, 5, 500)
    assert contrast(few, few).df == pytest.approx(8.0)


def test_a_ratio_without_buyers_is_inconclusive() -> None:
    nobody = Moments(units=50)
    found = compare_ratios(nobody, nobody)
    assert isinstance(found, Inconclusive)
    assert found.reason == "no_units"
