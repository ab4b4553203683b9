"""Whole designs: constant boundaries, the chance to cross under an effect, what sequential reading costs."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from scipy.special import ndtri

from stats.arguments import check_finite, check_share
from stats.sequential.boundaries import OneSidedRecursion

Shape = Literal["pocock", "obrien-fleming"]


def crossing_probabilities(
    information: Sequence[float], z: Sequence[float], *, drift: float = 0.0
) -> tuple[float, ...]:
    """Probability of crossing an upper boundary for the first time at each look.

    Args:
        information: information of each look, increasing, > 0.
        z: boundary of each look, above −8; infinity where a look is not tested.
        drift: the effect θ with E(Z_k) = θ·√I_k; 0 gives the alpha spent, the planned effect the power.

    Returns:
        One probability per look.

    Raises:
        ValueError: if the lengths differ, the information does not grow or a boundary is too low.

    Source: Jennison & Turnbull 2000, ch. 19; oracle: rpact `getDesignCharacteristics`.

    >>> [round(share, 4) for share in crossing_probabilities([1.0], [1.959964], drift=1.959964)]
    [0.5]
    """
    check_finite(drift=drift)
    recursion = OneSidedRecursion()
    return tuple(recursion.replay(i, boundary, drift) for i, boundary in zip(information, z, strict=True))


def constant_boundaries(
    shape: Shape, information: Sequence[float], alpha: float, *, sides: int = 2
) -> tuple[float, ...]:
    """Boundaries with one constant: equal z (Pocock), or equal scores (O'Brien–Fleming: z_k = C·√(I_K/I_k)).

    Two sides are two one-sided halves; the true two-sided constants differ by less than 1e-7 at usual alphas.

    Args:
        shape: `pocock` or `obrien-fleming`.
        information: planned information of each look, increasing, > 0.
        alpha: type-I error over all sides, in (0, 1).
        sides: 1 or 2.

    Returns:
        The z boundary of each look.

    Raises:
        ValueError: if `shape` or `sides` is unknown or alpha is outside its range.

    Source: Pocock 1977; O'Brien & Fleming 1979; oracle: rpact.

    >>> [round(z, 3) for z in constant_boundaries("pocock", [1.0, 2.0], 0.05)]
    [2.178, 2.178]
    """
    from scipy.optimize import brentq

    if shape not in {"pocock", "obrien-fleming"}:
        raise ValueError(f"shape is {shape!r}; it must be pocock or obrien-fleming")
    if sides not in {1, 2} or not 0.0 < alpha < 1.0:
        raise ValueError(f"sides is {sides}, alpha {alpha}; they must be 1 or 2 and in (0, 1)")
    _check_rising(information)
    exponent = 0.5 if shape == "obrien-fleming" else 0.0
    factors = [(information[-1] / value) ** exponent for value in information]

    def excess(constant: float) -> float:
        spent = sum(crossing_probabilities(information, [constant * factor for factor in factors]))
        return spent - alpha / sides

    # one look spends alpha at the lower end; Bonferroni's level is enough for the upper end
    lowest = -float(ndtri(alpha / sides))
    highest = -float(ndtri(alpha / sides / len(factors)))
    constant = lowest if len(factors) == 1 else float(brentq(excess, lowest, highest, xtol=1e-10))
    return tuple(constant * factor for factor in factors)


def needed_drift(information: Sequence[float], z: Sequence[float], power: float) -> float:
    """The effect θ at which a design crosses with the wanted probability.

    Args:
        information: information of each look, increasing, > 0.
        z: boundary of each look.
        power: wanted probability of crossing, in (alpha, 1).

    Returns:
        θ > 0, in the unit of 1/√information.

    Raises:
        ValueError: if `power` is outside (0, 1) or below what no effect gives.

    >>> round(needed_drift([1.0], [1.959964], 0.8), 3)
    2.802
    """
    from scipy.optimize import brentq

    check_share("power", power)
    _check_rising(information)
    if sum(crossing_probabilities(information, z)) >= power:
        raise ValueError(f"power is {power}; no effect at all crosses as often")

    def shortfall(theta: float) -> float:
        return sum(crossing_probabilities(information, z, drift=theta)) - power

    # the last look alone reaches the power here, so the whole design does
    highest = (z[-1] - float(ndtri(1.0 - power))) / math.sqrt(information[-1])
    return float(brentq(shortfall, 0.0, highest + 1e-9 * abs(highest), xtol=1e-12 * highest))


def inflation_factor(information: Sequence[float], z: Sequence[float], alpha: float, power: float) -> float:
    """How many times the units of a one-look test the sequential design needs at most for the same power.

    Args:
        information: information of each look, increasing, > 0.
        z: boundary of each look.
        alpha: one-sided type-I error of the one-look test, in (0, 1).
        power: power of both, in (alpha, 1).

    Returns:
        Maximal size over fixed size, ≥ 1 for a design that spends alpha.

    Raises:
        ValueError: if `power` is outside its range.

    Source: Jennison & Turnbull 2000, table 2.2; oracle: rpact `getDesignCharacteristics`.

    >>> round(inflation_factor([1.0], [1.959964], 0.025, 0.8), 6)
    1.0
    """
    check_share("alpha", alpha)
    shift = needed_drift(information, z, power) ** 2 * information[-1]
    fixed = float(ndtri(1.0 - alpha) + ndtri(power)) ** 2
    return shift / fixed


def _check_rising(information: Sequence[float]) -> None:
    if not information:
        raise ValueError("information is empty; a design has at least one look")
    for before, value in pairwise((0.0, *information)):
        if not before < value < math.inf:
            raise ValueError(f"information is {value}; it must be finite and above {before}")
