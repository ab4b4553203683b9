"""Times to an event and recurrent events: log-rank, restricted mean, mean counts, rate ratio.

Repeat purchase is decided by the Kaplan–Meier difference at a fixed age (`stats.repeat_purchase`); these
answer other questions beside it. The log-rank test calls an offer that only moves orders earlier a win: do
not decide by it. Times come unit by unit (`Followed`) or from cohort triangles at any day
(`repeat_purchase.SurvivalCurve`); recurrent events only unit by unit, because a robust error needs the orders
of each unit. Censoring must not depend on the outcome: units are followed to a common end of data.
Sources: Fleming & Harrington (1991); Lawless & Nadeau (1995); Lin, Wei, Yang & Ying (2000).
Oracles: R survival, lifelines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from stats.results import Inconclusive

Floats = np.ndarray[Any, np.dtype[np.float64]]


class RiskTable(Protocol):
    """Units at risk and events by age: followed units, or a curve of a cohort triangle."""

    def table(self) -> tuple[Floats, Floats, Floats]:
        """(ages with events, units at risk just before, events) as arrays."""

    def at(self, ages: Floats) -> tuple[Floats, Floats]:
        """(units at risk just before, events) at given ages."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Units followed until an event or the end of data.

    Attributes:
        times: age at the event or at the end, > 0, one per unit.
        events: whether the event happened then.

    Raises:
        ValueError: lengths differ, there is no unit, or a time is not above 0.
    """

    times: tuple[float, ...]
    events: tuple[bool, ...]

    def __post_init__(self) -> None:
        """Refuse impossible follow-up."""
        if not self.times or len(self.times) != len(self.events):
            raise ValueError("times and events must have the same length, at least 1")
        if not all(0.0 < time < math.inf for time in self.times):
            raise ValueError("every time must be a finite number above 0")

    def table(self) -> tuple[Floats, Floats, Floats]:
        """(ages with events, units at risk just before, events) as arrays."""
        times, events = np.asarray(self.times), np.asarray(self.events, dtype=bool)
        ages = np.unique(times[events])
        return ages, *self._counts(ages, times, events)

    @staticmethod
    def _counts(ages: Floats, times: Floats, events: Any) -> tuple[Floats, Floats]:
        ordered, happened = np.sort(times), np.sort(times[events])
        at_risk = times.size - np.searchsorted(ordered, ages, side="left")
        upto = np.searchsorted(happened, ages, side="right") - np.searchsorted(happened, ages, side="left")
        return at_risk.astype(float), upto.astype(float)

    def at(self, ages: Floats) -> tuple[Floats, Floats]:
        """(units at risk just before, events) at given ages."""
        return self._counts(ages, np.asarray(self.times), np.asarray(self.events, dtype=bool))


@dataclass(frozen=True, slots=True)
class LogRank:
    """Log-rank test of two arms.

    Attributes:
        observed: events of (control, treatment).
        expected: events of (control, treatment) if the hazards were equal.
        variance: of observed minus expected.
        chi2: with one degree of freedom.
        pvalue: two-sided.
    """

    observed: tuple[float, float]
    expected: tuple[float, float]
    variance: float
    chi2: float
    pvalue: float


def log_rank(control: RiskTable, treatment: RiskTable) -> LogRank | Inconclusive:
    """Whether two arms have the same hazard at every age; ties by the hypergeometric variance.

    Returns:
        The test; `Inconclusive("no_variance")` without an event while both arms are at risk.
    """
    from scipy.special import chdtrc

    ages = np.union1d(control.table()[0], treatment.table()[0])
    (risk_c, events_c), (risk_t, events_t) = control.at(ages), treatment.at(ages)
    seen = risk_c + risk_t > 0
    risk_c, risk_t, events_c, events_t = (part[seen] for part in (risk_c, risk_t, events_c, events_t))
    risk, events = risk_c + risk_t, events_c + events_t
    expected_c = float(np.sum(events * risk_c / risk))
    spread = events * (risk_c / risk) * (risk_t / risk) * (risk - events) / np.maximum(risk - 1.0, 1.0)
    variance = float(spread.sum())
    if not variance > 0.0:
        return Inconclusive("no_variance", "no event happened while both arms were at risk")
    gap = float(events_c.sum()) - expected_c
    return LogRank(
        observed=(float(events_c.sum()), float(events_t.sum())),
        expected=(expected_c, float(events.sum()) - expected_c),
        variance=variance,
        chi2=gap**2 / variance,
        pvalue=float(chdtrc(1, gap**2 / variance)),
    )


def cumulative_hazard(units: RiskTable) -> tuple[Floats, Floats, Floats]:
    """Nelson–Aalen estimate.

    Returns:
        (ages with events, cumulative hazard, its standard error).
    """
    ages, at_risk, events = units.table()
    return ages, np.cumsum(events / at_risk), np.sqrt(np.cumsum(events / at_risk**2))


def restricted_mean(units: RiskTable, until: float) -> tuple[float, float]:
    """Mean time without the event up to an age, and its standard error.

    Args:
        units: followed units.
        until: age at which time stops counting, > 0; somebody should still be at risk there.

    Returns:
        (mean, standard error): the area under the Kaplan–Meier curve, with Greenwood's variance.

    Raises:
        ValueError: `until` is not above 0.

    >>> restricted_mean(Followed((1.0, 2.0), (True, True)), 2.0)[0]
    1.5
    """
    if not 0.0 < until < math.inf:
        raise ValueError(f"until is {until}; it must be a finite number above 0")
    ages, at_risk, events = units.table()
    kept = ages < until
    ages, at_risk, events = ages[kept], at_risk[kept], events[kept]
    survival = np.concatenate([[1.0], np.cumprod(1.0 - events / at_risk)])
    areas = survival * np.diff(np.concatenate([[0.0], ages, [until]]))
    beyond = areas[::-1].cumsum()[::-1][1:]
    terms = np.where(at_risk > events, events / np.maximum(at_risk * (at_risk - events), 1.0), 0.0)
    return float(areas.sum()), math.sqrt(float(np.sum(beyond**2 * terms)))


@dataclass(frozen=True, slots=True)
class Spells:
    """Recurrent events as spells at risk: (start, stop], with an event at the stop or not.

    Attributes:
        unit: number of the unit each spell belongs to.
        start: age at which it begins, ≥ 0.
        stop: age at which it ends, > start.
        event: whether an event happened at the stop.

    Raises:
        ValueError: lengths differ, there is no spell, or one does not end after it starts.
    """

    unit: tuple[int, ...]
    start: tuple[float, ...]
    stop: tuple[float, ...]
    event: tuple[bool, ...]

    def __post_init__(self) -> None:
        """Refuse impossible spells."""
        if not self.unit or len({len(self.unit), len(self.start), len(self.stop), len(self.event)}) > 1:
            raise ValueError("unit, start, stop and event must have the same length, at least 1")
        if not all(0.0 <= begin < end < math.inf for begin, end in zip(self.start, self.stop, strict=True)):
            raise ValueError("every spell must start at 0 or later and stop after it starts")


def mean_cumulative_count(spells: Spells, ages: Sequence[float]) -> tuple[Floats, Floats]:
    """Mean number of events per unit up to each age, and its robust standard error.

    Args:
        spells: recurrent events of one arm.
        ages: where to read the curve, > 0.

    Returns:
        (means, standard errors): orders of one unit may depend on each other, the errors hold nevertheless.

    Raises:
        ValueError: an age is not a number.

    Source: Lawless & Nadeau (1995), Technometrics 37; infinitesimal jackknife.
    """
    if np.isnan(np.asarray(ages, dtype=float)).any():
        raise ValueError("every age must be a number")
    start, stop = np.asarray(spells.start), np.asarray(spells.stop)
    happened = np.asarray(spells.event, dtype=bool)
    times = np.unique(stop[happened])
    risk_of_spell = (start[:, None] < times) & (times <= stop[:, None])
    event_of_spell = happened[:, None] & (stop[:, None] == times)
    at_risk = risk_of_spell.sum(axis=0)
    rates = event_of_spell.sum(axis=0) / at_risk
    parts = (event_of_spell - risk_of_spell * rates) / at_risk
    _, unit = np.unique(np.asarray(spells.unit), return_inverse=True)
    influence = np.zeros((unit.max() + 1, times.size))
    np.add.at(influence, unit, parts)
    errors = np.sqrt((influence.cumsum(axis=1) ** 2).sum(axis=0))
    places = np.searchsorted(times, np.asarray(ages, dtype=float), side="right")
    return (
        np.concatenate([[0.0], rates.cumsum()])[places],
        np.concatenate([[0.0], errors])[places],
    )


@dataclass(frozen=True, slots=True)
class RateRatio:
    """Ratio of event rates, treatment over control.

    Attributes:
        log_ratio: its logarithm.
        standard_error: robust error of the logarithm, units as clusters.
        naive_error: as if all events were independent; do not test with it.
    """

    log_ratio: float
    standard_error: float
    naive_error: float


def rate_ratio(spells: Spells, treated: Sequence[bool]) -> RateRatio | Inconclusive:
    """Proportional rates of recurrent events (Lin, Wei, Yang & Ying), ties by Efron.

    Args:
        spells: recurrent events of both arms.
        treated: per spell, whether its unit is in treatment.

    Returns:
        The ratio; `Inconclusive("no_units")` when an arm has no event.

    Raises:
        ValueError: `treated` has another length than the spells.

    Source: Lin, Wei, Yang & Ying (2000), JRSS B 62. Oracle: R survival `coxph` with `cluster`.
    """
    from statsmodels.duration.hazard_regression import PHReg

    arm, happened = np.asarray(treated, dtype=float), np.asarray(spells.event, dtype=float)
    if arm.shape != happened.shape:
        raise ValueError("treated must have one value per spell")
    if not (happened[arm == 1].any() and happened[arm == 0].any()):
        return Inconclusive("no_units", "an arm has no event")
    start, stop = np.asarray(spells.start, dtype=float), np.asarray(spells.stop, dtype=float)
    # the library counts a spell that begins at an event's age as at risk there; it is not, so it begins later
    begin = start + np.diff(np.unique(np.concatenate([start, stop]))).min() / 2.0
    fitted = PHReg(stop, arm[:, None], status=happened, entry=begin, ties="efron").fit()
    log_ratio, naive = float(fitted.params[0]), float(fitted.bse[0])
    _, unit = np.unique(np.asarray(spells.unit), return_inverse=True)
    by_unit = np.bincount(unit, weights=_score_residuals(spells, arm, log_ratio))
    return RateRatio(log_ratio, naive**2 * math.sqrt(float(by_unit @ by_unit)), naive)


def _score_residuals(spells: Spells, arm: Floats, log_ratio: float) -> Floats:
    """What each spell adds to the score, ties by Efron (the library breaks them by Breslow's rule here).

    The k-th of d events at one age sees the share k / d of the others gone. Source: Therneau & Grambsch
    (2000), section 4.2 and 7.2.
    """
    start, stop = np.asarray(spells.start), np.asarray(spells.stop)
    happened, hazard = np.asarray(spells.event, dtype=bool), np.exp(log_ratio * arm)
    found = np.zeros(arm.size)
    for age in np.unique(stop[happened]):
        at_risk, event = (start < age) & (age <= stop), happened & (stop == age)
        gone = np.arange(event.sum()) / event.sum()
        left = hazard[at_risk].sum() - gone * hazard[event].sum()
        mean = ((hazard * arm)[at_risk].sum() - gone * (hazard * arm)[event].sum()) / left
        found -= at_risk * hazard * (arm * np.sum(1 / left) - np.sum(mean / left))
        found += event * hazard * (arm * np.sum(gone / left) - np.sum(gone * mean / left))
        found += event * (arm - mean.mean())
    return found
