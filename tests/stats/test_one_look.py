"""Units of one look by kind; oracles: statsmodels' power functions, the service's tests on simulated data."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.proportion import power_proportions_2indep
from statsmodels.stats.rates import power_poisson_diff_2indep

from stats.cells import EventCell
from stats.contrasts import Arm
from stats.follow_up import followed_information
from stats.means import MeanContrast
from stats.multiplicity import dunnett_critical
from stats.one_look import Baseline, Question, control_units, detectable_effect
from stats.proportions import ProportionContrast
from stats.repeat_purchase import EventTriangle

TWO_SIDED = Question(0.025, 0.8)
BASELINES = {
    "share": Baseline(0.05),
    "mean": Baseline(95_000, 240_000, "mean"),
    "small mean": Baseline(10, 9, "mean"),
    "count": Baseline(0.3, kind="count"),
    "spread count": Baseline(0.3, 1.2, "count"),
    "repeat": Baseline(0.2, kind="repeat"),
    "ratio": Baseline(240_000, 150_000, "ratio"),
    "cost": Baseline(3_000, 9_000, "mean", "decrease"),
    "refunds": Baseline(0.1, kind="share", direction="decrease"),
}


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize(("ratio", "is_margin"), list(itertools.product((0.125, 1.0, 3.0), (False, True))))
def test_what_is_found_needs_the_units_it_was_found_with(name: str, ratio: float, *, is_margin: bool) -> None:
    question = Question(0.025, 0.8, ratio, is_margin)
    for units in (700.0, 31234.0, 2e5, 3e7):
        found = detectable_effect(BASELINES[name], units, question)
        if found is None:
            largest = BASELINES[name].largest_effect(is_margin=is_margin)
            assert control_units(BASELINES[name], largest, question) > units
            continue
        assert control_units(BASELINES[name], found, question) == pytest.approx(units, rel=1e-9)


@pytest.mark.parametrize("ratio", [0.25, 1.0, 2.0])
def test_a_mean_has_the_power_statsmodels_computes(ratio: float) -> None:
    units = control_units(Baseline(100, 250, "mean"), 0.2, Question(0.025, 0.8, ratio))
    found = TTestIndPower().power(20 / 250, units, 0.05, ratio, alternative="larger")
    one_side = TTestIndPower().power(20 / 250, units, 0.025, ratio, alternative="larger")
    assert one_side == pytest.approx(0.8, abs=1e-6)
    assert found > one_side


@pytest.mark.parametrize("ratio", [0.25, 1.0, 2.0])
def test_a_count_has_the_power_statsmodels_computes(ratio: float) -> None:
    units = control_units(Baseline(0.3, kind="count"), 0.1, Question(0.025, 0.8, ratio))
    found = power_poisson_diff_2indep(
        0.3, 0.33, units, nobs_ratio=ratio, alpha=0.025, method_var="alt", alternative="smaller"
    )
    assert found.power == pytest.approx(0.8, abs=1e-6)
    spread = control_units(Baseline(0.3, math.sqrt(0.9), "count"), 0.1, Question(0.025, 0.8, ratio))
    assert spread == pytest.approx(3 * units)  # three times Poisson's variance, in both arms


@pytest.mark.parametrize("ratio", [0.25, 1.0, 2.0])
def test_a_share_has_the_power_statsmodels_computes(ratio: float) -> None:
    control = control_units(Baseline(0.05), 0.1, Question(0.025, 0.8, ratio))
    found = power_proportions_2indep(
        0.005, 0.05, control * ratio, ratio=1 / ratio, alpha=0.025, alternative="larger"
    )
    assert found.power == pytest.approx(0.8, abs=1e-3)


def test_a_repeat_rate_has_the_power_of_its_greenwood_errors() -> None:
    # oracle: normal power with p(1 − p)/n of each arm
    units = control_units(Baseline(0.2, kind="repeat"), 0.15, Question(0.025, 0.8, 0.5))
    error = math.sqrt(0.16 / units + 0.23 * 0.77 / (units / 2))
    assert norm.sf(norm.isf(0.025) - 0.03 / error) == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize(("ratio", "direction"), [(1.0, "increase"), (0.25, "increase"), (1.0, "decrease")])
def test_a_margin_of_a_share_is_passed_as_often_as_planned(ratio: float, direction: Any) -> None:
    # oracle: the service's score test on simulated shops
    question, factor = Question(0.025, 0.8, ratio, is_margin=True), 0.8 if direction == "increase" else 1.2
    n_c = math.ceil(control_units(Baseline(0.1, direction=direction), 0.2, question))
    n_t, rng, runs, passed = round(n_c * ratio), np.random.default_rng(5), 3000, 0
    for x_c, x_t in zip(rng.binomial(n_c, 0.1, runs), rng.binomial(n_t, 0.1, runs), strict=True):
        contrast = ProportionContrast(int(x_t), n_t, int(x_c), n_c)
        z = contrast.noninferiority_z(factor)
        passed += (z if direction == "increase" else -z) >= norm.isf(0.025)
    assert passed / runs == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / runs))


@pytest.mark.parametrize("ratio", [0.2, 1.0])
def test_a_margin_of_a_mean_is_passed_as_often_as_planned(ratio: float) -> None:
    question = Question(0.025, 0.8, ratio, is_margin=True)
    n_c = control_units(Baseline(10, 6, "mean"), 0.3, question)
    n_t, rng, runs, passed = n_c * ratio, np.random.default_rng(6), 4000, 0
    means = rng.normal(10, 1, (runs, 2)) * [1, 1]
    for mean_c, mean_t in (means - 10) * 6 / np.sqrt([n_c, n_t]) + 10:
        v_c, v_t = (36 * rng.chisquare(n - 1) / (n - 1) / n for n in (n_c, n_t))
        contrast = MeanContrast(Arm(0, mean_c, v_c), Arm(0, mean_t, v_t), n_c - 1, n_t - 1)
        passed += contrast.noninferiority_z(0.7) >= norm.isf(0.025)
    assert passed / runs == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / runs))


def test_a_ratio_is_a_mean_of_its_residuals() -> None:
    assert control_units(BASELINES["ratio"], 0.05, TWO_SIDED) == control_units(
        Baseline(240_000, 150_000, "mean"), 0.05, TWO_SIDED
    )


@pytest.mark.parametrize("name", ["share", "refunds", "mean", "count", "repeat"])
@pytest.mark.parametrize("is_margin", [False, True])
def test_a_smaller_arm_needs_more(name: str, *, is_margin: bool) -> None:
    needs = [
        control_units(BASELINES[name], 0.1, Question(0.025, 0.8, ratio, is_margin))
        for ratio in (0.05, 0.2, 1.0, 5.0)
    ]
    assert needs == sorted(needs, reverse=True)


def test_nothing_can_be_found_with_a_handful() -> None:
    assert detectable_effect(Baseline(0.5), 2.0, TWO_SIDED) is None
    assert detectable_effect(BASELINES["spread count"], 30.0, Question(0.025, 0.8, is_margin=True)) is None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Baseline(5.0, kind="mean"), "sd is missing"),
        (lambda: Baseline(0.5, 1.0), "spread of its own"),
        (lambda: Baseline(1.0, kind="repeat"), "share"),
        (lambda: Baseline(0.5, kind="median"), "kind"),  # type: ignore[arg-type]  # a wrong kind is the test
        (lambda: control_units(Baseline(0.1, direction="decrease"), 1.5, TWO_SIDED), "mde"),
        (lambda: control_units(Baseline(0.1), 1.5, Question(0.025, 0.8, is_margin=True)), "margin"),
        (lambda: Question(0.5, 0.8), "alpha"),
        (lambda: Question(0.025, 0.02), "power"),
        (lambda: followed_information(0.2, 30, 56, (57,)), "mature_days"),
    ],
)
def test_what_cannot_be_planned_is_refused(call: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


def test_one_sided_dunnett_is_the_multivariate_normal() -> None:
    critical = dunnett_critical(1.0, [1.0, 1.0], 0.05, sides=1)
    inside = multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).cdf([critical, critical])
    assert inside == pytest.approx(0.95, abs=1e-4)
    assert dunnett_critical(1.0, [1.0], 0.05, sides=1) == pytest.approx(norm.isf(0.05), abs=1e-9)


def test_partly_followed_buyers_add_what_their_triangle_says() -> None:
    # oracle: the cohort triangle of the analysis, filled with the expected numbers
    again, window, entry, units, settle = 0.2, 10, 28, 10**8, 3
    hazard = 1 - (1 - again) ** (1 / window)
    cells = [
        EventCell("m", "v", day, age, day + age, round(units * (1 - hazard) ** (age - 1) * hazard))
        for day in range(entry)
        for age in range(1, window + 1)
    ]
    triangle = EventTriangle.from_cells(window, dict.fromkeys(range(entry), units), cells)
    whole: Any = triangle.curve(entry + window + settle - 1, settle).arm()
    looks = (7, 14, 21, 28)
    for mature, share in zip(looks, followed_information(again, window, entry, looks), strict=True):
        seen: Any = triangle.curve(mature + window + settle - 1, settle).arm()
        assert share == pytest.approx(whole.variance / seen.variance, rel=1e-6)
