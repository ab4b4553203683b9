"""What to do, and why: a pure function from results to one of five states with coded reasons.

Never rolled out: a winner in sales whose profit is shown to fall. Never trusted: anything under a red check.
Never "no difference" unless the interval lies inside the margin.
"""

import math
from dataclasses import dataclass

from scipy import special

from stats.evidence import Evidence, comparison_of, numbers_of, result_of, roll_out_boundary
from stats.plan import Metric
from stats.readings import cell_labels
from stats.results import Reason, Verdict, VerdictState

_NO_LOOK = "no_look_yet"


@dataclass(frozen=True)
class _Opinion:
    state: VerdictState
    reasons: tuple[Reason, ...]
    treatment: str
    gain: float = 0.0


def judge(evidence: Evidence) -> Verdict:
    """The verdict of an experiment.

    Args:
        evidence: results, looks and checks.

    Returns:
        State, the variant it speaks of (roll-out only) and reasons with the numbers a sentence needs. Each
        treatment is judged by itself; then the first of these that any of them reached counts: roll_out (the
        largest gain), collecting, keep_control, no_difference.
    """
    red = _red_reasons(evidence)
    if red:
        return Verdict("do_not_trust", red)
    opinions = [_judge_treatment(evidence, treatment) for treatment in evidence.plan.treatments]
    winners = [opinion for opinion in opinions if opinion.state == "roll_out"]
    if winners:
        best = max(winners, key=lambda opinion: opinion.gain)
        return Verdict("roll_out", best.reasons, best.treatment)
    order: tuple[VerdictState, ...] = ("collecting", "keep_control", "no_difference")
    state = next(state for state in order if any(o.state == state for o in opinions))
    return Verdict(state, tuple(reason for opinion in opinions for reason in opinion.reasons))


def conditional_power(z: float, fraction: float, boundary: float, final_fraction: float) -> float:
    """Chance that z exceeds a boundary at a later time if the trend goes on as it is.

    Args:
        z: standardised difference now, in the good direction.
        fraction: t now, above 0.
        boundary: z to exceed at the end.
        final_fraction: t of the end, ≥ t now.

    Returns:
        Φ((z·t₁/√t − b·√t₁) / √(t₁ − t)), the Brownian formula at the estimated drift.

    Source: Lan & Wittes (1988), Biometrics 44.

    >>> round(conditional_power(z=2.0, fraction=0.5, boundary=2.0, final_fraction=1.0), 4)
    0.8793
    """
    left = final_fraction - fraction
    mean = z * final_fraction / math.sqrt(fraction)
    if left <= 0:
        return 1.0 if z >= boundary else 0.0
    return float(special.ndtr((mean - boundary * math.sqrt(final_fraction)) / math.sqrt(left)))


def _red_reasons(evidence: Evidence) -> tuple[Reason, ...]:
    reasons = [
        Reason(check.key, {"count": check.count, "detail": check.detail})
        for check in evidence.trust.checks
        if check.status == "stop"
    ]
    if evidence.trust.status == "stop" and not reasons:
        reasons.append(Reason("untrusted"))
    for label, treatment in sorted(evidence.restated):
        reasons.append(Reason("restated", {"metric": label, "variant": treatment}))
    return tuple(reasons)


def _judge_treatment(evidence: Evidence, treatment: str) -> _Opinion:
    plan = evidence.plan
    primaries = [metric for metric in plan.metrics if metric.role == "primary"]
    claims = {metric: evidence.claim(metric, treatment) for metric in primaries}
    harmed = [metric for metric, found in claims.items() if found == "bad"]
    if harmed:
        reasons = tuple(Reason("harm", numbers_of(evidence, metric, treatment)) for metric in harmed)
        return _Opinion("keep_control", reasons, treatment)
    won = [metric for metric, found in claims.items() if found == "good"]
    if won:
        return _judge_winner(evidence, treatment, won)
    if evidence.ended and any(_was_read(evidence, metric, treatment) for metric in primaries):
        return _judge_ended(evidence, treatment, primaries)
    return _Opinion("collecting", (_why_collecting(evidence, treatment, primaries[0]),), treatment)


def _was_read(evidence: Evidence, metric: Metric, treatment: str) -> bool:
    """Whether there ever was a look: without one the end of a test says nothing about its offers."""
    comparison = comparison_of(evidence, metric, treatment)
    return comparison is not None and comparison.look is not None


def _judge_winner(evidence: Evidence, treatment: str, won: list[Metric]) -> _Opinion:
    """A primary has crossed: roll out unless something stands against it."""
    crossed = tuple(Reason("crossed", numbers_of(evidence, metric, treatment)) for metric in won)
    blockers = _blockers(evidence, treatment, won)
    if not blockers:
        comparison = comparison_of(evidence, won[0], treatment)
        gain = abs(comparison.difference or 0.0) if comparison else 0.0
        return _Opinion("roll_out", crossed, treatment, gain)
    if any(reason.code == "profit_falls" for reason in blockers):
        return _Opinion("keep_control", blockers + crossed, treatment)
    if evidence.ended:
        unproven = Reason("not_proven", numbers_of(evidence, won[0], treatment) | {"crossed": True})
        return _Opinion("keep_control", (*blockers, unproven), treatment)
    return _Opinion("collecting", blockers + crossed, treatment)


