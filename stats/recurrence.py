"""Orders per customer with censoring: the mean cumulative function on the cohort triangle, in shop days.

A cohort seen on day D has been followed to age min(window, D − cohort day − settle days), as for repeat
purchase. Orders of one unit may depend on each other, so the error is the robust one: the sum of the units'
squared influences, worked out from counts of orders and of pairs of orders.
Source: Lawless & Nadeau (1995), Technometrics 37. Oracle: `event_times.mean_cumulative_count`, R survival.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stats.cells import RecurrenceCell
from stats.cohorts import Cohorts, Integers, entered, placed
from stats.contrasts import Arm
from stats.repeat_purchase import SurvivalContrast
from stats.results import Inconclusive

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RecurrenceCurve:
    """Mean cumulative orders of one arm at ages 1 … window.

    Attributes:
        units: units ever at risk (followed to age 1 at least).
        at_risk: units at risk at each age.
        events: orders at each age.
        cohort_units: units of each cohort.
        followed: last age each cohort was followed to.
        counts: (cohort, age) orders inside the follow-up.
        pairs: (age, other age, pairs) of orders of one unit inside the follow-up, age ≤ other age.
    """

    units: int
    at_risk: Integers
    events: Integers
    cohort_units: Integers
    followed: Integers
    counts: Integers
    pairs: Integers

    @cached_property
    def rates(self) -> Floats:
        """Orders per unit at risk at each age; NaN past the last age anybody was followed to."""
        with np.errstate(invalid="ignore"):
            return self.events / np.where(self.at_risk > 0, self.at_risk, np.nan)

    @property
    def mean(self) -> float:
        """Mean orders per unit up to the window; NaN where nobody was followed so far."""
        return float(self.rates.sum())

    @cached_property
    def variance(self) -> float:
        """Robust variance of `mean`: Σ over units of (Σ over ages of (orders − rate) / at risk)²."""
        weight = np.divide(1.0, self.at_risk, out=np.zeros(self.at_risk.size), where=self.at_risk > 0)
        drift = np.concatenate([[0.0], np.cumsum(weight * np.nan_to_num(self.rates))])[self.followed]
        own = self.counts @ weight
        cross = float((weight[self.pairs[0] - 1] * weight[self.pairs[1] - 1] * self._twice).sum())
        return cross + float((self.cohort_units * drift**2 - 2.0 * drift * own).sum())

    @cached_property
    def unit_variance(self) -> float:
        """Variance of one unit followed to the window, from everybody seen at both ages of a pair."""
        seen = self.at_risk[self.pairs[1] - 1]
        return float((self._twice / seen).sum()) - self.mean**2

    @property
    def least_buyers(self) -> int:
        """At least so many units had an order: (Σ orders)² ≤ units with one × Σ orders²."""
        squares = int(self._twice.sum())
        return int(self.events.sum()) ** 2 // squares if squares else 0

    @property
    def _twice(self) -> Integers:
        """Pairs at two ages stand for both orders of them."""
        twice: Integers = self.pairs[2] * np.where(self.pairs[0] == self.pairs[1], 1, 2)
        return twice

    def arm(self) -> Arm | None:
        """Mean orders at the window with its variance; None where it is undefined."""
        if not self.units or self.at_risk[-1] == 0:
            return None
        return Arm(self.units, self.mean, max(self.variance, 0.0))


@dataclass(frozen=True)
class RecurrenceTriangle(Cohorts):
    """Triggered units and their orders of one arm, by cohort day and age.

    Attributes:
        changes: rows of (cohort's index, age, other age or −1, known day, change).
    """

    changes: Integers

    @classmethod
    def from_cells(
        cls, window_days: int, triggered: Mapping[int, int], cells: Iterable[RecurrenceCell]
    ) -> "RecurrenceTriangle":
        """Build from the triggered units by cohort day and the cells of one metric and variant.

        Args:
            window_days: d, ≥ 1.
            triggered: cohort day → units at risk from age 1.
            cells: changes; those of ages outside 1 … d are dropped.

        Raises:
            ValueError: an order in a cohort without entries.
        """
        rows = [
            (index, cell.age, cell.other_age, cell.known_day, cell.change)
            for index, cell in placed(cells, triggered, "orders")
            if 1 <= cell.age <= window_days and cell.other_age <= window_days
        ]
        return cls(window_days, *entered(triggered), np.array(rows, dtype=np.int64).reshape(-1, 5))

    def curve(
        self,
        day: int,
        settle_days: int,
        *,
        known_by: int | None = None,
        first_day: int | None = None,
        last_day: int | None = None,
    ) -> RecurrenceCurve:
        """The mean cumulative function as followed on one day; arguments as for `EventTriangle.curve`.

        >>> cells = [RecurrenceCell("m", "a", 0, 1, -1, 1, 2), RecurrenceCell("m", "a", 0, 1, 1, 1, 4)]
        >>> curve = RecurrenceTriangle.from_cells(1, {0: 2}, cells).curve(1, 0)  # one of two ordered twice
        >>> curve.mean, curve.variance
        (1.0, 0.5)
        """
        followed = self.followed(day, settle_days, first_day, last_day)
        cohort, age, other, known, change = self.changes.T
        inside = (known <= (day if known_by is None else known_by)) & (
            np.maximum(age, other) <= followed[cohort]
        )
        single, double = inside & (other < 0), inside & (other >= 1)
        counts = np.zeros((self.days.size, self.window_days), dtype=np.int64)
        np.add.at(counts, (cohort[single], age[single] - 1), change[single])
        ages = np.arange(1, self.window_days + 1)
        at_risk = (self.units[:, None] * (followed[:, None] >= ages[None, :])).sum(axis=0)
        return RecurrenceCurve(
            units=int(self.units[followed > 0].sum()),
            at_risk=at_risk,
            events=counts.sum(axis=0),
            cohort_units=self.units,
            followed=followed,
            counts=counts,
            pairs=np.stack([age[double], other[double], change[double]]),
        )


class RecurrenceContrast(SurvivalContrast):
    """Difference of two means of orders at the window, robust errors, normal statistic."""

    def limit(self, z: float) -> float:
        """End of the interval at boundary z."""
        return self.difference - z * self.standard_error


def compare_recurrence(
    control: RecurrenceCurve, treatment: RecurrenceCurve
) -> RecurrenceContrast | Inconclusive:
    """Difference of mean cumulative orders at the end of the window.

    Args:
        control: curve of control.
        treatment: curve of the treatment.

    Returns:
        The contrast; `Inconclusive` where a curve does not reach the window (`no_units`) or nobody ordered
        again (`no_variance`).
    """
    arm_c, arm_t = control.arm(), treatment.arm()
    if arm_c is None or arm_t is None:
        return Inconclusive("no_units", "an arm has nobody followed to the end of the window")
    if arm_c.variance + arm_t.variance == 0:
        return Inconclusive("no_variance", "nobody ordered again, or everybody alike")
    return RecurrenceContrast(arm_c, arm_t)
