"""Sums stay exact; oracle: fractions and numpy on the rows themselves."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.cells import MomentCell
from stats.summaries import CumulativeMoments, Moments

values = st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=30)


def moments(xs: list[int]) -> Moments:
    return Moments(len(xs), sum(x != 0 for x in xs), sum(xs), sum(x * x for x in xs), sum(xs))


@settings(max_examples=50, deadline=None)
@given(values)
def test_variance_is_the_exact_fraction_rounded_once(xs: list[int]) -> None:
    mean = Fraction(sum(xs), len(xs))
    exact = sum((x - mean) ** 2 for x in xs) / (len(xs) - 1)
    assert moments(xs).variance == float(exact)


def test_variance_of_large_money_with_a_small_spread_does_not_cancel() -> None:
    xs = [10**15 + step for step in (0, 1, 2)]
    assert moments(xs).variance == 1.0


@settings(max_examples=50, deadline=None)
@given(values, values)
def test_moments_of_two_groups_add_and_subtract(a: list[int], b: list[int]) -> None:
    assert moments(a) + moments(b) == moments(a + b)
    assert moments(a + b) - moments(b) == moments(a)


def test_any_span_of_cohorts_is_the_sum_of_its_cells() -> None:
    rng = np.random.default_rng(3)
    rows = [
        (int(day), int(x)) for day, x in zip(rng.integers(0, 20, 200), rng.integers(0, 50, 200), strict=True)
    ]
    cells = [MomentCell("m", "a", day, 1, int(x != 0), x, x * x, x) for day, x in rows]
    filed = CumulativeMoments.from_cells(cells)
    for first, last in ((None, 5), (3, 11), (7, 7), (15, 3), (0, 100)):
        inside = [x for day, x in rows if day <= last and (first is None or day >= first)]
        assert filed.between(first, last) == moments(inside)


def test_undefined_moments_are_none_and_never_zero() -> None:
    assert Moments().mean is None
    assert Moments().m2 is None
    assert Moments(units=1, total=5, squares=25).variance is None
