"""One half of a group-sequential test, written look by look, and what may be said at its last look.

The two sides of a test are two halves, each with alpha / 2, each spending on its own looks (roll-out at whole
weeks, harm daily). The lower half is the upper half of −z.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from stats.arguments import check_finite, check_number
from stats.sequential.boundaries import SMALLEST_STEP, OneSidedRecursion
from stats.sequential.spending import Spending

SMALLEST_PVALUE = 1e-12
LARGEST_PVALUE = 0.5
_FARTHEST_Z = 50.0  # farther than any finite boundary (8)
_LOG_TOLERANCE = 5e-5  # of log p: a relative 1e-4 over both ends


@dataclass(frozen=True, slots=True)
class HalfLook:
    """What one half of a test writes at a look.

    Attributes:
        boundary: z to exceed; infinity when nothing could be spent yet.
        alpha_spent: one-sided alpha spent by this half so far.
    """

    boundary: float
    alpha_spent: float


def monotone(previous: float, current: float) -> float:
    """The information fraction never goes down.

    >>> monotone(0.4, 0.39)
    0.4
    """
    return max(previous, current)


def has_new_information(previous: float, current: float) -> bool:
    """Whether a look at `current` information may follow one at `previous`: no new information, no look.

    Args:
        previous: information of this half's last look, 0 before the first.
        current: information now, ≥ 0.

    Returns:
        True when it has grown by a relative `SMALLEST_STEP` at least.

    >>> has_new_information(100.0, 100.0), has_new_information(100.0, 101.0)
    (False, True)
    """
    return current > 0.0 and current >= previous * (1.0 + SMALLEST_STEP)


class HalfTest:
    """One one-sided half: what has been written stays; the next look spends what its fraction allows.

    Assumes: normal scores with independent increments (differences of means, shares, Kaplan–Meier values).
    Source: Lan & DeMets 1983; Jennison & Turnbull 2000, ch. 7.

    >>> from stats.sequential.spending import parse_spending
    >>> half = HalfTest(parse_spending("kim-demets:2"), 0.025)
    >>> round(half.look(information=50.0, fraction=1.0).boundary, 6)
    1.959964
    """

    def __init__(self, spending: Spending, alpha: float, open_ended_share: float = 0.0) -> None:
        """Start before the first look.

        Args:
            spending: spending function.
            alpha: one-sided type-I error of this half, in (0, 1).
            open_ended_share: r, the share of alpha kept for t > 1, in [0, 1).

        Raises:
            ValueError: if `alpha` or `open_ended_share` is outside its range.
        """
        spending.spent(1.0, alpha, open_ended_share)  # refuses bad arguments before the first look
        self._alpha = alpha
        self._spending = spending
        self._open_ended_share = open_ended_share
        self._recursion = OneSidedRecursion()
        self._spent = 0.0

    @property
    def alpha_spent(self) -> float:
        """One-sided alpha spent so far."""
        return self._spent

    def look(self, information: float, fraction: float) -> HalfLook:
        """Add a look and give its boundary.

        Args:
            information: 1 / se² of the difference, above this half's last look (`has_new_information`).
            fraction: t, information over planned information, ≥ 0; a fall below an earlier t spends nothing.

        Returns:
            The boundary (infinity when nothing can be spent yet) and the alpha spent so far.

        Raises:
            ValueError: if the information does not grow or the fraction is negative.
        """
        target = self._spending.spent(fraction, self._alpha, self._open_ended_share)
        boundary = self._recursion.next_boundary(information, max(0.0, target - self._spent))
        if math.isfinite(boundary):
            self._spent = target
        return HalfLook(boundary, self._spent)

    def replay(self, information: float, boundary: float | None, alpha_spent: float) -> None:
        """Take in a look as it was written, without computing it again.

        Args:
            information: information of the look.
            boundary: its z; None or infinity when nothing was spent.
            alpha_spent: one-sided alpha spent up to it.

        Raises:
            ValueError: if the information does not grow or alpha spent goes down.
        """
        if alpha_spent < self._spent:
            raise ValueError(f"alpha_spent is {alpha_spent}; it must not fall below {self._spent}")
        self._recursion.replay(information, math.inf if boundary is None else boundary)
        self._spent = alpha_spent


def repeated_pvalue(
    z: float, looks: Sequence[tuple[float, float]], spending: Spending, open_ended_share: float = 0.0
) -> float:
    """The smallest one-sided alpha at which the last look would cross.

    Args:
        z: standardised difference at the last look; for the lower half pass −z.
        looks: (information, fraction) of every tested look of this half so far, in order.
        spending: spending function.
        open_ended_share: r, in [0, 1).

    Returns:
        The one-sided repeated p-value within a relative 1e-4, kept inside [1e-12, 0.5]. It is at most the
        half's alpha exactly when the last look has crossed.

    Assumes: the boundary of the last look falls as alpha rises (true of the four families).

    Raises:
        ValueError: if there is no look, z is not a number or the information does not grow.

    Source: Jennison & Turnbull 2000, § 9.5.

    >>> from stats.sequential.spending import parse_spending
    >>> round(repeated_pvalue(1.959964, [(1.0, 1.0)], parse_spending("pocock")), 5)
    0.025
    """
    if not looks:
        raise ValueError("looks is empty; a repeated p-value needs at least one tested look")
    if math.isnan(z):
        raise ValueError("z is not a number")
    bounded = max(-_FARTHEST_Z, min(_FARTHEST_Z, float(z)))
    return _critical_alpha(bounded, tuple(looks), spending, open_ended_share)


@lru_cache(maxsize=1024)
def _critical_alpha(
    z: float, looks: tuple[tuple[float, float], ...], spending: Spending, open_ended_share: float
) -> float:
    """Kept because written looks never change while pages ask for their p-values again and again."""
    from scipy.optimize import brentq

    def margin(log_alpha: float) -> float:
        boundary = _last_boundary(math.exp(log_alpha), looks, spending, open_ended_share)
        return z - boundary if math.isfinite(boundary) else -_FARTHEST_Z  # the root finder needs a number

    lowest, highest = math.log(SMALLEST_PVALUE), math.log(LARGEST_PVALUE)
    if margin(highest) <= 0.0:
        return LARGEST_PVALUE
    if margin(lowest) >= 0.0:
        return SMALLEST_PVALUE
    return math.exp(float(brentq(margin, lowest, highest, xtol=_LOG_TOLERANCE, rtol=1e-12)))


def _last_boundary(
    alpha: float, looks: tuple[tuple[float, float], ...], spending: Spending, open_ended_share: float
) -> float:
    half = HalfTest(spending, alpha, open_ended_share)
    boundary = math.inf
    for information, fraction in looks:
        boundary = half.look(information, fraction).boundary
    return boundary


def two_sided_repeated_pvalue(upper: float | None, lower: float | None) -> float | None:
    """Twice the smaller of the halves' repeated p-values, at most 1.

    Args:
        upper: one-sided p-value of the upper half, None where it has not been tested.
        lower: the same for the lower half.

    Returns:
        The p-value; None when neither half has been tested.

    Raises:
        ValueError: a p-value does not lie from 0 to 1.

    >>> two_sided_repeated_pvalue(0.01, None), two_sided_repeated_pvalue(0.5, 0.5)
    (0.02, 1.0)
    """
    tested = [pvalue for pvalue in (upper, lower) if pvalue is not None]
    for pvalue in tested:
        if not 0.0 <= pvalue <= 1.0:
            raise ValueError(f"pvalue is {pvalue}; it must lie from 0 to 1")
    return min(1.0, 2.0 * min(tested)) if tested else None


def repeated_interval(
    difference: float, standard_error: float, upper: float | None, lower: float | None
) -> tuple[float | None, float | None]:
    """The repeated confidence interval at a look: every effect that the look does not reject.

    Args:
        difference: treatment − control.
        standard_error: of the difference, > 0.
        upper: z boundary of the upper half, None or infinity where it is not tested.
        lower: z boundary of the lower half, negative, None or −infinity where it is not tested.

    Returns:
        (low, high); an end is None where its half is not tested.

    Raises:
        ValueError: if `standard_error` is not above 0, or an argument is not a number.

    Source: Jennison & Turnbull 1989.

    >>> repeated_interval(10.0, 1.0, 2.5, -2.0)
    (7.5, 12.0)
    """
    if not standard_error > 0.0:
        raise ValueError(f"standard_error is {standard_error}; it must be above 0")
    check_finite(difference=difference)
    check_number(upper=upper or 0.0, lower=lower or 0.0)
    low = None if upper is None or math.isinf(upper) else difference - upper * standard_error
    high = None if lower is None or math.isinf(lower) else difference - lower * standard_error
    return low, high
