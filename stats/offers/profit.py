"""Profit when the goods margin is only known within bounds: the union of the intervals at both ends.

One unknown margin holds for both arms, so the profit difference is a line in it; what is true at both ends is
true between them. It says nothing when the arms sell different goods: a shift of the mix needs line margins.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from stats.arguments import check_finite, check_not_negative, check_share, check_whole
from stats.contrasts import Arm
from stats.means import MeanContrast
from stats.results import Inconclusive

_LEAST_UNITS = 2


@dataclass(frozen=True, slots=True)
class MarginArm:
    """Per-unit money of one arm: items sold and everything that does not depend on the margin.

    Attributes:
        n: units, ≥ 2.
        items_mean: mean items value per unit, minor.
        costs_mean: mean of discounts, gifts, delivery, messages per unit, minor.
        items_variance: sample variance of items of one unit.
        costs_variance: of costs.
        covariance: of items and costs.
    """

    n: int
    items_mean: float
    costs_mean: float
    items_variance: float
    costs_variance: float
    covariance: float

    def __post_init__(self) -> None:
        """Refuse moments that no units can have."""
        check_whole(_LEAST_UNITS, n=self.n)
        check_finite(items_mean=self.items_mean, costs_mean=self.costs_mean, covariance=self.covariance)
        check_not_negative(items_variance=self.items_variance, costs_variance=self.costs_variance)

    @classmethod
    def of_units(cls, items: NDArray[np.float64], costs: NDArray[np.float64]) -> "MarginArm":
        """From one value per unit.

        Raises:
            ValueError: under two units, different lengths or a value that is not finite.
        """
        if items.shape != costs.shape or items.size < _LEAST_UNITS:
            raise ValueError(f"items has {items.size} units, costs {costs.size}; give the same, 2 or more")
        if not (np.isfinite(items).all() and np.isfinite(costs).all()):
            raise ValueError("items and costs must be finite numbers")
        matrix = np.cov(items, costs)
        return cls(
            items.size,
            float(items.mean()),
            float(costs.mean()),
            float(matrix[0, 0]),
            float(matrix[1, 1]),
            float(matrix[0, 1]),
        )

    def at(self, margin: float) -> tuple[float, float]:
        """Mean profit of a unit and its variance at a margin share."""
        variance = margin**2 * self.items_variance + self.costs_variance - 2 * margin * self.covariance
        return margin * self.items_mean - self.costs_mean, max(variance, 0.0)


@dataclass(frozen=True, slots=True)
class ProfitDifference:
    """Treatment − control per unit.

    Attributes:
        low_end: difference at the lower margin.
        high_end: difference at the upper margin.
        interval: union of both intervals.
        break_even_margin: margin share at which the difference is 0; None where no share in (0, 1) does it.
    """

    low_end: float
    high_end: float
    interval: tuple[float, float]
    break_even_margin: float | None


def profit_difference(
    control: MarginArm, treatment: MarginArm, margin: tuple[float, float], alpha: float = 0.05
) -> ProfitDifference | Inconclusive:
    """Difference in profit per unit over an interval of margins.

    Args:
        control: sums of control.
        treatment: sums of the treatment.
        margin: (low, high) share of items that is margin before costs, 0 ≤ low ≤ high ≤ 1.
        alpha: 1 − coverage, in (0, 1).

    Returns:
        Both ends with the union of their Welch intervals; `Inconclusive("no_variance")` without spread.

    Raises:
        ValueError: the margin or alpha is outside its range.
    """
    low, high = margin
    if not 0.0 <= low <= high <= 1.0:
        raise ValueError(f"margin is {margin}; it must be two shares from 0 to 1, rising")
    check_share("alpha", alpha)
    ends = [_at(control, treatment, share, alpha) for share in (low, high)]
    if any(end is None for end in ends):
        return Inconclusive("no_variance", "profit does not vary between units")
    (first, a), (second, b) = (end for end in ends if end is not None)
    return ProfitDifference(
        first, second, (min(a[0], b[0]), max(a[1], b[1])), _break_even(control, treatment)
    )


def _at(
    control: MarginArm, treatment: MarginArm, share: float, alpha: float
) -> tuple[float, tuple[float, float]] | None:
    (mean_c, var_c), (mean_t, var_t) = control.at(share), treatment.at(share)
    if var_c + var_t == 0.0:
        return None
    contrast = MeanContrast(
        Arm(control.n, mean_c, var_c / control.n),
        Arm(treatment.n, mean_t, var_t / treatment.n),
        control.n - 1,
        treatment.n - 1,
    )
    z = -float(ndtri(alpha / 2))
    return contrast.difference, (contrast.limit(z), contrast.limit(-z))


def _break_even(control: MarginArm, treatment: MarginArm) -> float | None:
    more_items = treatment.items_mean - control.items_mean
    more_costs = treatment.costs_mean - control.costs_mean
    share = more_costs / more_items if more_items else math.inf
    return share if 0.0 < share < 1.0 else None
