"""Cells of files as exact numbers, and means with variances as exact sums."""

import math
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from stats.summaries import Moments

DIGITS = 12  # of a standard deviation that survive the way into whole numbers
LARGEST_EXPONENT = 17  # money and counts end far below 1e18, and pages write every digit of them
SMALLEST_EXPONENT = -60  # below it a number is 0 beside anything else


def exact_number(text: str) -> Decimal | None:
    """The number a cell holds (true and false are 1 and 0), or None where it holds none below 1e18.

    >>> exact_number(" 1.50 "), exact_number("true"), exact_number("nan")
    (Decimal('1.50'), Decimal('1'), None)
    """
    try:
        number = Decimal({"true": "1", "false": "0"}.get(text.strip().lower(), text.strip()))
    except InvalidOperation:
        return None
    if not number.is_finite() or number.adjusted() > LARGEST_EXPONENT:
        return None
    return number if number.adjusted() > SMALLEST_EXPONENT else Decimal(0)


def scale_for(variances: list[Fraction]) -> int:
    """Power of ten that leaves twelve digits of the smallest standard deviation before the point.

    >>> scale_for([Fraction(1), Fraction(1, 10_000)])
    100000000000000
    """
    smallest = min((float(variance) for variance in variances if variance > 0), default=1.0)
    exponent = math.ceil(DIGITS - math.log10(smallest) / 2)
    return int(10 ** max(0, min(exponent, 300)))


def moments_from(n: int, mean: Fraction, variance: Fraction, scale: int) -> Moments:
    """The sums of values times `scale` that have this mean and this sample variance.

    Args:
        n: units, at least 2.
        mean: of one unit.
        variance: of one unit, with n − 1, at least 0.
        scale: values are counted in 1 / scale.

    >>> found = moments_from(3, Fraction(2), Fraction(4), 10)
    >>> found.total, found.variance
    (60, 400.0)
    """
    total = round(mean * n * scale)
    squares = round(variance * (n - 1) * scale**2 + Fraction(total**2, n))
    return Moments(units=n, buyers=n, total=total, squares=squares, raw_total=total)


def shares_from(n: int, successes: int) -> Moments:
    """The sums of n values of 0 or 1."""
    return Moments(units=n, buyers=successes, total=successes, squares=successes, raw_total=successes)
