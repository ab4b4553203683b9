"""Two proportions: score test pooled under no effect, and the interval that inverts it."""

import math
from dataclasses import dataclass
from functools import cached_property

from stats.contrasts import Arm
from stats.results import Inconclusive
from stats.summaries import Moments

_HALVINGS = 200  # a bisection of [−1, 1] reaches the last bit long before


def constrained_share(x_t: int, n_t: int, x_c: int, n_c: int, difference: float) -> float:
    """Control's share of highest likelihood when treatment − control is fixed.

    Args:
        x_t: successes of the treatment, 0 … n_t.
        n_t: units of the treatment, ≥ 1.
        x_c: successes of control, 0 … n_c.
        n_c: units of control, ≥ 1.
        difference: the fixed difference, −1 … 1.

    Returns:
        The share of control, inside [max(0, −difference), min(1, 1 − difference)].

    Source: Miettinen & Nurminen (1985), Statistics in Medicine 4, appendix: the cubic has one root inside.

    >>> constrained_share(30, 100, 10, 100, 0.0)
    0.2
    """
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)
    if difference == 0:
        return (x_t + x_c) / (n_t + n_c)
    n = n_t + n_c
    l2 = (n_t + 2 * n_c) * difference - n - (x_t + x_c)
    l1 = (n_c * difference - n - 2 * x_c) * difference + x_t + x_c
    l0 = x_c * difference * (1 - difference)
    third = l2 / (3 * n)
    q = third**3 - l1 * l2 / (6 * n * n) + l0 / (2 * n)
    p = math.copysign(math.sqrt(max(0.0, third**2 - l1 / (3 * n))), q)
    if p == 0:
        return min(max(-third, low), high)
    angle = (math.pi + math.acos(min(1.0, max(-1.0, q / p**3)))) / 3
    return min(max(2 * p * math.cos(angle) - third, low), high)


@dataclass(frozen=True)
class ProportionContrast:
    """Difference of two shares with the score statistic, without the N / (N − 1) correction.

    Assumes independent units. Source: Mee (1984); Miettinen & Nurminen (1985). Oracle: the table of Newcombe
    (1998), Statistics in Medicine 17. (statsmodels 0.15.0 has a wrong coefficient in the constrained share
    of differences other than 0, its issue 10269; its interval ends are off by up to 2e-3 in small samples.)

    Attributes:
        x_t: successes of the treatment.
        n_t: units of the treatment.
        x_c: successes of control.
        n_c: units of control.

    >>> contrast = ProportionContrast(x_t=60, n_t=100, x_c=40, n_c=100)
    >>> round(contrast.difference, 12), round(contrast.z, 6)
    (0.2, 2.828427)
    """

    x_t: int
    n_t: int
    x_c: int
    n_c: int

    @cached_property
    def control(self) -> Arm:
        """Share of control with its own (unpooled) variance."""
        share = self.x_c / self.n_c
        return Arm(self.n_c, share, share * (1 - share) / self.n_c)

    @cached_property
    def treatment(self) -> Arm:
        """Share of the treatment with its own (unpooled) variance."""
        share = self.x_t / self.n_t
        return Arm(self.n_t, share, share * (1 - share) / self.n_t)

    @cached_property
    def difference(self) -> float:
        """Share of the treatment − share of control."""
        return self.treatment.mean - self.control.mean

    @cached_property
    def standard_error(self) -> float:
        """Standard error pooled under no effect."""
        return self._error_at(0.0)

    @cached_property
    def z(self) -> float:
        """Score statistic of no effect."""
        return self.difference / self.standard_error

    def score_z(self, difference: float) -> float:
        """Score statistic of a fixed difference; falls as the difference rises.

        Args:
            difference: the difference under test, −1 … 1.
        """
        return _standardised(self.difference - difference, self._error_at(difference))

    def limit(self, z: float) -> float:
        """The difference whose score statistic is z: the end of an interval at boundary z.

        Args:
            z: a boundary; positive for the lower end, negative for the upper end.

        Returns:
            A difference in [−1, 1].
        """
        low, high = -1.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            low, high = (middle, high) if self.score_z(middle) > z else (low, middle)
        return (low + high) / 2

    def noninferiority_z(self, factor: float) -> float:
        """Score statistic of treatment − factor × control = 0, constrained on that line.

        Args:
            factor: 1 − margin (or 1 + margin for metrics that should fall), above 0.

        Source: Farrington & Manning (1990); oracle: statsmodels `test_proportions_2indep(compare="ratio",
        method="score", correction=False)`.
        """
        x, n = self.x_t + self.x_c, self.n_t + self.n_c
        linear = x + self.n_c - self.x_c + factor * (x + self.n_t - self.x_t)
        share = 2 * x / (linear + math.sqrt(max(0.0, linear**2 - 4 * factor * n * x)))
        spread = factor * share * (1 - factor * share) / self.n_t + factor**2 * share * (1 - share) / self.n_c
        return _standardised(self.treatment.mean - factor * self.control.mean, math.sqrt(spread))

    def _error_at(self, difference: float) -> float:
        share = constrained_share(self.x_t, self.n_t, self.x_c, self.n_c, difference)
        other = min(max(share + difference, 0.0), 1.0)
        return math.sqrt(other * (1 - other) / self.n_t + share * (1 - share) / self.n_c)


def _standardised(distance: float, error: float) -> float:
    """Distance over its error; without an error a distance is infinitely far and none is 0."""
    if error > 0:
        return distance / error
    return math.copysign(math.inf, distance) if distance else 0.0


def compare_proportions(control: Moments, treatment: Moments) -> ProportionContrast | Inconclusive:
    """Difference of two shares from the sums of 0/1 values.

    Args:
        control: moments of control; `total` counts the successes.
        treatment: moments of the treatment.

    Returns:
        The contrast; `Inconclusive` without units (`no_units`) or when every unit has the same value
        (`no_variance`).

    Raises:
        ValueError: sums that no units can have.
    """
    for arm in (control, treatment):
        if not 0 <= arm.total <= arm.units:
            raise ValueError(f"{arm.total} successes of {arm.units} units; from 0 to the units")
    if not control.units or not treatment.units:
        return Inconclusive("no_units", "an arm has no mature unit")
    if control.total + treatment.total in (0, control.units + treatment.units):
        return Inconclusive("no_variance", "every unit has the same value")
    return ProportionContrast(treatment.total, treatment.units, control.total, control.units)
