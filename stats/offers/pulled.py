"""The pull-forward curve of each treatment from integer counts by age."""

from collections.abc import Iterable
from itertools import accumulate

import numpy as np

from stats.offers.cells import AgeCell, OfferCells
from stats.offers.pull_forward import CurveArm, PullForward, pull_forward
from stats.offers.reports import AgePoint, PullForwardReport, PullForwardRow
from stats.plan import AnalysisPlan
from stats.results import Inconclusive

_LEAST_UNITS = 2
_DIGITS = 12  # the last bits of linear algebra differ between processors


def pull_forward_report(plan: AnalysisPlan, cells: OfferCells) -> PullForwardReport:
    """Cumulative effect on orders by age, treatment by treatment."""
    if any(cells.curve_units.get(variant, 0) < _LEAST_UNITS for variant in plan.variants):
        return PullForwardReport(cells.curve_days, inconclusive="no_mature_units")
    arms = {variant: curve_arm(cells, variant) for variant in plan.variants}
    rows = tuple(_row(arms[plan.control], arms[treatment], treatment) for treatment in plan.treatments)
    return PullForwardReport(cells.curve_days, rows)


def curve_arm(cells: OfferCells, variant: str) -> CurveArm:
    """Means and covariance of the cumulative orders of one arm's units, exact until the last division.

    >>> cells = OfferCells(1, 1, (), {"a": 2}, [AgeCell("a", 0, -1, 1), AgeCell("a", 0, 0, 1)], ())
    >>> arm = curve_arm(cells, "a")
    >>> arm.mean.tolist(), arm.covariance.tolist()
    ([0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]])
    """
    own = [cell for cell in cells.ages if cell.variant == variant]
    ages, units = cells.curve_days + 1, cells.curve_units[variant]
    totals = list(accumulate(_sums(own, ages)))
    products = _cumulative_products(own, ages)
    spare = units * (units - 1)
    covariance = [
        [(units * products[one][other] - totals[one] * totals[other]) / spare for other in range(ages)]
        for one in range(ages)
    ]
    return CurveArm(units, np.array([total / units for total in totals]), np.array(covariance))


def _sums(cells: Iterable[AgeCell], ages: int) -> list[int]:
    sums = [0] * ages
    for cell in cells:
        if cell.other_age < 0:
            sums[cell.age] = cell.total
    return sums


def _cumulative_products(cells: Iterable[AgeCell], ages: int) -> list[list[int]]:
    """Σ over units of (orders up to one age) × (orders up to another)."""
    products = [[0] * ages for _ in range(ages)]
    for cell in cells:
        if cell.other_age >= 0:
            products[cell.age][cell.other_age] = products[cell.other_age][cell.age] = cell.total
    along = [list(accumulate(row)) for row in products]
    columns = [list(accumulate(column)) for column in zip(*along, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _row(control: CurveArm, treated: CurveArm, treatment: str) -> PullForwardRow:
    found = pull_forward(control, treated)
    if isinstance(found, Inconclusive):
        return PullForwardRow(treatment, inconclusive=found.reason)
    return PullForwardRow(
        treatment,
        points=_points(found),
        peak_age=found.peak_age,
        lost_share=None if found.lost_share is None else _rounded(found.lost_share),
        diagnosis=found.diagnosis,
    )


def _points(found: PullForward) -> tuple[AgePoint, ...]:
    peaks = accumulate((float(effect) for effect in found.effect), max)
    return tuple(
        AgePoint(
            age,
            _rounded(effect),
            _rounded(found.low[age]),
            _rounded(found.high[age]),
            None if peak <= 0.0 else max(0.0, _rounded(1.0 - effect / peak)),
        )
        for age, (effect, peak) in enumerate(zip(found.effect.tolist(), peaks, strict=True))
    )


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
