"""What a verdict tells of: one comparison, its size and its interval, as a clause of a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.wording.amounts import amounts_of
from dashboards.wording.language import Words, mark
from dashboards.wording.metrics import metric_name
from stats.results import Comparison, MetricResult, Reason, Result

PROFIT = "profit_per_unit"

# Keyed by whether the metric is profit and by the side of zero on which the whole interval lies.
_EFFECTS = {
    (True, "up"): mark("“%(variant)s” earns %(amount)s more per visitor, %(interval)s"),
    (True, "down"): mark("“%(variant)s” earns %(amount)s less per visitor (difference %(interval)s)"),
    (False, "up"): mark("“%(variant)s” raises %(metric)s by %(amount)s, %(interval)s"),
    (False, "down"): mark("“%(variant)s” lowers %(metric)s by %(amount)s (difference %(interval)s)"),
}
_OPEN_EFFECT = mark("the difference of “%(variant)s” in %(metric)s is %(amount)s, %(interval)s")


@dataclass(frozen=True, slots=True)
class Finding:
    """A comparison to be told.

    Attributes:
        metric: the metric compared.
        variant: key of the treatment.
        difference: treatment − control per unit, in the metric's unit.
        low: lower end of its interval, or None.
        high: upper end of its interval, or None.
    """

    metric: MetricResult
    variant: str
    difference: float
    low: float | None
    high: float | None

    @property
    def side(self) -> str:
        """`up` or `down` when the interval leaves zero out (only then may a sentence claim it), else open."""
        if self.low is not None and self.low > 0:
            return "up"
        return "down" if self.high is not None and self.high < 0 else "open"


def metric_of(result: Result, key: str | None) -> MetricResult | None:
    """The metric of a key or of a label `key:window`, or None."""
    matches = (m for m in result.metrics if key in (m.key, m.label))
    return next(matches, None)


def comparison_for(metric: MetricResult, variant: str | None) -> Comparison | None:
    """The comparison of a variant; without one, the first that has a number."""
    matching = [c for c in metric.comparisons if variant in (None, c.treatment)]
    pool = matching or list(metric.comparisons)
    return next((c for c in pool if c.difference is not None), pool[0] if pool else None)


def finding_from(metric: MetricResult, comparison: Comparison | None) -> Finding | None:
    """What the last look of a comparison found, or None before it."""
    if comparison is None or comparison.difference is None:
        return None
    low, high = comparison.interval or (None, None)
    return Finding(metric, comparison.treatment, comparison.difference, low, high)


def finding_of(result: Result, reason: Reason) -> Finding | None:
    """What a reason tells: its own numbers first, the last look of its comparison otherwise."""
    metric = metric_of(result, reason.params.get("metric")) or _primary(result)
    if metric is None:
        return None
    variant = reason.params.get("variant") or result.verdict.variant
    found = finding_from(metric, comparison_for(metric, variant))
    if reason.params.get("difference") is None:
        return found
    name = variant or (found.variant if found else "")
    ends = (reason.params.get("low"), reason.params.get("high"))
    return Finding(metric, name, float(reason.params["difference"]), *ends)


def _primary(result: Result) -> MetricResult | None:
    return next((metric for metric in result.metrics if metric.role == "primary"), None)


def effect_clause(
    finding: Finding | None, words: Words, names: Mapping[str, str], currency: str | None
) -> str:
    """The clause with difference and interval, without a full stop; empty when there is no number."""
    if finding is None:
        return ""
    amounts = amounts_of(words, finding.metric, currency)
    shown = finding.difference if finding.side == "open" else abs(finding.difference)
    said = {
        "variant": names.get(finding.variant, finding.variant),
        "amount": amounts.spoken(shown, finding.low, finding.high, signed=finding.side == "open"),
        "metric": metric_name(words, finding.metric.key, finding.metric.about),
        "interval": _interval(finding, words, currency),
    }
    message = _EFFECTS.get((finding.metric.key == PROFIT, finding.side), _OPEN_EFFECT)
    return words.gettext(message) % said


def _interval(finding: Finding, words: Words, currency: str | None) -> str:
    amounts = amounts_of(words, finding.metric, currency)
    all_ends = (finding.difference, finding.low, finding.high)
    low, high = (None if end is None else amounts.bare(end, *all_ends) for end in (finding.low, finding.high))
    if low is not None and high is not None:
        return words.gettext("between %(low)s and %(high)s", low=low, high=high)
    if low is not None:
        return words.gettext("at least %(low)s", low=low)
    if high is not None:
        return words.gettext("at most %(high)s", high=high)
    return words.gettext("interval not yet known")
