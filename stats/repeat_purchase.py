"""Repeat purchase with censoring: Kaplan–Meier on the cohort triangle, in shop days.

A cohort seen on day D has been followed to age min(window, D − cohort day − settle days). Younger cohorts
count for the ages they have lived through, which is what "repeated so far" gets wrong.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from stats.cells import EventCell
from stats.cohorts import Cohorts, Integers, entered, placed
from stats.contrasts import Arm
from stats.results import CurvePoint, Inconclusive

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SurvivalCurve:
    """Kaplan–Meier estimate of one arm at ages 1 … window.

    Attributes:
        units: units ever at risk (followed to age 1 at least).
        at_risk: units at risk at each age.
        events: first events at each age.

    Source: Kaplan & Meier (1958); Greenwood (1926). Oracles: R `survfit`, statsmodels `SurvfuncRight`.

    >>> curve = SurvivalCurve(4, np.array([4, 2]), np.array([1, 1]))
    >>> curve.survival.tolist(), round(float(curve.variance[-1]), 12)
    ([0.75, 0.375], 0.08203125)
    """

    units: int
    at_risk: Integers
    events: Integers

    @cached_property
    def survival(self) -> Floats:
        """Share without an event by each age; NaN past the last age anybody was followed to."""
        with np.errstate(invalid="ignore"):
            kept = 1.0 - self.events / np.where(self.at_risk > 0, self.at_risk, np.nan)
        return np.cumprod(kept, dtype=np.float64)

    @cached_property
    def hazard_variance(self) -> Floats:
        """Greenwood's sum Σ d / (r (r − d)) by each age; infinite once everybody at risk had an event."""
        left = self.at_risk - self.events
        denominator = (self.at_risk * left).astype(np.float64)
        terms = np.divide(
            self.events, denominator, out=np.where(self.events > 0, np.inf, 0.0), where=denominator > 0
        )
        return np.cumsum(terms)

    @cached_property
    def variance(self) -> Floats:
        """Greenwood variance of `survival` by each age (NaN where undefined)."""
        with np.errstate(invalid="ignore"):
            return self.survival**2 * self.hazard_variance

    def arm(self) -> Arm | None:
        """Event share at the window with its variance; None where it is undefined."""
        share, variance = 1.0 - float(self.survival[-1]), float(self.variance[-1])
        if not self.units or not math.isfinite(share) or not math.isfinite(variance):
            return None
        return Arm(self.units, share, variance)

    def table(self) -> tuple[Floats, Floats, Floats]:
        """(ages with events, units at risk just before, events): what `stats.event_times` reads."""
        place = np.flatnonzero(self.events)
        ages: Floats = place.astype(np.float64) + 1.0
        return ages, self.at_risk[place].astype(np.float64), self.events[place].astype(np.float64)

    def at(self, ages: Floats) -> tuple[Floats, Floats]:
        """(units at risk just before, events) at ages from 1 to the window."""
        place = np.asarray(ages).astype(np.int64) - 1
        return self.at_risk[place].astype(np.float64), self.events[place].astype(np.float64)

    def points(self, confidence_level: float = 0.95) -> tuple[CurvePoint, ...]:
        """The curve of event shares with a pointwise band on the log(−log) scale.

        Args:
            confidence_level: coverage of the band at each age, in (0, 1).

        Returns:
            One point per age that somebody was followed to. Before the first event the upper end is that of
            an exact binomial interval.

        Source: Kalbfleisch & Prentice (1980); oracle: R `survfit(conf.type="log-log")`.
        """
        ages = [i for i in range(len(self.at_risk)) if self.at_risk[i] > 0]
        return tuple(self._point(i, confidence_level) for i in ages)

    def _point(self, i: int, confidence_level: float) -> CurvePoint:
        tail = (1 - confidence_level) / 2
        kept, risk = float(self.survival[i]), int(self.at_risk[i])
        if kept >= 1:
            return CurvePoint(i + 1, 0.0, 0.0, 1 - tail ** (1 / risk), risk)
        spread = float(self.hazard_variance[i])
        if kept <= 0 or not math.isfinite(spread):
            return CurvePoint(i + 1, 1.0 - kept, 0.0, 1.0, risk)
        width = math.exp(-float(special.ndtri(tail)) * math.sqrt(spread) / -math.log(kept))
        return CurvePoint(i + 1, 1 - kept, 1 - kept ** (1 / width), 1 - kept**width, risk)


