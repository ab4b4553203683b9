"""Halves written look by look, repeated p-values and intervals."""

import math

import numpy as np
import pytest

from stats.sequential.boundaries import boundaries
from stats.sequential.group_sequential import (
    LARGEST_PVALUE,
    SMALLEST_PVALUE,
    HalfTest,
    has_new_information,
    monotone,
    repeated_interval,
    repeated_pvalue,
    two_sided_repeated_pvalue,
)
from stats.sequential.spending import parse_spending

DEFAULT = parse_spending("kim-demets:2")
NAMES = ["kim-demets:2", "kim-demets:1", "obrien-fleming", "pocock", "hwang-shih-decani:-4"]
TIMES = [0.11, 0.25, 0.26, 0.7, 1.0, 1.4]


@pytest.mark.parametrize("name", NAMES)
def test_looks_one_by_one_equal_the_whole_schedule(name: str) -> None:
    half = HalfTest(parse_spending(name), 0.025, 0.1)
    written = [half.look(t, t) for t in TIMES]
    planned = boundaries(TIMES, 0.05, name, open_ended_share=0.1)
    assert [look.boundary for look in written] == [look.z for look in planned]
    assert [2 * look.alpha_spent for look in written] == [look.alpha_spent for look in planned]
    assert half.alpha_spent == written[-1].alpha_spent


@pytest.mark.parametrize("written", range(len(TIMES)))
def test_a_half_rebuilt_from_written_looks_goes_on_as_if_never_stopped(written: int) -> None:
    whole = HalfTest(DEFAULT, 0.025, 0.1)
    looks = [whole.look(t, t) for t in TIMES]
    rebuilt = HalfTest(DEFAULT, 0.025, 0.1)
    for t, look in zip(TIMES[:written], looks, strict=False):
        rebuilt.replay(t, look.boundary, look.alpha_spent)
    assert [rebuilt.look(t, t) for t in TIMES[written:]] == looks[written:]


def test_a_look_without_a_boundary_is_replayed_as_none() -> None:
    half = HalfTest(DEFAULT, 0.025)
    half.replay(1.0, None, 0.0)
    half.replay(2.0, math.inf, 0.0)
    assert half.look(3.0, 1.0).boundary == pytest.approx(1.959964, abs=1e-6)


def test_replanning_changes_the_next_look_but_not_the_past() -> None:
    planned, replanned = HalfTest(DEFAULT, 0.025), HalfTest(DEFAULT, 0.025)
    past = [half.look(100.0, 0.25) for half in (planned, replanned)]
    assert past[0] == past[1]
    soon, later = planned.look(200.0, 0.5), replanned.look(200.0, 0.3)
    assert soon.boundary < later.boundary
    assert planned.look(400.0, 1.0).alpha_spent == replanned.look(400.0, 1.0).alpha_spent == 0.025


def test_a_replanned_half_still_crosses_with_probability_alpha() -> None:
    # oracle: 200,000 seeded walks whose plan is halved after the third look; band of four standard errors
    times = np.arange(1.0, 9.0)
    fractions = [0.05, 0.1, 0.15, 0.4, 0.5, 0.6, 0.8, 1.0]
    half = HalfTest(DEFAULT, 0.025)
    z = [half.look(t, fraction).boundary for t, fraction in zip(times, fractions, strict=True)]
    walks = np.cumsum(np.random.default_rng(8).standard_normal((200_000, 8)), axis=1) / np.sqrt(times)
    crossed = (walks > np.array(z)).any(axis=1).mean()
    assert abs(crossed - 0.025) < 4 * math.sqrt(0.025 * 0.975 / 200_000)


def test_a_fraction_that_falls_spends_nothing() -> None:
    half = HalfTest(DEFAULT, 0.025)
    first = half.look(1.0, 0.5)
    assert half.look(2.0, 0.4) == type(first)(math.inf, first.alpha_spent)
    assert half.look(3.0, monotone(0.5, 0.6)).alpha_spent > first.alpha_spent


def test_replayed_alpha_never_goes_down() -> None:
    half = HalfTest(DEFAULT, 0.025)
    half.replay(1.0, 2.5, 0.01)
    with pytest.raises(ValueError, match="must not fall below"):
        half.replay(2.0, 2.5, 0.009)


