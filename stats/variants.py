"""What is shown of one variant: its mature units as they stand, and its Kaplan–Meier curve."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

from stats.cell_view import CellView
from stats.family import Closed, closed_testing
from stats.plan import AnalysisPlan, Metric
from stats.ratios import ratio_arm
from stats.readings import Curve, cell_labels, last_mature_day, unusable_reason
from stats.repeat_purchase import SurvivalCurve
from stats.results import Look, VariantSummary
from stats.summaries import Moments

_NOTHING_BELOW = {
    "redemptions_per_redeemer": "no_redemptions"
}  # why a ratio has no denominator, else no_orders


@dataclass(frozen=True)
class Scene:
    """What every number of one result is read from.

    Attributes:
        plan: the plan.
        view: the cells.
        looks: looks up to `as_of_day`, in order.
        as_of_day: last closed shop day.
        caps: frozen caps by metric label.
    """

    plan: AnalysisPlan
    view: CellView
    looks: tuple[Look, ...]
    as_of_day: int
    caps: dict[str, int]

    @cached_property
    def closed(self) -> Closed:
        """The crossings after closed testing."""
        return closed_testing(self.plan, self.looks)

    def looks_of(self, label: str, treatment: str) -> tuple[Look, ...]:
        """Looks of one comparison."""
        return tuple(look for look in self.looks if (look.metric, look.treatment) == (label, treatment))


def mature_units(scene: Scene, metric: Metric, variant: str) -> int:
    """Units of a variant whose window has closed (survival: triggered units followed to the window)."""
    entered = scene.view.entries(variant, last_mature_day(scene.plan, metric, scene.as_of_day))
    return entered.triggered if metric.is_followed else entered.units


def event_curve(scene: Scene, metric: Metric, variant: str) -> SurvivalCurve:
    """Kaplan–Meier curve of a survival metric as followed by the scene's day."""
    triangle = scene.view.triangle(metric.label, variant, metric.window_days)
    return triangle.curve(scene.as_of_day, scene.plan.settle_days)


def followed_curve(scene: Scene, metric: Metric, variant: str) -> Curve:
    """What a followed metric has counted by the scene's day."""
    return scene.view.followed(metric, variant).curve(scene.as_of_day, scene.plan.settle_days)


def variant_summary(scene: Scene, metric: Metric, variant: str) -> VariantSummary:
    """One variant's mature units; with an unknown margin the middle of both ends.

    Args:
        scene: plan, cells and day.
        metric: the metric.
        variant: key of the variant.

    Returns:
        The summary; `inconclusive` says why where it has no mean (`no_mature_units`, `too_few_at_risk`,
        `no_orders`, or why money is unknown).
    """
    entered = scene.view.entries(variant, scene.as_of_day)
    immature = (entered.triggered if metric.is_followed else entered.units) - mature_units(
        scene, metric, variant
    )
    if metric.is_followed:
        return _followed_summary(followed_curve(scene, metric, variant), variant, immature)
    mature = last_mature_day(scene.plan, metric, scene.as_of_day)
    ends = [scene.view.moments(label, variant, mature) for label in cell_labels(scene.plan, metric)]
    summaries = [_moment_summary(scene, metric, variant, moments, immature) for moments in ends]
    return summaries[0] if len(summaries) == 1 else _between(summaries[0], summaries[1])


def _followed_summary(curve: Curve, variant: str, immature: int) -> VariantSummary:
    arm, events = curve.arm(), int(curve.events.sum())
    if arm is None:
        return VariantSummary(variant, curve.units, None, None, events, immature, None, "too_few_at_risk")
    return VariantSummary(variant, curve.units, arm.mean, math.sqrt(arm.variance), events, immature)


def _moment_summary(
    scene: Scene, metric: Metric, variant: str, moments: Moments, immature: int
) -> VariantSummary:
    empty = VariantSummary(variant, moments.units, None, None, moments.raw_total, immature)
    if moments.unusable:
        return replace(empty, inconclusive=unusable_reason(metric, scene.view.notes))
    if not moments.units:
        return replace(empty, inconclusive="no_mature_units")
    if metric.kind == "ratio":
        arm = ratio_arm(moments)
        if arm is None:
            return replace(empty, inconclusive=_NOTHING_BELOW.get(metric.key, "no_orders"))
        mean = moments.raw_total / moments.denominator
        return replace(empty, mean=mean, standard_error=math.sqrt(arm.variance))
    error = None if moments.variance is None else math.sqrt(moments.variance / moments.units)
    capped = moments.mean if metric.label in scene.caps else None
    return replace(empty, mean=moments.raw_mean, standard_error=error, capped_mean=capped)


def _between(low: VariantSummary, high: VariantSummary) -> VariantSummary:
    """The middle of both ends of an unknown margin, with the larger error."""
    if low.mean is None or high.mean is None:
        return low if low.mean is None else high
    capped = middle(low.capped_mean, high.capped_mean)
    errors = [error for error in (low.standard_error, high.standard_error) if error is not None]
    return replace(
        low,
        mean=middle(low.mean, high.mean),
        standard_error=max(errors, default=None),
        total=(low.total + high.total) // 2,
        capped_mean=capped,
    )


def middle(low: float | None, high: float | None) -> float | None:
    """Half way between both ends of an unknown margin, or None where an end is unknown.

    >>> middle(1.0, 2.0)
    1.5
    """
    return None if low is None or high is None else (low + high) / 2
