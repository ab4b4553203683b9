"""What a verdict is made from, and the numbers its sentences need."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from scipy import special

from stats.family import Address, Closed, closed_testing
from stats.plan import AnalysisPlan, Metric
from stats.readings import cell_labels
from stats.results import Comparison, Look, MetricResult, Trust

Claim = Literal["good", "bad"]


@dataclass(frozen=True)
class Evidence:
    """Everything a verdict is made from.

    Attributes:
        plan: the plan.
        metrics: results as shown.
        looks: all looks so far, in order.
        trust: the checks.
        ended: all planned entry is in and has matured, so nothing more will come.
        restated: (label, treatment) of crossed looks that restated data no longer support.
        fading: (label, treatment) whose effect was larger in the first week of entry than later (p < 0.01).
        progress: figures of `Result.progress`; `monthly_units` turns a difference into money a month.
    """

    plan: AnalysisPlan
    metrics: tuple[MetricResult, ...]
    looks: Sequence[Look]
    trust: Trust
    ended: bool = False
    restated: frozenset[Address] = frozenset()
    fading: frozenset[Address] = frozenset()
    progress: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def closed(self) -> Closed:
        """The crossings after closed testing."""
        return closed_testing(self.plan, self.looks)

    def claim(self, metric: Metric, treatment: str) -> Claim | None:
        """What the looks have proven about a metric; see `claim`."""
        return claim(self.plan, self.closed, metric, treatment)


def claim(plan: AnalysisPlan, closed: Closed, metric: Metric, treatment: str) -> Claim | None:
    """What the looks have proven about a metric, closed testing included: a crossing stays a crossing.

    Args:
        plan: the plan.
        closed: the crossings after closed testing.
        metric: the metric; with an unknown margin both ends must agree.
        treatment: the variant compared with control.

    Returns:
        `bad` when the harm half has been crossed, else `good` when the roll-out half has, else None.
    """
    good = "upper" if metric.direction == "increase" else "lower"
    crossed = [closed.crossings.get((label, treatment), ()) for label in cell_labels(plan, metric)]
    sides = [{"good" if crossing.side == good else "bad" for crossing in end} for end in crossed]
    if all("bad" in found for found in sides):
        return "bad"
    return "good" if all("good" in found for found in sides) else None


def roll_out_boundary(evidence: Evidence, metric: Metric, treatment: str) -> float:
    """The last boundary of the roll-out half; before one, the fixed-size z."""
    good = "upper" if metric.direction == "increase" else "lower"
    labels = cell_labels(evidence.plan, metric)
    found = [
        getattr(look, good)
        for look in evidence.looks
        if look.treatment == treatment and look.metric in labels and getattr(look, good) is not None
    ]
    return abs(found[-1]) if found else -float(special.ndtri(evidence.plan.alpha / 2))


def numbers_of(evidence: Evidence, metric: Metric, treatment: str) -> dict[str, Any]:
    """What a sentence about one comparison may say.

    Args:
        evidence: the results.
        metric: the metric.
        treatment: the variant compared with control.

    Returns:
        metric, label, variant; where the comparison is shown also unit, direction, difference, low, high,
        uplift, pvalue and inconclusive; and money a month (`monthly_point`, `monthly_low`, `monthly_high`,
        minor units of `currency`, of the metric `monthly_of`): of the metric itself where it is money, else
        of profit.
    """
    numbers: dict[str, Any] = {"metric": metric.key, "label": metric.label, "variant": treatment}
    comparison, result = comparison_of(evidence, metric, treatment), result_of(evidence, metric)
    if comparison is None or result is None:
        return numbers
    low, high = comparison.interval or (None, None)
    return (
        numbers
        | {
            "unit": result.unit,
            "direction": metric.direction,
            "difference": comparison.difference,
            "low": low,
            "high": high,
            "uplift": comparison.uplift,
            "pvalue": comparison.pvalue,
            "inconclusive": comparison.inconclusive,
        }
        | _money_a_month(evidence, metric, treatment)
    )


def _money_a_month(evidence: Evidence, metric: Metric, treatment: str) -> dict[str, Any]:
    """The difference at the shop's traffic: a description, the interval of the comparison decides.

    The point is the uncapped difference, and the repeated interval is moved with it.
    """
    profits = (m for m in evidence.plan.metrics if m.key == "profit_per_unit")
    source = metric if metric.money and metric.kind == "mean" else next(profits, None)
    comparison = comparison_of(evidence, source, treatment) if source else None
    units = evidence.progress.get("monthly_units")
    if source is None or comparison is None or comparison.difference is None or not units:
        return {}
    raw = comparison.raw_difference
    shift = 0.0 if raw is None else raw - comparison.difference
    low, high = comparison.interval or (None, None)
    ends = {"monthly_point": comparison.difference, "monthly_low": low, "monthly_high": high}
    money = {name: None if end is None else round((end + shift) * units) for name, end in ends.items()}
    return {"currency": evidence.plan.currency, "monthly_of": source.key, **money}


def result_of(evidence: Evidence, metric: Metric) -> MetricResult | None:
    """The shown result of a metric, or None."""
    return next(
        (r for r in evidence.metrics if (r.key, r.window_days) == (metric.key, metric.window_days)), None
    )


def comparison_of(evidence: Evidence, metric: Metric, treatment: str) -> Comparison | None:
    """The shown comparison of a metric and treatment, or None."""
    result = result_of(evidence, metric)
    return next((c for c in result.comparisons if c.treatment == treatment), None) if result else None
