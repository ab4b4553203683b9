"""Kaplan–Meier curves: share of buyers who have ordered again by each age, one curve per variant."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.figures.frame import Figure, figure, safe_name, title
from dashboards.palette import DASHES, translucent, variant_colours
from dashboards.wording.language import Words
from stats.results import CurvePoint, MetricResult

_BAND_OPACITY = 0.13


def repeat_curves(metric: MetricResult, words: Words, names: Mapping[str, str]) -> Figure | None:
    """Step curves with pointwise 95 % bands.

    Args:
        metric: a survival metric with `curves`.
        words: language of titles and hovers.
        names: names of variants by key.

    Returns:
        A figure, or None when no variant has a curve.
    """
    variants = tuple(variant for variant, points in metric.curves.items() if points)
    if not variants:
        return None
    control = metric.comparisons[0].control if metric.comparisons else None
    colours = variant_colours(variants, control)
    traces = [
        trace
        for place, variant in enumerate(variants)
        for trace in _curve(place, names.get(variant, variant), metric.curves[variant], colours[variant])
    ]
    x_axis = {"title": title(words.gettext("Days since the first order")), "rangemode": "tozero"}
    y_axis = {"title": title(words.gettext("Ordered again")), "ticksuffix": "%"}
    return figure(traces, x_axis, y_axis)


def _curve(place: int, name: str, points: Sequence[CurvePoint], colour: str) -> list[dict[str, Any]]:
    ages = [point.age for point in points]
    step: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": ages, "legendgroup": f"curve-{place}"}
    invisible = {"showlegend": False, "hoverinfo": "skip", "line": {"shape": "hv", "width": 0}}
    return [
        {**step, **invisible, "y": [_percent(point.low) for point in points]},
        {
            **step,
            **invisible,
            "y": [_percent(point.high) for point in points],
            "fill": "tonexty",
            "fillcolor": translucent(colour, _BAND_OPACITY),
        },
        {
            **step,
            "name": safe_name(name),
            "y": [_percent(point.share) for point in points],
            "line": {"color": colour, "width": 2.5, "shape": "hv", "dash": DASHES[place % len(DASHES)]},
            "hovertemplate": "%{x}: <b>%{y:.1f}%</b><extra>%{fullData.name}</extra>",
        },
    ]


def _percent(share: float) -> float:
    return round(share * 100, 4)