@dataclass(frozen=True)
class EventTriangle(Cohorts):
    """Triggered units and their first events of one arm, by cohort day and age.

    Attributes:
        cohort: index into `days` of each change.
        age: age of each change.
        known_day: day from which each change is known.
        change: units added or taken away.
    """

    cohort: Integers
    age: Integers
    known_day: Integers
    change: Integers

    @classmethod
    def from_cells(
        cls, window_days: int, triggered: Mapping[int, int], cells: Iterable[EventCell]
    ) -> "EventTriangle":
        """Build from the triggered units by cohort day and the event cells of one metric and variant.

        Args:
            window_days: d, ≥ 1.
            triggered: cohort day → units at risk from age 1.
            cells: changes; those of ages outside 1 … d are dropped.

        Raises:
            ValueError: an event in a cohort without entries.
        """
        rows = [
            (index, cell.age, cell.known_day, cell.change)
            for index, cell in placed(cells, triggered, "events")
            if 1 <= cell.age <= window_days
        ]
        return cls(window_days, *entered(triggered), *np.array(rows, dtype=np.int64).reshape(-1, 4).T)

    def curve(
        self,
        day: int,
        settle_days: int,
        *,
        known_by: int | None = None,
        first_day: int | None = None,
        last_day: int | None = None,
    ) -> SurvivalCurve:
        """The Kaplan–Meier curve as followed on one day.

        Args:
            day: D, last closed day; cohort c is followed to age min(window, D − c − settle_days).
            settle_days: days that cancellations get before an age counts as followed.
            known_by: use changes known up to this day (default D): later ones are restatements.
            first_day: earliest cohort day, or None.
            last_day: latest cohort day, or None.
        """
        followed = self.followed(day, settle_days, first_day, last_day)
        at_risk, events = self._tables(followed, day if known_by is None else known_by)
        return SurvivalCurve(int(self.units[followed > 0].sum()), at_risk.sum(axis=0), events.sum(axis=0))

    def by_cohort(self, day: int, settle_days: int) -> tuple[Integers, Integers]:
        """Units at risk and events of each cohort (rows, as `days`) at each age (columns), as of one day."""
        return self._tables(self.followed(day, settle_days), day)

    def _tables(self, followed: Integers, known_by: int) -> tuple[Integers, Integers]:
        events = self._events(followed, known_by)
        inside = followed[:, None] >= np.arange(1, self.window_days + 1)[None, :]
        before = np.cumsum(events, axis=1) - events
        return np.where(inside, self.units[:, None] - before, 0), events

    def _events(self, followed: Integers, known_by: int) -> Integers:
        table = np.zeros((len(self.days), self.window_days), dtype=np.int64)
        counted = (self.known_day <= known_by) & (self.age <= followed[self.cohort])
        np.add.at(table, (self.cohort[counted], self.age[counted] - 1), self.change[counted])
        return table


@dataclass(frozen=True)
class SurvivalContrast:
    """Difference of two event shares at the window, Greenwood errors, normal statistic.

    Attributes:
        control: arm of control.
        treatment: arm of the treatment.
    """

    control: Arm
    treatment: Arm

    @cached_property
    def difference(self) -> float:
        """Event share of the treatment − event share of control."""
        return self.treatment.mean - self.control.mean

    @cached_property
    def standard_error(self) -> float:
        """Root of the sum of both Greenwood variances."""
        return math.sqrt(self.control.variance + self.treatment.variance)

    @cached_property
    def z(self) -> float:
        """Difference over its standard error."""
        return self.difference / self.standard_error

    def limit(self, z: float) -> float:
        """End of the interval at boundary z, inside [−1, 1]."""
        return min(1.0, max(-1.0, self.difference - z * self.standard_error))

    def noninferiority_z(self, factor: float) -> float:
        """Standardised treatment − factor × control."""
        spread = factor**2 * self.control.variance + self.treatment.variance
        return (self.treatment.mean - factor * self.control.mean) / math.sqrt(spread)


def compare_survival(control: SurvivalCurve, treatment: SurvivalCurve) -> SurvivalContrast | Inconclusive:
    """Difference of Kaplan–Meier event shares at the end of the window.

    Args:
        control: curve of control.
        treatment: curve of the treatment.

    Returns:
        The contrast; `Inconclusive` where a curve does not reach the window (`no_units`) or nobody had an
        event (`no_variance`).
    """
    arm_c, arm_t = control.arm(), treatment.arm()
    if arm_c is None or arm_t is None:
        return Inconclusive("no_units", "an arm has nobody followed to the end of the window")
    if arm_c.variance + arm_t.variance == 0:
        return Inconclusive("no_variance", "nobody had an event")
    return SurvivalContrast(arm_c, arm_t)
