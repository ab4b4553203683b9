"""Weights and coverage → half-open ranges of buckets, one per variant.

Each variant's range starts at its cumulative weight and is weight × coverage long. So a ramp moves no start:
it only widens each range, and nobody who had a variant gets another one.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

from assignment.hashing import BUCKETS

Range = tuple[float, float]

NO_VARIANT = 255
"""Entry of a `bucket_table` where no variant is served."""

_WEIGHT_TOLERANCE = 1e-9
_FORGIVING_TOLERANCE = 0.01  # GrowthBook's own: beyond it its SDKs fall back to equal weights


def check_weights(weights: Sequence[float]) -> None:
    """Refuse weights that are not a split.

    Args:
        weights: planned share of each variant, each in (0, 1], sum 1 within 1e-9; 1 to 255 of them.

    Raises:
        ValueError: naming the value and its bound.
    """
    if not 1 <= len(weights) <= NO_VARIANT:
        raise ValueError(f"{len(weights)} weights given; 1 to {NO_VARIANT} are possible")
    for position, weight in enumerate(weights):
        if not 0 < weight <= 1:
            raise ValueError(f"weight {position} is {weight!r}; it must be above 0 and at most 1")
    if not abs(sum(weights) - 1) <= _WEIGHT_TOLERANCE:
        raise ValueError(f"the weights sum to {sum(weights)!r}; they must sum to 1")


def check_coverage(coverage: float) -> None:
    """Refuse a coverage outside [0, 1] (ValueError)."""
    if not 0 <= coverage <= 1:
        raise ValueError(f"coverage is {coverage!r}; it must be between 0 and 1")


def check_ranges(ranges: Sequence[Range]) -> None:
    """Refuse ranges that leave [0, 1], run backwards or share a bucket.

    Args:
        ranges: half-open (low, high) per variant; an empty range (low = high) serves nobody.

    Raises:
        ValueError: naming the range and its bound.
    """
    if not 1 <= len(ranges) <= NO_VARIANT:
        raise ValueError(f"{len(ranges)} ranges given; 1 to {NO_VARIANT} are possible")
    for low, high in ranges:
        if not 0 <= low <= high <= 1:
            raise ValueError(f"range ({low!r}, {high!r}) must satisfy 0 <= low <= high <= 1")
    taken = sorted((low, high) for low, high in ranges if low < high)
    for (_, end), (start, stop) in pairwise(taken):
        if start < end:
            raise ValueError(f"range ({start!r}, {stop!r}) overlaps the one that ends at {end!r}")


def split_ranges(weights: Sequence[float], coverage: float = 1.0) -> tuple[Range, ...]:
    """Ranges of a planned split. Strict: nothing is repaired silently.

    Args:
        weights: planned share of each variant, sum 1.
        coverage: share of the audience that is enrolled, 0–1.

    Raises:
        ValueError: weights or coverage out of bounds.

    >>> split_ranges([0.5, 0.5], 0.5)
    ((0.0, 0.25), (0.5, 0.75))
    """
    check_weights(weights)
    check_coverage(coverage)
    return _lay_out(weights, coverage)


def forgiving_ranges(
    n_variants: int, coverage: float = 1.0, weights: Sequence[float] | None = None
) -> tuple[Range, ...]:
    """Ranges as a GrowthBook SDK lays them out, repairs included; for experiments that come from there.

    Coverage is clamped to [0, 1]; missing weights, weights of another length, or a sum further than 0.01
    from 1 become equal weights.

    Source: GrowthBook SDK specification, `getBucketRanges`.

    >>> forgiving_ranges(2, 1.5, [0.7, 0.6])
    ((0.0, 0.5), (0.5, 1.0))
    """
    usable = (
        weights is not None
        and len(weights) == n_variants
        and 1 - _FORGIVING_TOLERANCE <= sum(weights) <= 1 + _FORGIVING_TOLERANCE
    )
    chosen = weights if weights is not None and usable else [1 / n_variants] * n_variants
    return _lay_out(chosen, min(max(coverage, 0.0), 1.0))


def _lay_out(weights: Sequence[float], coverage: float) -> tuple[Range, ...]:
    laid: list[Range] = []
    start = 0.0
    for weight in weights:  # in the SDKs' order of float operations, so that every edge agrees with theirs
        laid.append((start, start + coverage * weight))
        start += weight
    return tuple(laid)


def choose(bucket: float, ranges: Sequence[Range]) -> int | None:
    """Position of the first range that holds the bucket, or None.

    >>> choose(0.5, [(0, 0.5), (0.5, 1)])
    1
    """
    for position, (low, high) in enumerate(ranges):
        if low <= bucket < high:
            return position
    return None


def only_widens(before: Sequence[Range], after: Sequence[Range]) -> bool:
    """Whether every bucket that had a variant keeps it: a ramp may do this and nothing else.

    >>> only_widens(split_ranges([0.5, 0.5], 0.1), split_ranges([0.5, 0.5], 0.2))
    True
    """
    kept = zip(bucket_table(before), bucket_table(after), strict=True)
    return len(before) == len(after) and all(old in {NO_VARIANT, new} for old, new in kept)


def bucket_table(ranges: Sequence[Range]) -> bytes:
    """The answer of `choose` for each of the 10,000 buckets, as one byte each.

    Args:
        ranges: as many as 255.

    Returns:
        10,000 bytes: the variant's position, or `NO_VARIANT`.
    """
    table = bytearray([NO_VARIANT]) * BUCKETS
    for position, (low, high) in reversed(list(enumerate(ranges))):  # the first range wins
        first, after = first_bucket(low), first_bucket(high)
        table[first:after] = bytes([position]) * (after - first)
    return bytes(table)


def first_bucket(edge: float) -> int:
    """Index of the lowest bucket at or above `edge` (0–1), 10,000 if there is none.

    Compares the same floats as `choose` does, so rounding cannot make the two disagree.

    >>> first_bucket(0.3), first_bucket(0.1 + 0.2)
    (3000, 3001)
    """
    index = min(max(ceil(edge * BUCKETS), 0), BUCKETS)
    while index > 0 and (index - 1) / BUCKETS >= edge:
        index -= 1
    while index < BUCKETS and index / BUCKETS < edge:
        index += 1
    return index
