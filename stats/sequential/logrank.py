"""Log-rank evidence that may be read at any time, stratified by cohort of entry.

A log-rank test read at will under staggered entry is valid only within cohorts: members of one cohort enter
on one day, so age and calendar run together. Each age of each cohort is one table; given its events, those in
the treatment are hypergeometric when there is no effect, and a bet on a hazard ratio is a likelihood ratio.
Source: Grünwald, Ly, Pérez-Ortiz & ter Schure (2021), "The safe logrank test"; ties by Fisher's noncentral
hypergeometric distribution. Oracle: sequential-analysis.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from stats.arguments import check_share
from stats.repeat_purchase import EventTriangle

PRIOR_SD = 0.5  # of the bets on the logarithm of the hazard ratio
_NODES = 65
_REACH = 4.0  # standard deviations covered by the bets
_FARTHEST = 8.0  # ends farther than e^8 from the estimate are no ends
_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


class EventTable(NamedTuple):
    """One age of one cohort.

    Attributes:
        at_risk_control: units of control followed and without an event before this age.
        at_risk_treatment: the same in the treatment.
        events_control: events of control at this age.
        events_treatment: events of the treatment at this age.
    """

    at_risk_control: int
    at_risk_treatment: int
    events_control: int
    events_treatment: int


class LogRankEvidence(NamedTuple):
    """Evidence against equal hazards.

    Attributes:
        events: events read.
        log_evalue: ln of the e-value.
        pvalue: 1 / the e-value, at most 1.
    """

    events: int
    log_evalue: float
    pvalue: float


class HazardRatio(NamedTuple):
    """Hazard of the treatment over that of control.

    Attributes:
        point: by conditional likelihood; None without events in both arms.
        low: lower end of what is not refuted; 0 where nothing bounds it.
        high: upper end; infinite where nothing bounds it.
    """

    point: float | None
    low: float
    high: float


def logrank_evidence(tables: Iterable[EventTable], prior_sd: float = PRIOR_SD) -> LogRankEvidence:
    """Read all tables so far.

    Args:
        tables: in any order; those without an event, or with one arm empty, say nothing.
        prior_sd: spread of the bets on the logarithm of the hazard ratio, > 0.

    Returns:
        The evidence as of these tables.

    Raises:
        ValueError: `prior_sd` is outside its range or events exceed those at risk.
    """
    telling = _telling(tables)
    bets, log_weights = _bets(prior_sd)
    log_evalue = float(logsumexp(log_weights + log_likelihood_ratio(telling, bets)))
    return LogRankEvidence(int(telling[:, 2:].sum()), log_evalue, min(1.0, math.exp(-log_evalue)))


def cohort_tables(
    control: EventTriangle, treatment: EventTriangle, day: int, settle_days: int = 0
) -> list[EventTable]:
    """One table per cohort of entry and age, from the triangles of both arms as followed on a day.

    Args:
        control: first events of control by cohort day and age.
        treatment: the same of the treatment, with the same window.
        day: last closed shop day.
        settle_days: days that cancellations get before an age counts as followed.

    Returns:
        Tables with an event in them; cohorts of one arm only say nothing and are left out.

    Raises:
        ValueError: the windows differ.
    """
    if control.window_days != treatment.window_days:
        raise ValueError(f"windows of {control.window_days} and {treatment.window_days} days differ")
    _, of_control, of_treatment = np.intersect1d(control.days, treatment.days, return_indices=True)
    risk_c, events_c = (part[of_control] for part in control.by_cohort(day, settle_days))
    risk_t, events_t = (part[of_treatment] for part in treatment.by_cohort(day, settle_days))
    cells = np.stack([risk_c, risk_t, events_c, events_t], axis=-1).reshape(-1, 4)
    return [EventTable(*row) for row in cells[cells[:, 2:].sum(axis=1) > 0].tolist()]


def hazard_ratio(
    tables: Iterable[EventTable], alpha: float = 0.05, prior_sd: float = PRIOR_SD
) -> HazardRatio:
    """Estimate, and hazard ratios that the same bets, laid around each of them, do not refute.

    Args:
        tables: as in `logrank_evidence`.
        alpha: 1 − coverage at all times together, in (0, 1).
        prior_sd: as in `logrank_evidence`.

    Raises:
        ValueError: as `logrank_evidence`, or alpha is outside its range.
    """
    from scipy.optimize import brentq

    check_share("alpha", alpha)
    telling = _telling(tables)
    bets, log_weights = _bets(prior_sd)

    def excess(log_ratio: float) -> float:
        likelihood = log_likelihood_ratio(telling, np.append(bets + log_ratio, log_ratio))
        return float(logsumexp(log_weights + likelihood[:-1]) - likelihood[-1] + math.log(alpha))

    centre = _estimate(telling)
    if centre is None or excess(centre) > 0.0:
        return HazardRatio(None if centre is None else math.exp(centre), 0.0, math.inf)
    low, high = centre - _FARTHEST, centre + _FARTHEST
    low_end = 0.0 if excess(low) < 0.0 else math.exp(brentq(excess, low, centre, xtol=1e-8))
    high_end = math.inf if excess(high) < 0.0 else math.exp(brentq(excess, centre, high, xtol=1e-8))
    return HazardRatio(math.exp(centre), low_end, high_end)


def log_likelihood_ratio(tables: _Ints, log_ratio: _Floats) -> _Floats:
    """Ln of the conditional likelihood at each log hazard ratio over that at none.

    Args:
        tables: (tables, 4), columns as in `EventTable`.
        log_ratio: (bets,).

    Returns:
        (bets,).
    """
    if not len(tables):
        return np.zeros(log_ratio.size)
    log_chances = _hypergeometric(tables)
    counts = np.arange(log_chances.shape[1])
    spread = np.logaddexp.reduce(log_chances[:, :, None] + counts[None, :, None] * log_ratio, axis=1)
    total: _Floats = float(tables[:, 3].sum()) * log_ratio - spread.sum(axis=0)
    return total


def _hypergeometric(tables: _Ints) -> _Floats:
    """Ln of the chance of 0, 1, … events of the treatment, given all events of a table and no effect."""
    y_c, y_t = tables[:, :1], tables[:, 1:2]
    events = tables[:, 2:].sum(axis=1, keepdims=True)
    counts = np.arange(int(events.max()) + 1)[None, :]
    possible = (counts <= y_t) & (counts <= events) & (events - counts <= y_c)
    kept = np.where(possible, counts, 0)
    rest = np.where(possible, events - counts, 0)
    found = np.where(possible, _log_choose(y_t, kept) + _log_choose(y_c, rest), -np.inf)
    chances: _Floats = found - np.logaddexp.reduce(found, axis=1)[:, None]
    return chances


def _log_choose(n: _Ints, k: _Ints) -> _Floats:
    found: _Floats = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return found


def _estimate(tables: _Ints) -> float | None:
    """Logarithm of the hazard ratio of largest likelihood."""
    from scipy.optimize import minimize_scalar

    if not tables[:, 2].any() or not tables[:, 3].any():
        return None
    found = minimize_scalar(
        lambda x: -float(log_likelihood_ratio(tables, np.array([x]))[0]),
        bounds=(-_FARTHEST, _FARTHEST),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return float(found.x)


def _bets(prior_sd: float) -> tuple[_Floats, _Floats]:
    """Log hazard ratios to bet on, and ln of their weights; none is left out: a bet on it earns nothing."""
    if not 0.0 < prior_sd < math.inf:
        raise ValueError(f"prior_sd is {prior_sd}; it must be a finite number above 0")
    grid = np.linspace(-_REACH, _REACH, _NODES)
    grid = grid[np.abs(grid) > _REACH / _NODES]
    weights = np.exp(-0.5 * grid**2)
    return grid * prior_sd, np.log(weights / weights.sum())


def _telling(tables: Iterable[EventTable]) -> _Ints:
    """Tables with an event and units at risk in both arms."""
    counts = np.array([tuple(table) for table in tables], dtype=np.float64).reshape(-1, 4)
    if not np.isfinite(counts).all():
        raise ValueError("every count of every table must be a finite number")
    found = counts.astype(np.int64)
    y_c, y_t, d_c, d_t = found.T
    wrong = np.flatnonzero((d_c < 0) | (d_t < 0) | (d_c > y_c) | (d_t > y_t))
    if wrong.size:
        raise ValueError(f"{EventTable(*found[wrong[0]].tolist())} has more events than units, or under none")
    return found[(d_c + d_t > 0) & (y_c > 0) & (y_t > 0)]
