"""One reading of one comparison: which cohorts count, which test answers, how far the plan has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from stats.cell_view import CellView
from stats.contrasts import Contrast
from stats.means import compare_means
from stats.metrics import event_name
from stats.plan import AnalysisPlan, Metric
from stats.proportions import compare_proportions
from stats.ratios import compare_ratios
from stats.recurrence import RecurrenceCurve, compare_recurrence
from stats.repeat_purchase import SurvivalCurve, compare_survival
from stats.results import Inconclusive
from stats.summaries import Moments

Curve = SurvivalCurve | RecurrenceCurve
UNEVEN_WEIGHTS = 1.5  # largest weight over smallest beyond which variances pool and the gate rises
GATE_BUYERS = 30
GATE_BUYERS_UNEVEN = 100
GATE_AT_RISK = 30
_PROFIT_REASONS = ("currency_without_rate", "margin_unknown", "delivery_cost_missing")


@dataclass(frozen=True)
class Reading:
    """What the data of one day say about treatment against control.

    Attributes:
        contrast: difference, errors, z, interval ends.
        fraction: t, this reading's information over the planned one.
        may_test: enough buyers (and, survival, units at risk at the window) in both arms.
        raw_difference: difference of uncapped means, or None where there is no cap to speak of.
    """

    contrast: Contrast
    fraction: float
    may_test: bool
    raw_difference: float | None = None


class Pairing(NamedTuple):
    """Address of a comparison with control.

    Attributes:
        metric: what is compared.
        label: label of its cells and looks.
        treatment: the variant compared with control.
    """

    metric: Metric
    label: str
    treatment: str


def cell_labels(plan: AnalysisPlan, metric: Metric) -> tuple[str, ...]:
    """Labels under which a metric's cells and looks are filed: two where profit has an unknown margin.

    Each end of the margin is tested by itself; a claim needs both, so the error rate holds at every margin.
    """
    if metric.key == "profit_per_unit" and plan.margin_share and plan.margin_share[0] < plan.margin_share[1]:
        return f"{metric.label}#lo", f"{metric.label}#hi"
    return (metric.label,)


def has_uneven_weights(plan: AnalysisPlan) -> bool:
    """Whether the largest planned weight is over 1.5 times the smallest."""
    return max(plan.weights) > UNEVEN_WEIGHTS * min(plan.weights)


def gate_buyers(plan: AnalysisPlan) -> int:
    """Buyers (successes, events) each arm must have before a look is tested: 30, or 100 at uneven weights."""
    return GATE_BUYERS_UNEVEN if has_uneven_weights(plan) else GATE_BUYERS


def last_mature_day(plan: AnalysisPlan, metric: Metric, day: int) -> int:
    """Youngest cohort day whose window has closed and settled by `day`."""
    return day - metric.window_days - plan.settle_days


def unusable_reason(metric: Metric, notes: dict[str, int]) -> str:
    """Why a metric's value cannot be known: the first matching note of the engine with a count above 0."""
    possible = _reasons(metric)
    return next((reason for reason in possible if notes.get(reason, 0) > 0), "unusable")


def _reasons(metric: Metric) -> tuple[str, ...]:
    if metric.key == "profit_per_unit":
        return _PROFIT_REASONS
    if metric.key == "sku_orders_per_unit":
        return ("lines_missing",)
    return _PROFIT_REASONS[:1] if event_name(metric) is None else ("value_missing",)


def read_moments(
    plan: AnalysisPlan,
    view: CellView,
    pairing: Pairing,
    last_day: int,
    first_day: int | None = None,
) -> Reading | Inconclusive:
    """Read a share, mean or ratio over the cohorts up to `last_day`.

    Args:
        plan: the plan.
        view: the cells.
        pairing: what is compared; the kind of its metric chooses the test.
        last_day: last cohort day that counts.
        first_day: first cohort day that counts, or None.

    Returns:
        The reading; `Inconclusive` with the reason where no statistic exists or money is unknown.
    """
    metric, label, treatment = pairing
    control = view.moments(label, plan.control, last_day, first_day)
    treated = view.moments(label, treatment, last_day, first_day)
    unusable = control.unusable + treated.unusable
    if unusable:
        return Inconclusive(unusable_reason(metric, view.notes), f"{unusable} units")
    contrast = _compare(plan, metric, control, treated)
    if isinstance(contrast, Inconclusive):
        return contrast
    weight = plan.weight(plan.control) + plan.weight(treatment)
    return Reading(
        contrast,
        fraction=(control.units + treated.units) / (plan.planned_units * weight),
        may_test=min(_buyers(metric, control), _buyers(metric, treated)) >= gate_buyers(plan),
        raw_difference=_raw_difference(metric, control, treated),
    )