@pytest.mark.parametrize(("alpha", "share"), [(0.0, 0.0), (1.0, 0.0), (math.nan, 0.0), (0.05, 1.0)])
def test_a_half_with_impossible_arguments_is_refused(alpha: float, share: float) -> None:
    with pytest.raises(ValueError, match="must be in"):
        HalfTest(DEFAULT, alpha, share)


def test_only_grown_information_is_new() -> None:
    assert has_new_information(0.0, 1.0)
    assert not has_new_information(0.0, 0.0)
    assert not has_new_information(5.0, 5.0)
    assert not has_new_information(5.0, 4.0)
    assert has_new_information(5.0, 5.0 + 1e-5)


def test_at_one_look_the_repeated_pvalue_is_the_plain_one() -> None:
    from scipy.special import ndtr

    for z in (0.5, 1.959964, 3.0, 6.0):
        found = repeated_pvalue(z, [(1.0, 1.0)], DEFAULT)
        assert found == pytest.approx(float(ndtr(-z)), rel=1e-4)


@pytest.mark.parametrize("looks", range(1, len(TIMES) + 1))
@pytest.mark.parametrize("name", NAMES)
def test_the_repeated_pvalue_is_below_alpha_exactly_when_the_look_crosses(name: str, looks: int) -> None:
    spending, history = parse_spending(name), [(t, t) for t in TIMES[:looks]]
    for alpha in (0.0005, 0.025, 0.1):
        half = HalfTest(spending, alpha, 0.1)
        boundary = [half.look(*look).boundary for look in history][-1]
        start = boundary if math.isfinite(boundary) else 3.0
        for offset in (-0.5, -0.01, -0.001, 0.001, 0.01, 0.5):
            z = start + offset
            assert (repeated_pvalue(z, history, spending, 0.1) < alpha) == (z > boundary)


def test_the_repeated_pvalue_at_the_boundary_is_alpha() -> None:
    history = [(t, t) for t in TIMES]
    half = HalfTest(DEFAULT, 0.025, 0.1)
    boundary = [half.look(*look).boundary for look in history][-1]
    assert repeated_pvalue(boundary, history, DEFAULT, 0.1) == pytest.approx(0.025, rel=1e-4)


def test_repeated_pvalues_stay_inside_their_bounds() -> None:
    history = [(1.0, 0.5), (2.0, 1.0)]
    assert repeated_pvalue(-3.0, history, DEFAULT) == LARGEST_PVALUE
    assert repeated_pvalue(30.0, history, DEFAULT) == SMALLEST_PVALUE
    assert repeated_pvalue(math.inf, history, DEFAULT) == SMALLEST_PVALUE
    assert (
        repeated_pvalue(5.0, [(1.0, 0.5), (2.0, 0.4)], DEFAULT) == LARGEST_PVALUE
    )  # the look spends nothing


def test_a_repeated_pvalue_needs_a_look_and_a_number() -> None:
    with pytest.raises(ValueError, match="at least one"):
        repeated_pvalue(2.0, [], DEFAULT)
    with pytest.raises(ValueError, match="not a number"):
        repeated_pvalue(math.nan, [(1.0, 1.0)], DEFAULT)


def test_the_two_sided_pvalue_doubles_the_smaller_half() -> None:
    assert two_sided_repeated_pvalue(0.01, 0.4) == 0.02
    assert two_sided_repeated_pvalue(None, 0.01) == 0.02
    assert two_sided_repeated_pvalue(0.5, 0.5) == 1.0
    assert two_sided_repeated_pvalue(None, None) is None


def test_the_repeated_interval_excludes_zero_exactly_when_a_half_crosses() -> None:
    low, high = repeated_interval(0.03, 0.01, 2.5, -2.2)
    assert (low, high) == pytest.approx((0.005, 0.052))
    low, high = repeated_interval(0.02, 0.01, 2.5, -2.2)
    assert low is not None
    assert low < 0.0


def test_the_repeated_interval_has_no_end_where_a_half_is_not_tested() -> None:
    assert repeated_interval(1.0, 1.0, None, -2.0) == (None, 3.0)
    assert repeated_interval(1.0, 1.0, 2.0, None) == (-1.0, None)
    assert repeated_interval(1.0, 1.0, math.inf, -math.inf) == (None, None)
    with pytest.raises(ValueError, match="standard_error is 0"):
        repeated_interval(1.0, 0.0, 2.0, -2.0)
