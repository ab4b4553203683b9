"""From cells and looks to the one result object: the last step of every analysis."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stats.cell_view import CellView
from stats.cells import Cells
from stats.comparisons import compare
from stats.evidence import Evidence
from stats.plan import AnalysisPlan, Metric
from stats.readings import cell_labels, last_mature_day
from stats.restatement import fading, restated
from stats.results import Look, MetricResult, Result
from stats.shop_days import day_number, iso_day
from stats.trust import assess
from stats.variants import Scene, event_curve, variant_summary
from stats.verdict import judge

DAYS_A_MONTH = 30.4
RECENT_DAYS = 28  # traffic is read from the last four weeks of entry
_ENTRY_IS_OVER = frozenset({"stopped", "decided", "archived"})


def analyse(  # noqa: PLR0913 - everything a result depends on is named here
    plan: AnalysisPlan,
    cells: Cells | CellView,
    looks: Sequence[Look],
    *,
    as_of: str,
    as_of_day: int,
    caps: Mapping[str, int] | None = None,
    through_seq: int | None = None,
    notes: Mapping[str, int] | None = None,
    inputs_sha256: str = "",
    state: str = "running",
) -> Result:
    """The result of an experiment as of one shop day. Pure: the same arguments give the same result.

    Args:
        plan: what was decided before the data.
        cells: sufficient statistics as of `as_of_day`.
        looks: looks written so far, in order; later ones than `as_of_day` are left out.
        as_of: the moment as the caller states it, kept for the document.
        as_of_day: last closed shop day, days since 1970-01-01.
        caps: frozen caps in minor units by metric label.
        through_seq: last ledger row read, or None.
        notes: further counts for the trust banner; added to those of the cells.
        inputs_sha256: digest of the accepted events.
        state: state of the experiment; entry is over when it is stopped, decided or archived.

    Returns:
        The result without sentences (`Verdict.text` is filled by the page room).
    """
    view = cells if isinstance(cells, CellView) else CellView(cells)
    read_looks = tuple(look for look in looks if day_number(look.day) <= as_of_day)
    scene = Scene(plan, view, read_looks, as_of_day, dict(caps or {}))
    metrics = tuple(metric_result(scene, metric) for metric in plan.metrics)
    trust = assess(plan, view, as_of_day, view.notes | dict(notes or {}))
    progress = progress_of(scene, state)
    evidence = Evidence(
        plan,
        metrics,
        read_looks,
        trust,
        ended=_has_ended(scene, state),
        restated=restated(scene),
        fading=fading(scene),
        progress=progress,
    )
    return Result(
        experiment=plan.experiment,
        version=plan.version,
        as_of=as_of,
        through_seq=through_seq,
        trust=trust,
        metrics=metrics,
        looks=read_looks,
        verdict=judge(evidence),
        currency=plan.currency,
        progress=progress,
        inputs_sha256=inputs_sha256,
    )


def metric_result(scene: Scene, metric: Metric) -> MetricResult:
    """One metric over all variants.

    Args:
        scene: plan, cells, looks and day.
        metric: one of the plan's metrics.
    """
    survival = metric.kind == "survival"
    return MetricResult(
        key=metric.key,
        role=metric.role,
        unit=_unit(metric),
        kind=metric.kind,
        window_days=metric.window_days,
        direction=metric.direction,
        explanatory=metric.explanatory,
        variants=tuple(variant_summary(scene, metric, variant) for variant in scene.plan.variants),
        comparisons=tuple(compare(scene, metric, t) for t in scene.plan.treatments),
        cap_minor=scene.caps.get(metric.label),
        curves={v: event_curve(scene, metric, v).points() for v in scene.plan.variants} if survival else {},
        about=metric.about,
    )


def _unit(metric: Metric) -> str:
    if metric.kind in {"proportion", "survival"}:
        return "share"
    if metric.kind == "ratio":
        return "ratio_minor" if metric.money else "ratio"
    return "minor" if metric.money else "count"


def progress_of(scene: Scene, state: str = "running") -> dict[str, Any]:
    """How far the experiment has come, by its first primary.

    Args:
        scene: plan, cells, looks and day.
        state: state of the experiment.

    Returns:
        fraction: t of the least informed primary comparison, at its last look or, before one, by units;
        mature_units, planned_units: over all variants; exposed_units: exposed so far;
        entry_days: shop days of entry; first_look_day: ISO date on which the first cohort matures;
        last_look: ISO date of the primary's last look; planned_end: ISO date on which the last cohort of
        `max_days` matures, None without it;
        expected_days_left: days until the planned units have matured at the present rate, None without one;
        monthly_units: exposed units a month at the traffic of the last 28 days of entry.
    """
    plan, view, day = scene.plan, scene.view, scene.as_of_day
    primary = _primary(plan)
    last_mature = last_mature_day(plan, primary, day)
    mature = sum(view.entries(variant, last_mature).units for variant in plan.variants)
    first, rate = view.first_cohort_day, _units_a_day(scene, state)
    label = cell_labels(plan, primary)[0]
    return {
        "fraction": _fraction(scene, primary, mature),
        "mature_units": mature,
        "planned_units": plan.planned_units,
        "exposed_units": sum(view.entries(variant, day).units for variant in plan.variants),
        "entry_days": _entry_days(scene, state),
        "first_look_day": _matures_on(plan, primary, first),
        "last_look": max((look.day for look in scene.looks if look.metric == label), default=None),
        "planned_end": _matures_on(plan, primary, first, plan.max_days),
        "expected_days_left": max(0, math.ceil((plan.planned_units - mature) / rate)) if rate else None,
        "monthly_units": rate * DAYS_A_MONTH if rate else None,
    }


def _matures_on(plan: AnalysisPlan, metric: Metric, first: int | None, days: int | None = 1) -> str | None:
    """ISO date on which the cohort of the n-th day of entry matures."""
    if first is None or days is None:
        return None
    return iso_day(first + days - 1 + metric.window_days + plan.settle_days)


def _primary(plan: AnalysisPlan) -> Metric:
    return next(metric for metric in plan.metrics if metric.role == "primary")


def _fraction(scene: Scene, primary: Metric, mature: int) -> float:
    label = cell_labels(scene.plan, primary)[0]
    found = [scene.looks_of(label, treatment) for treatment in scene.plan.treatments]
    if all(found):
        return min(looks[-1].fraction for looks in found)
    return mature / scene.plan.planned_units


def _last_entry_day(scene: Scene, state: str) -> int | None:
    """Last day that counts as entry: today while the experiment runs, then the day of the last entry."""
    days = [day for day in scene.view.cohort_days if day <= scene.as_of_day]
    if not days:
        return None
    return days[-1] if state in _ENTRY_IS_OVER or state == "frozen" else scene.as_of_day


def _entry_days(scene: Scene, state: str) -> int:
    first, last = scene.view.first_cohort_day, _last_entry_day(scene, state)
    return 0 if first is None or last is None else last - first + 1


def _units_a_day(scene: Scene, state: str) -> float:
    last = _last_entry_day(scene, state)
    if last is None:
        return 0.0
    span = min(RECENT_DAYS, _entry_days(scene, state))
    units = sum(scene.view.entries(v, last, last - span + 1).units for v in scene.plan.variants)
    return units / span


def _has_ended(scene: Scene, state: str) -> bool:
    """Whether all planned entry is in and mature for every primary: the test then has its last word."""
    first, plan = scene.view.first_cohort_day, scene.plan
    if first is None:
        return False
    mature = min(
        last_mature_day(plan, metric, scene.as_of_day) for metric in plan.metrics if metric.role == "primary"
    )
    if plan.max_days is not None and mature - first + 1 >= plan.max_days:
        return True
    immature = any(mature < day <= scene.as_of_day for day in scene.view.cohort_days)
    return state in _ENTRY_IS_OVER and not immature
