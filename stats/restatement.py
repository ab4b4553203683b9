"""Does a crossing still stand? Data restated after the look, and effects that fade after the first week."""

import math

from scipy import special

from stats.family import Address, Crossing
from stats.looks import pairings
from stats.plan import Metric
from stats.readings import Pairing, Reading, last_mature_day, read_followed, read_moments
from stats.results import Inconclusive
from stats.shop_days import day_number
from stats.variants import Scene

FADES_BELOW = 0.01  # two-sided p-value of first week against later weeks
_ROUNDING = 1e-9
_WEEK = 7


def restated(scene: Scene) -> frozenset[Address]:
    """Primaries that crossed at a look whose cohorts, as known today, no longer reach its boundary.

    Args:
        scene: plan, cells, looks and day.

    Returns:
        (label, treatment) of each; only the first crossing of a comparison counts.
    """
    found = set()
    for pairing in _primary_pairings(scene):
        sides = scene.closed.crossings.get((pairing.label, pairing.treatment))
        if sides and not _still_crosses(scene, pairing, min(sides, key=lambda side: side.look.number)):
            found.add((pairing.label, pairing.treatment))
    return frozenset(found)


def fading(scene: Scene) -> frozenset[Address]:
    """Primaries that crossed with an effect that was larger in the first week of entry than later (p < 0.01).

    Args:
        scene: plan, cells, looks and day.

    Returns:
        (label, treatment) of each. A span under the minimum gate says nothing.
    """
    return frozenset(
        (pairing.label, pairing.treatment)
        for pairing in _primary_pairings(scene)
        if (pairing.label, pairing.treatment) in scene.closed.crossings and _fades(scene, pairing)
    )


def _primary_pairings(scene: Scene) -> list[Pairing]:
    return [pairing for pairing in pairings(scene.plan) if pairing.metric.role == "primary"]


def _still_crosses(scene: Scene, pairing: Pairing, crossed: Crossing) -> bool:
    """Reads the cohorts of the look again, with all that has become known since."""
    day, plan, view = day_number(crossed.look.day), scene.plan, scene.view
    if pairing.metric.is_followed:
        again = read_followed(plan, view, pairing, day, known_by=scene.as_of_day)
    else:
        again = read_moments(plan, view, pairing, last_mature_day(plan, pairing.metric, day))
    if isinstance(again, Inconclusive):
        return False
    z = again.contrast.z if crossed.side == "upper" else -again.contrast.z
    return z >= crossed.boundary - _ROUNDING


def _fades(scene: Scene, pairing: Pairing) -> bool:
    first = scene.view.first_cohort_day
    if first is None:
        return False
    early = _span(scene, pairing, first, first + _WEEK - 1)
    later = _span(scene, pairing, first + _WEEK, scene.as_of_day)
    if early is None or later is None or not (early.may_test and later.may_test):
        return False
    drop = early.contrast.difference - later.contrast.difference
    z = drop / math.sqrt(_variance(early) + _variance(later))
    return _sign(pairing.metric) * z > -float(special.ndtri(FADES_BELOW / 2))


def _span(scene: Scene, pairing: Pairing, first_day: int, last_day: int) -> Reading | None:
    plan, view, day = scene.plan, scene.view, scene.as_of_day
    if pairing.metric.is_followed:
        found = read_followed(plan, view, pairing, day, first_day=first_day, last_day=last_day)
    else:
        last = min(last_day, last_mature_day(plan, pairing.metric, day))
        found = read_moments(plan, view, pairing, last, first_day)
    return None if isinstance(found, Inconclusive) else found


def _variance(reading: Reading) -> float:
    return reading.contrast.control.variance + reading.contrast.treatment.variance


def _sign(metric: Metric) -> int:
    return 1 if metric.direction == "increase" else -1
