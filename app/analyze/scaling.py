"""Results of values that were counted as whole numbers over a power of ten, put back on their own scale."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stats.results import AtStop, Comparison, Look, MetricResult, Reason, Result, VariantSummary

_LOOK_AMOUNTS = ("difference", "standard_error", "interval_low", "interval_high", "raw_difference")
_REASON_AMOUNTS = ("difference", "low", "high")


def unscaled(result: Result, scales: Mapping[str, float]) -> Result:
    """The same result with every amount divided by its metric's scale; z, p and shares do not change.

    Args:
        result: made from values times their scale.
        scales: metric label → scale.
    """
    if all(scale == 1 for scale in scales.values()):
        return result
    labels = {metric.key: f"{metric.key}:{metric.window_days}" for metric in result.metrics}
    reasons = tuple(_reason(reason, scales, labels) for reason in result.verdict.reasons)
    return replace(
        result,
        metrics=tuple(_metric(metric, scales[labels[metric.key]]) for metric in result.metrics),
        looks=tuple(_look(look, scales[look.metric]) for look in result.looks),
        verdict=replace(result.verdict, reasons=reasons),
    )


def _over(value: Any, scale: float) -> Any:
    if value is None:
        return None
    if isinstance(value, tuple):
        return tuple(_over(part, scale) for part in value)
    return value / scale


def _metric(metric: MetricResult, scale: float) -> MetricResult:
    return replace(
        metric,
        variants=tuple(_variant(variant, scale) for variant in metric.variants),
        comparisons=tuple(_comparison(comparison, scale) for comparison in metric.comparisons),
    )


def _variant(variant: VariantSummary, scale: float) -> VariantSummary:
    return replace(
        variant,
        mean=_over(variant.mean, scale),
        standard_error=_over(variant.standard_error, scale),
        capped_mean=_over(variant.capped_mean, scale),
        total=variant.total if scale == 1 else variant.total / scale,
    )


def _comparison(comparison: Comparison, scale: float) -> Comparison:
    look, at_stop = comparison.look, comparison.at_stop
    return replace(
        comparison,
        difference=_over(comparison.difference, scale),
        interval=_over(comparison.interval, scale),
        anytime_interval=_over(comparison.anytime_interval, scale),
        raw_difference=_over(comparison.raw_difference, scale),
        look=None if look is None else replace(look, information=look.information * scale**2),
        at_stop=None if at_stop is None else _at_stop(at_stop, scale),
    )


def _at_stop(at_stop: AtStop, scale: float) -> AtStop:
    low, high = at_stop.interval
    return replace(at_stop, difference=at_stop.difference / scale, interval=(low / scale, high / scale))


def _look(look: Look, scale: float) -> Look:
    amounts = {name: _over(getattr(look, name), scale) for name in _LOOK_AMOUNTS}
    return replace(look, information=look.information * scale**2, **amounts)


def _reason(reason: Reason, scales: Mapping[str, float], labels: Mapping[str, str]) -> Reason:
    scale = scales.get(str(reason.params.get("label") or labels.get(str(reason.params.get("metric")), "")))
    if scale is None:
        return reason
    amounts = {name: _over(reason.params[name], scale) for name in _REASON_AMOUNTS if name in reason.params}
    return replace(reason, params=reason.params | amounts)
