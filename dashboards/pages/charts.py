"""Charts of a page, each with the table that says the same without JavaScript."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.figures.effect_over_time import effect_over_time, looks_of
from dashboards.figures.frame import Figure
from dashboards.figures.repeat_curves import repeat_curves
from dashboards.wording.amounts import Amounts, amounts_of
from dashboards.wording.language import Words
from dashboards.wording.metrics import metric_explanation, metric_title
from stats.results import CurvePoint, Look, MetricResult, Result

_WEEK = 7


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its words and its table.

    Attributes:
        key: an id, unique on the page.
        title: heading.
        lead: how to read it, one or two sentences.
        label: what a screen reader says in its place.
        figure: the Plotly figure.
        caption: caption of the table.
        columns: heads of the table's columns.
        rows: cells; the first of each row is its head.
    """

    key: str
    title: str
    lead: str
    label: str
    figure: Figure
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def effect_charts(result: Result, words: Words, names: Mapping[str, str]) -> list[Chart]:
    """Effect over time of each primary metric and of profit, where there are looks."""
    wanted = [
        metric for metric in result.metrics if metric.role == "primary" or metric.key == "profit_per_unit"
    ]
    charts = (_effect_chart(place, result, metric, words, names) for place, metric in enumerate(wanted))
    return [chart for chart in charts if chart is not None]


def _effect_chart(
    place: int, result: Result, metric: MetricResult, words: Words, names: Mapping[str, str]
) -> Chart | None:
    figure = effect_over_time(result, metric, words, names)
    if figure is None:
        return None
    title = metric_title(words, metric.key, metric.about)
    amounts = amounts_of(words, metric, result.currency)
    return Chart(
        key=f"effect-{place}",
        title=title,
        lead=words.gettext(
            "Each point is a look: the difference so far with its repeated interval. "
            "Beyond a boundary it is proven. Zero means no difference."
        ),
        label=words.gettext("Chart: %(title)s, difference at each look", title=title),
        figure=figure,
        caption=words.gettext("Looks: %(title)s", title=title),
        columns=(
            words.gettext("Day"),
            words.gettext("Variant"),
            words.gettext("Difference"),
            words.gettext("Interval"),
            words.gettext("Boundaries"),
            words.gettext("Information"),
            words.gettext("Proven"),
        ),
        rows=tuple(_look_row(look, amounts, names) for look in looks_of(result, metric)),
    )


def _look_row(look: Look, amounts: Amounts, names: Mapping[str, str]) -> tuple[str, ...]:
    formats = amounts.words.formats
    ends = (look.interval_low, look.interval_high)
    bounds = (
        None if look.lower is None else look.lower * look.standard_error,
        None if look.upper is None else look.upper * look.standard_error,
    )
    same = (look.difference, *ends)
    return (
        formats.day(look.day),
        names.get(look.treatment, look.treatment),
        amounts.difference(look.difference, *ends),
        amounts.interval(*ends, look.difference),
        _span(amounts, bounds, same),
        formats.share(look.fraction, 0),
        _proven(look, amounts.words),
    )


def _span(amounts: Amounts, ends: tuple[float | None, float | None], same: tuple[float | None, ...]) -> str:
    """Both boundaries; an untested one is a dash, because “at least” would be said of the wrong thing."""
    if None not in ends:
        return amounts.interval(*ends, *same)
    return " … ".join("–" if end is None else amounts.difference(end, *same) for end in ends)


def _proven(look: Look, words: Words) -> str:
    if look.crossed is None:
        return words.gettext("no")
    return words.gettext("higher") if look.crossed == "upper" else words.gettext("lower")


def curve_charts(result: Result, words: Words, names: Mapping[str, str]) -> list[Chart]:
    """Kaplan–Meier curves of each metric that has them."""
    charts = (_curve_chart(place, metric, words, names) for place, metric in enumerate(result.metrics))
    return [chart for chart in charts if chart is not None]


def _curve_chart(place: int, metric: MetricResult, words: Words, names: Mapping[str, str]) -> Chart | None:
    figure = repeat_curves(metric, words, names)
    if figure is None:
        return None
    curves = {variant: points for variant, points in metric.curves.items() if points}
    return Chart(
        key=f"curve-{place}",
        title=metric_title(words, metric.key, metric.about),
        lead=metric_explanation(words, metric.key, metric.window_days, metric.about)
        + " "
        + words.gettext(
            "Buyers not yet followed to the end count as far as they were seen; "
            "bands are 95-percent intervals."
        ),
        label=words.gettext("Chart: share of buyers who ordered again, by days since their first order"),
        figure=figure,
        caption=words.gettext("Share ordered again, with its 95-percent band and the buyers followed"),
        columns=(words.gettext("Day"), *(names.get(variant, variant) for variant in curves)),
        rows=tuple(_curve_row(age, curves, words) for age in _ages(curves)),
    )


def _ages(curves: Mapping[str, tuple[CurvePoint, ...]]) -> list[int]:
    """Every age up to a week, then weeks, and the last: a table a person can read."""
    ages = sorted({point.age for points in curves.values() for point in points})
    return [age for age in ages if age <= _WEEK or age % _WEEK == 0 or age == ages[-1]]


def _curve_row(age: int, curves: Mapping[str, tuple[CurvePoint, ...]], words: Words) -> tuple[str, ...]:
    cells = [words.formats.number(age)]
    for points in curves.values():
        known = [point for point in points if point.age <= age]
        cells.append(_point_text(known[-1], words) if known else "–")
    return tuple(cells)


def _point_text(point: CurvePoint, words: Words) -> str:
    share, low, high = (words.formats.share(value, 1) for value in (point.share, point.low, point.high))
    followed = words.gettext("n = %(count)s", count=words.formats.number(point.at_risk))
    return f"{share} ({low} … {high}), {followed}"
