"""What is shown of one comparison: what its last look left, with the live interval beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from stats.contrasts import uplift
from stats.evidence import Claim, claim
from stats.family import family_pvalue, level
from stats.plan import AnalysisPlan, Metric
from stats.readings import Pairing, Reading, cell_labels, read
from stats.results import AtStop, Comparison, Inconclusive, Look, LookSummary
from stats.sequential.confidence_sequences import asymptotic_half_width, tuned_rho
from stats.sequential.group_sequential import repeated_pvalue
from stats.sequential.spending import parse_spending
from stats.sequential.stage_wise import StageWise, stage_wise_estimate
from stats.shop_days import day_number
from stats.variants import Scene, middle

_PROVEN: dict[Claim | None, Literal["better", "worse"] | None] = {
    "good": "better",
    "bad": "worse",
    None: None,
}


def compare(scene: Scene, metric: Metric, treatment: str) -> Comparison:
    """One treatment against control on one metric.

    With an unknown margin both ends are computed; shown are the middle of the points, the union of the
    intervals and the larger p-value.

    Args:
        scene: plan, cells, looks and day.
        metric: one of the plan's metrics.
        treatment: the variant compared with control.

    Returns:
        The comparison of the last look; `inconclusive` is `no_look_yet`, `no_variance`, `below_minimum` or
        why money is unknown.
    """
    labels = cell_labels(scene.plan, metric)
    ends = [_end_comparison(scene, Pairing(metric, label, treatment)) for label in labels]
    shown = ends[0] if len(ends) == 1 else _union(metric, ends[0], ends[1])
    return replace(shown, proven=_PROVEN[claim(scene.plan, scene.closed, metric, treatment)])


def _end_comparison(scene: Scene, pairing: Pairing) -> Comparison:
    """One comparison as its last look left it, with the live interval beside it."""
    now = read(scene.plan, scene.view, pairing, scene.as_of_day)
    looks = scene.looks_of(pairing.label, pairing.treatment)
    blank = Comparison(pairing.treatment, scene.plan.control, None, None, None, None, None, None, None)
    if isinstance(now, Inconclusive) and now.reason not in {"no_units", "no_variance"}:
        return replace(blank, inconclusive=now.reason)
    live = None if isinstance(now, Inconclusive) else _anytime_interval(scene, pairing, now)
    if not looks:
        same = isinstance(now, Inconclusive) and now.reason == "no_variance"
        return replace(blank, anytime_interval=live, inconclusive="no_variance" if same else "no_look_yet")
    last = looks[-1]
    shown = replace(
        blank,
        difference=last.difference,
        look=_look_summary(last),
        anytime_interval=live,
        raw_difference=last.raw_difference,
        guardrail_passed=_guardrail_passed(looks),
    )
    if last.interval_low is None and last.interval_high is None:
        return replace(shown, inconclusive="below_minimum")
    return _with_inference(scene, pairing, looks, shown)


def _with_inference(scene: Scene, pairing: Pairing, looks: Sequence[Look], shown: Comparison) -> Comparison:
    last = looks[-1]
    upper, lower = _last_boundary(looks, "upper"), _last_boundary(looks, "lower")
    then = read(scene.plan, scene.view, pairing, day_number(last.day))
    relative = (
        None
        if isinstance(then, Inconclusive)
        else uplift(then.contrast.control, then.contrast.treatment, upper, None if lower is None else -lower)
    )
    return replace(
        shown,
        interval=(last.interval_low, last.interval_high),
        uplift=relative.point if relative else None,
        uplift_interval=(relative.low, relative.high) if relative else None,
        pvalue=_shown_pvalue(scene, pairing, looks),
        at_stop=_at_stop(scene, pairing),
    )


def _at_stop(scene: Scene, pairing: Pairing) -> AtStop | None:
    """What the first crossing says about the effect, corrected for having stopped there."""
    crossed = scene.closed.crossings.get((pairing.label, pairing.treatment))
    if not crossed:
        return None
    first = min(crossed, key=lambda crossing: crossing.look.number)
    sign = 1.0 if first.side == "upper" else -1.0
    point, low, high = _corrected(sign * first.look.z, first.look.information, first.earlier)
    if sign < 0:
        point, low, high = -point, -high, -low
    return AtStop(first.look.number, first.look.day, point, (low, high))


def _shown_pvalue(scene: Scene, pairing: Pairing, looks: Sequence[Look]) -> float | None:
    """The repeated p-value on the scale of alpha, at the step of closed testing that read the comparison."""
    alone = two_sided_pvalue(scene.plan, looks)
    if alone is None:
        return None
    still_open = scene.closed.open_at.get((pairing.metric.label, pairing.treatment))
    return family_pvalue(scene.plan, pairing.metric, alone, still_open)


def two_sided_pvalue(plan: AnalysisPlan, looks: Sequence[Look]) -> float | None:
    """Repeated p-value of a comparison by itself: the level at which its last look would just have crossed.

    Twice the smaller one-sided p-value of the two halves, each over its own looks.

    Args:
        plan: spending function and open-ended share.
        looks: looks of one comparison, in order.

    Returns:
        A p-value in (0, 1], or None before any half was tested.

    Source: Jennison & Turnbull (2000), section 9.5.
    """
    spending = parse_spending(plan.spending)
    found = []
    for side, sign in (("upper", 1.0), ("lower", -1.0)):
        tested = [look for look in looks if getattr(look, side) is not None]
        if tested:
            history = [(look.information, look.fraction) for look in tested]
            found.append(repeated_pvalue(sign * tested[-1].z, history, spending, plan.open_ended_share))
    return min(1.0, 2 * min(found)) if found else None


@lru_cache(maxsize=1024)
def _corrected(z: float, information: float, earlier: tuple[tuple[float, float], ...]) -> StageWise:
    """Kept because written looks never change while pages ask for the effect at the stop again and again."""
    return stage_wise_estimate(z, information, earlier)


def _last_boundary(looks: Iterable[Look], side: str) -> float | None:
    found = [getattr(look, side) for look in looks if getattr(look, side) is not None]
    return found[-1] if found else None


def _guardrail_passed(looks: Sequence[Look]) -> bool | None:
    """Whether a guardrail's boundary has been exceeded at any look; None before it was tested."""
    answers = [look.noninferiority_passed for look in looks if look.noninferiority_passed is not None]
    return any(answers) if answers else None


