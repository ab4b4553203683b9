"""Exact money: shares of sums rounded half up, and sums split over lines without losing a minor unit."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple


class Ratio(NamedTuple):
    """A share as two whole numbers."""

    numerator: int
    denominator: int


def ratio(number: float, per: int = 1) -> Ratio:
    """A number as it was written, divided by `per`; never the nearest binary fraction.

    >>> ratio(12.5, per=100), ratio(0.1)
    (Ratio(numerator=1, denominator=8), Ratio(numerator=1, denominator=10))
    """
    exact = Fraction(Decimal(repr(number))) / per
    return Ratio(exact.numerator, exact.denominator)


def part_of(amount: int, share: Ratio) -> int:
    """A share of a sum, rounded half up.

    Args:
        amount: at least 0.
        share: at least 0.

    >>> part_of(1004, ratio(12.5, per=100)), part_of(1003, ratio(12.5, per=100))
    (126, 125)
    """
    numerator, denominator = share
    return (2 * amount * numerator + denominator) // (2 * denominator)


def split(total: int, weights: Sequence[int], name: Callable[[int], Any]) -> list[int]:
    """Split a sum over lines in proportion to their weights; the parts add up to the sum exactly.

    Each line gets the whole units of its share; what is left goes, one unit each, to the largest fractions,
    ties in the order of their names. No part is above its weight.

    Args:
        total: 0 to the sum of the weights.
        weights: at least 0.
        name: place of a line → what decides ties.

    Raises:
        ValueError: the total is negative or above the sum of the weights.

    >>> split(10, [300, 300, 300], "cab".__getitem__)
    [3, 4, 3]
    """
    whole = sum(weights)
    if not 0 <= total <= whole:
        raise ValueError(f"total must be in 0 … {whole}; got {total}")
    if total in {0, whole}:
        return list(weights) if total else [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    if left:
        rests = [total * weight % whole for weight in weights]
        for place in _largest(left, rests, name):
            parts[place] += 1
    return parts


def _largest(count: int, rests: Sequence[int], name: Callable[[int], Any]) -> list[int]:
    """The places of the largest rests; names are asked for only where the last ones tie."""
    last = sorted(rests, reverse=True)[count - 1]
    places = [place for place, rest in enumerate(rests) if rest > last]
    ties = [place for place, rest in enumerate(rests) if rest == last]
    return places + sorted(ties, key=name)[: count - len(places)]