def read_followed(  # noqa: PLR0913 - four that say what is read, three that narrow it
    plan: AnalysisPlan,
    view: CellView,
    pairing: Pairing,
    day: int,
    *,
    known_by: int | None = None,
    first_day: int | None = None,
    last_day: int | None = None,
) -> Reading | Inconclusive:
    """Read a Kaplan–Meier event share, or a mean cumulative function, as followed by `day`.

    The planned information is what the planned units would carry, followed to the end, at the variance of one
    unit seen now (of an event share S(1 − S)): 1 / Σ variance / (planned units × weight × share triggered).

    Args:
        plan: the plan.
        view: the cells.
        pairing: what is compared; a metric whose units are followed.
        day: D, last closed day.
        known_by: take changes known by this day into account (default D).
        first_day: first cohort day that counts, or None.
        last_day: last cohort day that counts, or None.

    Returns:
        The reading; `Inconclusive` where nobody was followed to the window or nobody had an event.
    """
    metric, _, treatment = pairing
    curves = [
        view.followed(metric, variant).curve(
            day, plan.settle_days, known_by=known_by, first_day=first_day, last_day=last_day
        )
        for variant in (plan.control, treatment)
    ]
    contrast = _compare_followed(curves)
    if isinstance(contrast, Inconclusive):
        return contrast
    spreads = (_spread(curves[0]), _spread(curves[1]))
    planned = _planned_followed_information(plan, view, treatment, day, spreads)
    return Reading(
        contrast,
        fraction=1 / (contrast.standard_error**2 * planned),
        may_test=all(_passes_gate(plan, curve) for curve in curves),
    )


def read(plan: AnalysisPlan, view: CellView, pairing: Pairing, day: int) -> Reading | Inconclusive:
    """Read one comparison as it stands when shop day `day` has closed.

    Args:
        plan: the plan.
        view: the cells, of this day or of a later one.
        pairing: what is compared.
        day: last closed shop day, days since 1970-01-01.
    """
    if pairing.metric.is_followed:
        return read_followed(plan, view, pairing, day)
    return read_moments(plan, view, pairing, last_mature_day(plan, pairing.metric, day))


def observed_amount(plan: AnalysisPlan, view: CellView, pairing: Pairing, day: int) -> float:
    """How much had been observed by a day; grows exactly when new units or days of follow-up have come.

    Returns:
        Moments: harmonic units 1 / (1/n_C + 1/n_T), to which information is proportional at equal variance.
        Followed metrics: followed unit-days of both arms.
    """
    metric, label, treatment = pairing
    arms = (plan.control, treatment)
    if metric.is_followed:
        triangles = [view.followed(metric, variant) for variant in arms]
        return float(sum(triangle.followed_days(day, plan.settle_days) for triangle in triangles))
    last_day = last_mature_day(plan, metric, day)
    n_c, n_t = (view.moments(label, variant, last_day).units for variant in arms)
    return n_c * n_t / (n_c + n_t) if n_c and n_t else 0.0


def noninferiority_z(metric: Metric, contrast: Contrast, margin: float) -> float:
    """Z of treatment − (control − m·|control|), positive when the treatment is not worse than the margin.

    Args:
        metric: its direction mirrors the test for metrics that should fall.
        contrast: the two arms.
        margin: m, a share of control's mean.
    """
    rises = metric.direction == "increase"
    shrinks = rises == (contrast.control.mean >= 0)
    z = contrast.noninferiority_z(1 - margin if shrinks else 1 + margin)
    return z if rises else -z


def _compare(
    plan: AnalysisPlan, metric: Metric, control: Moments, treated: Moments
) -> Contrast | Inconclusive:
    if metric.kind == "proportion":
        return compare_proportions(control, treated)
    if metric.kind == "ratio":
        return compare_ratios(control, treated)
    return compare_means(control, treated, pooled=has_uneven_weights(plan))


def _buyers(metric: Metric, moments: Moments) -> int:
    return moments.total if metric.kind == "proportion" else moments.buyers


def _raw_difference(metric: Metric, control: Moments, treated: Moments) -> float:
    if metric.kind == "ratio":
        return treated.raw_total / treated.denominator - control.raw_total / control.denominator
    return treated.raw_total / treated.units - control.raw_total / control.units


def _compare_followed(curves: Sequence[Curve]) -> Contrast | Inconclusive:
    control, treated = curves
    if isinstance(control, RecurrenceCurve) and isinstance(treated, RecurrenceCurve):
        return compare_recurrence(control, treated)
    if isinstance(control, SurvivalCurve) and isinstance(treated, SurvivalCurve):
        return compare_survival(control, treated)
    raise TypeError("both arms of a comparison are read by one kind of curve")


def _spread(curve: Curve) -> float:
    """Variance of one unit followed to the end of the window."""
    arm = curve.arm()
    if arm is None:
        return 0.0
    if isinstance(curve, RecurrenceCurve):
        spread = curve.unit_variance
        return spread if spread > 0 else arm.variance * arm.n
    return arm.mean * (1 - arm.mean)


def _passes_gate(plan: AnalysisPlan, curve: Curve) -> bool:
    buyers = curve.least_buyers if isinstance(curve, RecurrenceCurve) else int(curve.events.sum())
    return int(curve.at_risk[-1]) >= GATE_AT_RISK and buyers >= gate_buyers(plan)


def _planned_followed_information(
    plan: AnalysisPlan, view: CellView, treatment: str, day: int, spreads: tuple[float, float]
) -> float:
    entered = [view.entries(variant, day) for variant in (plan.control, treatment)]
    eligible = sum(e.triggered for e in entered) / sum(e.units for e in entered)
    arms = zip((plan.control, treatment), spreads, strict=True)
    return 1 / sum(
        spread / (plan.planned_units * plan.weight(variant) * eligible) for variant, spread in arms
    )
