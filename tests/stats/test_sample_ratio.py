"""The sequential sample-ratio test against savvi and sequential-analysis (shared cases) and simulations."""

import math

import numpy as np
import pytest

from stats.sample_ratio import SampleRatioState, chi_square_pvalue, log_bayes_factor, sequential_pvalue
from tests.support.oracle_cases import Case, oracle_case, oracle_cases


@pytest.mark.parametrize(
    "case", oracle_cases("savvi.json", lambda case: case["name"].startswith("savvi_srm"))
)
def test_the_evidence_equals_savvi(case: Case) -> None:
    inputs = case["inputs"]
    found = [
        math.exp(-log_bayes_factor(c, inputs["theta0"], inputs["k"])) for c in inputs["cumulative_counts"]
    ]
    assert found == pytest.approx(case["expected"]["p"], abs=case["tolerance"])


@pytest.mark.parametrize(
    "case", oracle_cases("savvi.json", lambda case: case["name"].startswith("savvi_srm"))
)
def test_the_pvalue_is_the_running_minimum_of_the_inverse_evidence(case: Case) -> None:
    inputs = case["inputs"]
    found = sequential_pvalue(inputs["cumulative_counts"], inputs["theta0"], inputs["k"])
    assert found == pytest.approx(min(1.0, *case["expected"]["p"]), abs=case["tolerance"])


def test_the_evidence_equals_sequential_analysis() -> None:
    case = oracle_case("sequential_analysis_pkg.json", "sa_srm_54pct")
    inputs, expected = case["inputs"], case["expected"]
    arguments = inputs["counts"], inputs["theta0"], inputs["concentration"]
    assert log_bayes_factor(*arguments) == pytest.approx(expected["log_e_value"], abs=case["tolerance"])
    # its p-value is lower: a running minimum over readings that the case does not list
    assert sequential_pvalue([arguments[0]], *arguments[1:]) >= expected["p_value"]


def test_the_evidence_has_its_closed_form_for_one_unit() -> None:
    # one unit: the Dirichlet mixture predicts exactly the planned share, so there is no evidence
    assert log_bayes_factor([1, 0], [0.3, 0.7]) == pytest.approx(0.0, abs=1e-9)
    # two equal units, k = 2, even weights: (1·2)/(2·3) against 1/4
    assert log_bayes_factor([2, 0], [0.5, 0.5], 2.0) == pytest.approx(math.log(4 / 3), abs=1e-12)


def test_without_units_there_is_no_evidence_and_no_chi_square() -> None:
    assert sequential_pvalue([], [0.5, 0.5]) == 1.0
    assert sequential_pvalue([[0, 0]], [0.5, 0.5]) == 1.0
    assert SampleRatioState([0.5, 0.5]).pvalue == 1.0
    assert chi_square_pvalue([0, 0], [0.5, 0.5]) is None


def test_an_alarm_stays_when_the_counts_even_out_later() -> None:
    state = SampleRatioState([0.5, 0.5])
    alarm = state.update([3_000, 2_000])
    assert alarm < 0.001
    assert state.update([5_000, 5_000]) == alarm == state.pvalue


def test_readings_one_by_one_equal_the_batch() -> None:
    readings = [[10, 14], [300, 340], [900, 1_050]]
    state = SampleRatioState([0.5, 0.5])
    assert [state.update(counts) for counts in readings][-1] == sequential_pvalue(readings, [0.5, 0.5])


def test_the_order_of_variants_does_not_matter() -> None:
    forward = sequential_pvalue([[500, 700, 800]], [0.25, 0.35, 0.4])
    assert sequential_pvalue([[800, 500, 700]], [0.4, 0.25, 0.35]) == pytest.approx(forward, rel=1e-9)


def test_ten_percent_of_an_arm_lost_raises_the_alarm_and_a_sound_split_does_not() -> None:
    # oracle: 1,000 seeded experiments of 20,000 visitors, 28 readings; at 0.001 ≥ 97 % and ≤ 6 of 1,000
    rng = np.random.default_rng(2)
    assert _alarms(rng, lost=0.1) >= 970
    assert _alarms(rng, lost=0.0) <= 6


def _alarms(rng: np.random.Generator, lost: float) -> int:
    control = np.cumsum(rng.poisson(10_000 / 28, (1_000, 28)), axis=1)
    treatment = np.cumsum(rng.poisson(10_000 / 28 * (1 - lost), (1_000, 28)), axis=1)
    runs = np.stack([control, treatment], axis=2)
    return sum(sequential_pvalue(run.tolist(), [0.5, 0.5]) < 0.001 for run in runs)


def test_the_chi_square_equals_scipy() -> None:
    from scipy.stats import chisquare

    counts, weights = [480, 350, 170], [0.5, 0.3, 0.2]
    expected = chisquare(counts, [1_000 * share for share in weights]).pvalue
    assert chi_square_pvalue(counts, weights) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(
    ("counts", "weights", "concentration"),
    [
        ([1, 2, 3], [0.5, 0.5], 1000.0),
        ([1], [1.0], 1000.0),
        ([1, 2], [0.5, 0.6], 1000.0),
        ([1, 2], [0.0, 1.0], 1000.0),
        ([1, 2], [math.nan, 1.0], 1000.0),
        ([-1, 2], [0.5, 0.5], 1000.0),
        ([1, 2], [0.5, 0.5], 0.0),
    ],
)
def test_arguments_outside_their_range_are_refused(
    counts: list[int], weights: list[float], concentration: float
) -> None:
    with pytest.raises(ValueError, match="must be"):
        log_bayes_factor(counts, weights, concentration)


def test_counts_that_fall_are_refused() -> None:
    state = SampleRatioState([0.5, 0.5])
    state.update([10, 10])
    with pytest.raises(ValueError, match="none may fall below"):
        state.update([9, 12])