def _judge_ended(evidence: Evidence, treatment: str, primaries: list[Metric]) -> _Opinion:
    """The last word without a crossing."""
    equal = all(_inside_margin(evidence, metric, treatment) for metric in primaries)
    state: VerdictState = "no_difference" if equal else "keep_control"
    code = "inside_margin" if equal else "not_proven"
    reasons = [Reason(code, numbers_of(evidence, metric, treatment)) for metric in primaries]
    if equal:
        reasons += _falling_profit(evidence, treatment)
    return _Opinion(state, tuple(reasons), treatment)


def _falling_profit(evidence: Evidence, treatment: str) -> list[Reason]:
    """Offers that sell alike may earn differently: said where the fall is proven."""
    profits = [metric for metric in evidence.plan.metrics if metric.key == "profit_per_unit"]
    fallen = [metric for metric in profits if evidence.claim(metric, treatment) == "bad"]
    return [Reason("profit_falls", numbers_of(evidence, metric, treatment)) for metric in fallen]


def _blockers(evidence: Evidence, treatment: str, won: list[Metric]) -> tuple[Reason, ...]:
    plan = evidence.plan
    reasons: list[Reason] = []
    for metric in plan.metrics:
        if metric.key == "profit_per_unit":
            reasons += _profit_blockers(evidence, metric, treatment)
        if metric.role == "guardrail" and not _guardrail_passed(evidence, metric, treatment):
            harmed = {"harmed": True} if evidence.claim(metric, treatment) == "bad" else {}
            reasons.append(Reason("guardrail_not_passed", numbers_of(evidence, metric, treatment) | harmed))
    for metric in won:
        if any((label, treatment) in evidence.fading for label in cell_labels(plan, metric)):
            reasons.append(Reason("effect_fades", numbers_of(evidence, metric, treatment)))
    money = dict.fromkeys([*won, *(m for m in plan.metrics if m.key == "profit_per_unit")])
    reasons += [
        Reason("capped_uncapped_disagree", numbers_of(evidence, metric, treatment))
        for metric in money
        if metric.money and _signs_disagree(evidence, metric, treatment)
    ]
    return tuple(reasons)


def _profit_blockers(evidence: Evidence, metric: Metric, treatment: str) -> list[Reason]:
    numbers = numbers_of(evidence, metric, treatment)
    if evidence.claim(metric, treatment) == "bad":
        return [Reason("profit_falls", numbers)]
    comparison = comparison_of(evidence, metric, treatment)
    known = comparison is not None and comparison.difference is not None
    labels = cell_labels(evidence.plan, metric)
    if known and (len(labels) == 1 or _worst_end(evidence, labels, treatment) > 0):
        return []
    return [Reason("profit_unknown", numbers)]


def _worst_end(evidence: Evidence, labels: tuple[str, ...], treatment: str) -> float:
    """Smallest difference over both ends of an unknown margin, at their last looks."""
    last = {look.metric: look.difference for look in evidence.looks if look.treatment == treatment}
    return min(last.get(label, -math.inf) for label in labels)


def _guardrail_passed(evidence: Evidence, metric: Metric, treatment: str) -> bool:
    comparison = comparison_of(evidence, metric, treatment)
    if comparison is None or evidence.claim(metric, treatment) == "bad":
        return False
    return metric.non_inferiority_margin is None or bool(comparison.guardrail_passed)


def _signs_disagree(evidence: Evidence, metric: Metric, treatment: str) -> bool:
    labels = cell_labels(evidence.plan, metric)
    last = {look.metric: look for look in evidence.looks if look.treatment == treatment}
    return any(
        last[label].difference * (last[label].raw_difference or 0.0) < 0 for label in labels if label in last
    )


def _inside_margin(evidence: Evidence, metric: Metric, treatment: str) -> bool:
    """Whether the repeated interval lies inside ± mde × control's mean."""
    comparison = comparison_of(evidence, metric, treatment)
    result = result_of(evidence, metric)
    if comparison is None or comparison.interval is None or result is None:
        return False
    low, high = comparison.interval
    summary = next((v for v in result.variants if v.variant == evidence.plan.control), None)
    mean = (
        None if summary is None else summary.capped_mean if summary.capped_mean is not None else summary.mean
    )
    if low is None or high is None or mean is None:
        return False
    margin = evidence.plan.mde * abs(mean)
    return -margin < low and high < margin


def _why_collecting(evidence: Evidence, treatment: str, primary: Metric) -> Reason:
    comparison = comparison_of(evidence, primary, treatment)
    numbers = numbers_of(evidence, primary, treatment)
    if comparison is None or comparison.look is None:
        code = comparison.inconclusive if comparison and comparison.inconclusive else _NO_LOOK
        return Reason(code, numbers)
    if comparison.inconclusive is not None:
        return Reason(comparison.inconclusive, numbers)
    look = comparison.look
    final = 1.0 if look.fraction < 1 else 2 * look.fraction
    z = look.z if primary.direction == "increase" else -look.z
    boundary = roll_out_boundary(evidence, primary, treatment)
    chance = conditional_power(z, look.fraction, boundary, final)
    code = "in_progress" if look.fraction < 1 else "plan_reached"
    return Reason(code, numbers | {"chance": chance, "fraction": look.fraction})