def _anytime_interval(scene: Scene, pairing: Pairing, now: Reading) -> tuple[float, float] | None:
    """Asymptotic confidence sequence on the difference, tuned to the planned units of both arms."""
    if not now.may_test:
        return None
    plan, contrast = scene.plan, now.contrast
    n = contrast.control.n + contrast.treatment.n
    variance = (contrast.control.variance + contrast.treatment.variance) * n
    planned = plan.planned_units * (plan.weight(plan.control) + plan.weight(pairing.treatment))
    alpha = level(plan, pairing.metric)
    width = asymptotic_half_width(variance, n, tuned_rho(planned, alpha), alpha)
    return contrast.difference - width, contrast.difference + width


def _look_summary(look: Look) -> LookSummary:
    """The look with the boundary it crossed, else the one its z points at, else the other."""
    toward, other = (look.upper, look.lower) if look.z >= 0 else (look.lower, look.upper)
    crossed = {"upper": look.upper, "lower": look.lower}.get(look.crossed or "")
    boundary = crossed if crossed is not None else toward if toward is not None else other
    return LookSummary(
        number=look.number,
        day=look.day,
        information=look.information,
        fraction=look.fraction,
        z=look.z,
        boundary=boundary,
        alpha_spent=look.alpha_spent_upper + look.alpha_spent_lower,
        crossed=look.crossed is not None,
        side=look.crossed,
        tested=look.tested,
    )


def _union(metric: Metric, low: Comparison, high: Comparison) -> Comparison:
    """Both ends of an unknown margin as one comparison; the look shown is that of the worse end."""
    first = low if low.inconclusive else high
    if low.difference is None or high.difference is None or first.inconclusive:
        return first
    sign = 1 if metric.direction == "increase" else -1
    worse = min((low, high), key=lambda end: sign * (end.look.z if end.look else 0.0))
    passed = None
    if low.guardrail_passed is not None and high.guardrail_passed is not None:
        passed = low.guardrail_passed and high.guardrail_passed
    pvalues = [end.pvalue for end in (low, high) if end.pvalue is not None]
    return replace(
        worse,
        difference=middle(low.difference, high.difference),
        interval=_hull(low.interval, high.interval),
        uplift=middle(low.uplift, high.uplift),
        uplift_interval=_hull(low.uplift_interval, high.uplift_interval),
        pvalue=max(pvalues, default=None),
        anytime_interval=_anytime_hull(low.anytime_interval, high.anytime_interval),
        raw_difference=middle(low.raw_difference, high.raw_difference),
        guardrail_passed=passed,
        at_stop=_at_stop_hull(low.at_stop, high.at_stop),
    )


def _at_stop_hull(a: AtStop | None, b: AtStop | None) -> AtStop | None:
    """Both ends of an unknown margin as one: the later stop, the middle point, the union."""
    if a is None or b is None:
        return None
    later = max(a, b, key=lambda stop: stop.look)
    ends = min(a.interval[0], b.interval[0]), max(a.interval[1], b.interval[1])
    return AtStop(later.look, later.day, (a.difference + b.difference) / 2, ends)


def _anytime_hull(a: tuple[float, float] | None, b: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if a is None or b is None else (min(a[0], b[0]), max(a[1], b[1]))


def _hull(
    a: tuple[float | None, float | None] | None, b: tuple[float | None, float | None] | None
) -> tuple[float | None, float | None] | None:
    """The union of two intervals; an end that is open in one is open in both."""
    if a is None or b is None:
        return None
    low = None if a[0] is None or b[0] is None else min(a[0], b[0])
    high = None if a[1] is None or b[1] is None else max(a[1], b[1])
    return low, high
