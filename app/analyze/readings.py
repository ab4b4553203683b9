"""Readings of whole arms (n, mean, variance) → looks and the one result object."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from app.analyze.numbers import moments_from, scale_for, shares_from
from app.analyze.scaling import unscaled
from app.results.document import encode, with_words
from stats.analysis import analyse
from stats.cells import EntryCell
from stats.cumulative import CumulativeView
from stats.looks import LookBook
from stats.plan import AnalysisPlan, Metric
from stats.results import Comparison, Look, MetricResult, Result
from stats.shop_days import day_number
from stats.summaries import Moments


@dataclass(frozen=True)
class ArmReading:
    """One arm at one moment.

    Attributes:
        n: units so far.
        mean: of one unit.
        variance: of one unit; shares have none of their own.
    """

    n: int
    mean: Fraction
    variance: Fraction = Fraction(0)


@dataclass
class Readings:
    """All readings of an experiment.

    Attributes:
        moments: what each reading number (from 0) is called: an ISO date or time.
        arms: by metric key and reading number, the reading of each variant.
        counts: units by reading number and variant, for the sample ratio.
        reasons: metric key → why it has no reading at all.
    """

    moments: tuple[str, ...]
    arms: dict[str, dict[int, dict[str, ArmReading]]] = field(default_factory=dict)
    counts: dict[int, dict[str, int]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, metric: str, number: int, arms: Mapping[str, ArmReading]) -> None:
        """Take in one reading of one metric."""
        self.arms.setdefault(metric, {})[number] = dict(arms)
        known = self.counts.setdefault(number, {})
        for variant, arm in arms.items():
            known[variant] = max(known.get(variant, 0), arm.n)


def result_of(plan: AnalysisPlan, readings: Readings, unusable: dict[str, Any]) -> tuple[Result, bytes]:
    """The result of all readings, every one a look where it brings new units.

    Args:
        plan: metrics of kind `proportion` and `mean`.
        readings: what was read.
        unusable: what could not be used, for the document.

    Returns:
        The result and its JSON document.
    """
    scales = {metric.label: _scale(metric, readings) for metric in plan.metrics}
    view = CumulativeView(_entries(readings), _moments(plan, readings, scales))
    book, looks = LookBook(plan), list[Look]()
    last = max(readings.counts, default=0)
    for number in sorted(readings.counts):
        looks += book.close(number, view, final=number == last)
    moment = readings.moments[last] if readings.moments else "1970-01-01"
    result = analyse(
        plan,
        view,
        looks,
        as_of=moment,
        as_of_day=last,
        inputs_sha256=_digest(readings),
        state="stopped",
    )
    named = _with_reasons(_named(unscaled(result, scales), readings.moments), readings.reasons)
    found = replace(with_words(named), unusable=unusable)
    return found, encode(found)


def _scale(metric: Metric, readings: Readings) -> int:
    if metric.kind == "proportion":
        return 1
    found = readings.arms.get(metric.key, {}).values()
    return scale_for([arm.variance for arms in found for arm in arms.values()])


def _moments(
    plan: AnalysisPlan, readings: Readings, scales: Mapping[str, int]
) -> dict[tuple[str, str], list[tuple[int, Moments]]]:
    return {
        (metric.label, variant): [
            (number, _sums(metric, arms[variant], scales[metric.label]))
            for number, arms in sorted(readings.arms.get(metric.key, {}).items())
            if variant in arms
        ]
        for metric in plan.metrics
        for variant in plan.variants
    }


def _sums(metric: Metric, arm: ArmReading, scale: int) -> Moments:
    if metric.kind == "proportion":
        return shares_from(arm.n, round(arm.mean * arm.n))
    return moments_from(arm.n, arm.mean, arm.variance, scale)


def _entries(readings: Readings) -> list[EntryCell]:
    """Units that are new at each reading; a count that falls adds none."""
    seen: dict[str, int] = {}
    cells = []
    for number, counts in sorted(readings.counts.items()):
        for variant, units in counts.items():
            new = max(0, units - seen.get(variant, 0))
            seen[variant] = seen.get(variant, 0) + new
            cells.append(EntryCell(variant, number, new, 0, 0))
    return cells


def _named(result: Result, moments: Sequence[str]) -> Result:
    """The same result with reading numbers called by their moments; durations in days are unknown."""
    progress = result.progress | dict.fromkeys(
        ("first_look_day", "planned_end", "expected_days_left", "monthly_units")
    )
    last = progress["last_look"]
    return replace(
        result,
        metrics=tuple(
            replace(metric, comparisons=tuple(_named_comparison(c, moments) for c in metric.comparisons))
            for metric in result.metrics
        ),
        looks=tuple(replace(look, day=moments[day_number(look.day)]) for look in result.looks),
        progress=progress | {"last_look": None if last is None else moments[day_number(last)]},
    )


def _named_comparison(comparison: Comparison, moments: Sequence[str]) -> Comparison:
    look = comparison.look
    if look is None:
        return comparison
    return replace(comparison, look=replace(look, day=moments[day_number(look.day)]))


def _with_reasons(result: Result, reasons: Mapping[str, str]) -> Result:
    """Metrics without any reading say why."""
    return replace(result, metrics=tuple(_with_reason(m, reasons.get(m.key)) for m in result.metrics))


def _with_reason(metric: MetricResult, reason: str | None) -> MetricResult:
    if reason is None:
        return metric
    return replace(metric, comparisons=tuple(replace(c, inconclusive=reason) for c in metric.comparisons))


def _digest(readings: Readings) -> str:
    """SHA-256 over the readings used, whatever the order of the rows."""
    lines = [
        f"{metric}\x1f{readings.moments[number]}\x1f{variant}\x1f{arm.n}\x1f{arm.mean}\x1f{arm.variance}"
        for metric, by_number in readings.arms.items()
        for number, arms in by_number.items()
        for variant, arm in arms.items()
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
