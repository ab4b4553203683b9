"""Difference of two quantiles (a median basket) once, at a fixed size, without a model of the distribution.

Source: Woodruff (1952), JASA 47, for the error of a quantile by order statistics; Price & Bonett (2002), J.
Stat. Computation and Simulation 72, for the difference. To read at any time: `sequential.quantiles`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from stats.results import Inconclusive

_Floats = NDArray[np.float64]
_LEAST = 10  # units needed on each side of the quantile


@dataclass(frozen=True, slots=True)
class QuantileDifference:
    """Treatment − control at one quantile.

    Attributes:
        control: quantile of control.
        treatment: quantile of the treatment.
        difference: treatment − control.
        standard_error: by order statistics, > 0.
        interval: normal interval.
        pvalue: two-sided.
    """

    control: float
    treatment: float
    difference: float
    standard_error: float
    interval: tuple[float, float]
    pvalue: float


def compare_quantiles(
    control: Sequence[float] | _Floats,
    treatment: Sequence[float] | _Floats,
    quantile: float = 0.5,
    alpha: float = 0.05,
) -> QuantileDifference | Inconclusive:
    """Compare one quantile of two arms.

    Args:
        control: one value per unit.
        treatment: one value per unit.
        quantile: p, in (0, 1).
        alpha: 1 − coverage, in (0, 1).

    Returns:
        The difference; `Inconclusive("too_few_units")` with under 10 units on a side of the quantile, or
        `Inconclusive("no_variance")` where values around it are all the same.

    Raises:
        ValueError: an argument is outside its range or a value is not a finite number.
    """
    for name, share in (("quantile", quantile), ("alpha", alpha)):
        if not 0.0 < share < 1.0:
            raise ValueError(f"{name} is {share}; it must lie between 0 and 1")
    arms = [np.sort(np.asarray(values, dtype=np.float64)) for values in (control, treatment)]
    if not all(np.isfinite(arm).all() for arm in arms):
        raise ValueError("every value must be a finite number")
    if min(arm.size for arm in arms) * min(quantile, 1.0 - quantile) < _LEAST:
        return Inconclusive("too_few_units", f"each side of the quantile needs {_LEAST} units")
    z = -float(ndtri(alpha / 2))
    (q_c, e_c), (q_t, e_t) = (_quantile_with_error(arm, quantile, z) for arm in arms)
    error = math.hypot(e_c, e_t)
    if error == 0.0:
        return Inconclusive("no_variance", "values around the quantile are all the same")
    gap = q_t - q_c
    return QuantileDifference(
        q_c, q_t, gap, error, (gap - z * error, gap + z * error), 2.0 * float(ndtr(-abs(gap) / error))
    )


def _quantile_with_error(ordered: _Floats, quantile: float, z: float) -> tuple[float, float]:
    """The quantile, and half the distance of the order statistics that hold it, in standard errors."""
    n = ordered.size
    reach = z * math.sqrt(n * quantile * (1.0 - quantile))
    low = max(0, math.floor(n * quantile - reach) - 1)
    high = min(n - 1, math.ceil(n * quantile + reach))
    return float(np.quantile(ordered, quantile)), float(ordered[high] - ordered[low]) / (2.0 * z)
