"""How much of the type-I error may have been spent when a share t of the planned information is in.

A spending function f rises from f(0) = 0 to f(1) = 1. The open-ended tail keeps a share of alpha for a test
that runs past its plan, so that going on stays valid.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from scipy.special import ndtr, ndtri

from stats.arguments import check_finite, check_positive

_Shape = Callable[[float, float], float]
_FAMILIES = ("kim-demets", "obrien-fleming", "pocock", "hwang-shih-decani", "table")


@dataclass(frozen=True, slots=True)
class Spending:
    """A spending function with its parameter.

    Attributes:
        family: `kim-demets`, `obrien-fleming`, `pocock`, `hwang-shih-decani` or `table`.
        parameter: rho of Kim–DeMets (> 0), gamma of Hwang–Shih–DeCani, else 0.
        points: `table`: (t, f(t)), rising to (1, 1); straight lines between them and from (0, 0).
    """

    family: str
    parameter: float = 0.0
    points: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse an unknown family and a parameter outside its range."""
        check_finite(parameter=self.parameter)
        if self.family not in _FAMILIES:
            raise ValueError(f"family is {self.family!r}; it must be one of {', '.join(_FAMILIES)}")
        if self.family == "kim-demets":
            check_positive(parameter=self.parameter)

    def share(self, fraction: float, alpha: float) -> float:
        """The share f(t) of alpha that a test inside its plan may have spent.

        Args:
            fraction: t, information over planned information, ≥ 0; from 1 on the share is 1.
            alpha: one-sided type-I error in (0, 1); only O'Brien–Fleming depends on it.

        Returns:
            f(t), 0–1.

        Raises:
            ValueError: if `fraction` or `alpha` is outside its range.

        >>> Spending("kim-demets", 2.0).share(0.5, 0.025)
        0.25
        """
        _check(fraction, alpha)
        if fraction >= 1.0:
            return 1.0
        return (
            _SHAPES[self.family](fraction, alpha) if self.family in _SHAPES else self._power_share(fraction)
        )

    def _power_share(self, fraction: float) -> float:
        if self.family == "kim-demets":
            return float(fraction**self.parameter)
        if self.points:
            return _between((0.0, 0.0), *self.points, fraction=fraction)
        if self.parameter == 0.0:
            return fraction
        return math.expm1(-self.parameter * fraction) / math.expm1(-self.parameter)

    def spent(self, fraction: float, alpha: float, open_ended_share: float = 0.0) -> float:
        """Cumulative alpha α*(t) = (1−r)·α·f(min(t, 1)) + r·α·(1−1/t)·[t>1].

        Args:
            fraction: t, information over planned information, ≥ 0; may exceed 1.
            alpha: one-sided type-I error in (0, 1).
            open_ended_share: r, the share of alpha kept for t > 1, in [0, 1).

        Returns:
            The alpha that may have been spent up to t; below `alpha` for every t when r > 0.

        Raises:
            ValueError: if an argument is outside its range.

        Source: Kim & DeMets 1987; Lan & DeMets 1983; Hwang, Shih & DeCani 1990. The tail is this project's.

        >>> round(Spending("kim-demets", 2.0).spent(0.5, 0.04, open_ended_share=0.1), 12)
        0.009
        >>> round(Spending("kim-demets", 2.0).spent(2.0, 0.04, open_ended_share=0.1), 12)
        0.038
        """
        if not 0.0 <= open_ended_share < 1.0:
            raise ValueError(f"open_ended_share is {open_ended_share}; it must be in [0, 1)")
        inside = (1.0 - open_ended_share) * alpha * self.share(fraction, alpha)
        beyond = open_ended_share * alpha * (1.0 - 1.0 / fraction) if fraction > 1.0 else 0.0
        return inside + beyond


def _check(fraction: float, alpha: float) -> None:
    if not fraction >= 0.0:
        raise ValueError(f"fraction is {fraction}; it must be 0 or more")
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha is {alpha}; it must be in (0, 1)")


def _between(*points: tuple[float, float], fraction: float) -> float:
    """Straight lines through points of rising t."""
    for (t0, f0), (t1, f1) in pairwise(points):
        if fraction <= t1:
            return f0 + (f1 - f0) * (fraction - t0) / (t1 - t0)
    return points[-1][1]


def _obrien_fleming(fraction: float, alpha: float) -> float:
    """2(1 − Φ(z_{α/2}/√t))/α, with the one-sided alpha (the convention of rpact's `asOF`)."""
    if fraction == 0.0:
        return 0.0
    return float(2.0 * ndtr(ndtri(alpha / 2.0) / math.sqrt(fraction))) / alpha


def _pocock(fraction: float, _alpha: float) -> float:
    return math.log1p((math.e - 1.0) * fraction)


_SHAPES: dict[str, _Shape] = {"obrien-fleming": _obrien_fleming, "pocock": _pocock}
_ACCEPTED = "kim-demets:RHO (RHO > 0), obrien-fleming, pocock, hwang-shih-decani:GAMMA, table:T=SHARE,…,1=1"


def parse_spending(text: str) -> Spending:
    """Read the name of a spending function as a plan writes it.

    Args:
        text: `kim-demets:2`, `obrien-fleming`, `pocock`, `hwang-shih-decani:-4`, or your own as
            `table:0.5=0.2,1=1`: the share of alpha spent at t, straight lines between.

    Returns:
        The spending function.

    Raises:
        ValueError: if the name is unknown or its parameter is missing or outside its range.

    >>> parse_spending("hwang-shih-decani:-4").parameter
    -4.0
    """
    family, colon, parameter = text.partition(":")
    if family in _SHAPES and not colon:
        return Spending(family)
    if family == "table" and colon:
        return Spending(family, points=_points(text, parameter))
    if family not in {"kim-demets", "hwang-shih-decani"} or not colon:
        raise ValueError(f"spending is {text!r}; it must be one of {_ACCEPTED}")
    value = _parameter(text, parameter)
    if family == "kim-demets" and value <= 0.0:
        raise ValueError(f"spending is {text!r}; the rho of kim-demets must be above 0")
    return Spending(family, value)


_LARGEST_PARAMETER = 100.0


def _parameter(text: str, parameter: str) -> float:
    try:
        value = float(parameter)
    except ValueError:
        raise ValueError(f"spending is {text!r}; its parameter must be a number") from None
    if not abs(value) <= _LARGEST_PARAMETER:
        raise ValueError(f"spending is {text!r}; its parameter must be within ±{_LARGEST_PARAMETER:g}")
    return value


def _points(text: str, table: str) -> tuple[tuple[float, float], ...]:
    try:
        found = [tuple(float(number) for number in part.split("=")) for part in table.split(",")]
        points = tuple((t, share) for t, share in found)
    except ValueError:
        raise ValueError(f"spending is {text[:80]!r}; a table looks like table:0.5=0.2,1=1") from None
    steps = pairwise(((0.0, 0.0), *points))
    if not all(a[0] < b[0] and a[1] <= b[1] for a, b in steps) or points[-1] != (1.0, 1.0):
        raise ValueError(f"spending is {text[:80]!r}; t must rise, shares must not fall, and end at 1=1")
    return points
