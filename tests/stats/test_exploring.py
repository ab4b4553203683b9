"""Quantiles, segments and Fieller's uplift; oracles: simulated truth, closed forms, the delta method."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from stats.contrasts import Arm, fieller_uplift, uplift
from stats.quantile_difference import QuantileDifference, compare_quantiles
from stats.results import Inconclusive
from stats.segments import explore_segments
from stats.sequential.evalues import Block


def test_a_difference_of_medians_is_covered_and_a_true_one_is_found() -> None:
    rng, runs, held, found = np.random.default_rng(1), 1_500, 0, 0
    for _ in range(runs):
        a, b = rng.lognormal(7.0, 0.8, 400), rng.lognormal(7.15, 0.8, 420)
        answer = compare_quantiles(a, b)
        assert isinstance(answer, QuantileDifference)
        truth = math.exp(7.15) - math.exp(7.0)
        held += answer.interval[0] <= truth <= answer.interval[1]
        found += answer.pvalue < 0.05
    assert binom.ppf(0.0005, runs, 0.95) <= held <= binom.ppf(0.9995, runs, 0.97)
    assert found / runs > 0.5


def test_the_error_of_a_normal_median_is_its_large_sample_one() -> None:
    rng, errors = np.random.default_rng(2), []
    for _ in range(40):
        answer = compare_quantiles(rng.standard_normal(10_000), rng.standard_normal(10_000))
        assert isinstance(answer, QuantileDifference)
        errors.append(answer.standard_error)
    assert np.mean(errors) == pytest.approx(math.sqrt(2 * math.pi / 2 / 10_000), rel=0.03)


def test_few_units_and_equal_values_are_inconclusive() -> None:
    few = compare_quantiles(np.arange(30.0), np.arange(30.0), 0.9)
    assert isinstance(few, Inconclusive)
    assert few.reason == "too_few_units"
    same = compare_quantiles(np.ones(50), np.ones(50))
    assert isinstance(same, Inconclusive)
    assert same.reason == "no_variance"


def test_false_finds_among_segments_stay_rare_and_a_true_one_is_found() -> None:
    rng, runs, false_finds, true_finds = np.random.default_rng(3), 300, 0.0, 0
    for _ in range(runs):
        blocks = {}
        for place in range(10):
            lift = 1.5 if place == 0 else 1.0
            counts = rng.binomial(300, (0.06, 0.06 * lift), (14, 2))
            blocks[f"s{place}"] = [Block(300, int(c), 300, int(t)) for c, t in counts]
        finds = [finding.segment for finding in explore_segments(blocks) if finding.found]
        false_finds += sum(name != "s0" for name in finds) / max(1, len(finds))
        true_finds += "s0" in finds
    assert false_finds / runs <= 0.1
    assert true_finds / runs > 0.5


def test_a_segment_without_units_says_nothing() -> None:
    (finding,) = explore_segments({"empty": []})
    assert (finding.difference, finding.log_evalue, finding.found) == (None, 0.0, False)


def test_fieller_s_interval_is_near_the_delta_method_and_open_where_control_may_be_nothing() -> None:
    control, treatment = Arm(10_000, 5.0, 0.01), Arm(10_000, 6.0, 0.01)
    exact, near = fieller_uplift(control, treatment, 1.96), uplift(control, treatment, 1.96, 1.96)
    assert exact is not None
    assert near is not None
    assert exact == pytest.approx(near, abs=2e-3)
    unbounded = fieller_uplift(Arm(10, 1.0, 1.0), Arm(10, 2.0, 1.0), 1.96)
    assert unbounded == (1.0, None, None)
    assert fieller_uplift(Arm(10, 0.0, 1.0), treatment, 1.96) is None


def test_fieller_s_interval_holds_the_ratio_as_often_as_promised() -> None:
    rng, runs, held = np.random.default_rng(4), 4_000, 0
    for c, t in rng.normal((4.0, 5.0), (1.0, 1.0), (runs, 2)):
        found = fieller_uplift(Arm(10, float(c), 1.0), Arm(10, float(t), 1.0), 1.96) if c > 0 else None
        open_ended = found is None or found.low is None or found.high is None
        held += open_ended or found.low <= 0.25 <= found.high  # type: ignore[union-attr,operator]  # not open
    assert held >= binom.ppf(0.0005, runs, 0.95)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: compare_quantiles([1.0], [1.0], 1.0), "quantile"),
        (lambda: compare_quantiles([1.0], [1.0], 0.5, 0.0), "alpha"),
        (lambda: compare_quantiles([math.nan], [1.0]), "finite"),
        (lambda: explore_segments({"a": [Block(1, 2, 1, 1)]}), "control_successes"),
        (lambda: explore_segments({"a": [Block(1, 1, 1, 1)]}, 0.0), "alpha"),
    ],
)
def test_impossible_arguments_are_refused(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()  # type: ignore[operator]  # a table of calls
