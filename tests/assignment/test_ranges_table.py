"""Weights, ranges and the table of buckets. Oracle: `choose`, asked for each of the 10,000 buckets."""

import random
from math import nextafter

import pytest

from assignment.ranges import NO_VARIANT, bucket_table, choose, first_bucket, split_ranges


def test_the_table_gives_the_answer_of_choose_for_every_bucket() -> None:
    rng = random.Random(11)
    for _ in range(40):
        parts = [rng.randint(1, 50) for _ in range(rng.randint(1, 6))]
        ranges = split_ranges(
            [part / sum(parts) for part in parts], rng.choice([1.0, 0.5, 0.1, rng.random()])
        )
        chosen = [choose(index / 10_000, ranges) for index in range(10_000)]
        assert bucket_table(ranges) == bytes(NO_VARIANT if one is None else one for one in chosen)


def test_the_first_of_two_overlapping_ranges_wins_as_in_the_sdks() -> None:
    assert bucket_table([(0.0, 0.6), (0.5, 1.0)])[5_500] == 0


def test_a_full_split_leaves_no_bucket_out() -> None:
    for count in range(1, 60):
        assert NO_VARIANT not in bucket_table(split_ranges([1 / count] * count))


@pytest.mark.parametrize(
    ("edge", "index"), [(0.0, 0), (1.0, 10_000), (0.0001, 1), (0.00005, 1), (0.7, 7_000)]
)
def test_the_first_bucket_at_an_edge_is_found(edge: float, index: int) -> None:
    assert first_bucket(edge) == index


def test_the_neighbouring_floats_of_every_bucket_fall_on_the_right_side() -> None:
    # the definition itself: the lowest index whose bucket is at or above the edge
    for index in range(1, 10_000):
        exact = index / 10_000
        assert first_bucket(nextafter(exact, 0)) == first_bucket(exact) == index
        assert first_bucket(nextafter(exact, 1)) == index + 1


@pytest.mark.parametrize(
    ("weights", "coverage", "message"),
    [
        ([], 1.0, "0 weights given; 1 to 255 are possible"),
        ([1 / 256] * 256, 1.0, "256 weights given"),
        ([0.5, 0.6], 1.0, "sum to 1.1; they must sum to 1"),
        ([0.5, 0.499999], 1.0, "they must sum to 1"),
        ([1.0, 0.0], 1.0, "weight 1 is 0.0; it must be above 0"),
        ([1.5, -0.5], 1.0, "weight 0 is 1.5; .* at most 1"),
        ([float("nan"), 0.5], 1.0, "weight 0 is nan"),
        ([0.5, 0.5], 1.1, "coverage is 1.1; it must be between 0 and 1"),
        ([0.5, 0.5], float("nan"), "coverage is nan"),
    ],
)
def test_a_split_out_of_bounds_is_refused_with_value_and_bound(
    weights: list[float], coverage: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        split_ranges(weights, coverage)


def test_a_sum_within_rounding_of_one_is_a_split() -> None:
    assert len(split_ranges([0.1] * 10)) == 10
    assert len(split_ranges([1 / 3, 1 / 3, 1 / 3])) == 3
