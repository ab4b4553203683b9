"""The cumulative effect on orders by days since the exposure, with one band for all ages together."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.figures.frame import Figure, figure, safe_name, title
from dashboards.palette import DASHES, translucent, variant_colours
from dashboards.wording.language import Words
from stats.offers.reports import PullForwardRow

_BAND_OPACITY = 0.14
_PER = 100  # orders per 100 visitors: figures a person can say


def pull_forward_curve(
    rows: Sequence[PullForwardRow], control: str, words: Words, names: Mapping[str, str]
) -> Figure:
    """One line with its band per treatment; zero is control.

    Args:
        rows: curves; those without points are left out.
        control: key of control, for the colours of the others.
        words: language of titles and hovers.
        names: names of variants by key.
    """
    drawn = [row for row in rows if row.points]
    colours = variant_colours((control, *(row.treatment for row in rows)), control)
    traces = [
        trace
        for place, row in enumerate(drawn)
        for trace in _line(place, row, colours[row.treatment], names.get(row.treatment, row.treatment))
    ]
    x_axis = {"title": title(words.gettext("Days since the exposure")), "rangemode": "tozero"}
    y_axis = {"title": title(words.gettext("More orders per 100 visitors")), "tickformat": ",.2~f"}
    return figure(traces, x_axis, y_axis)


def _line(place: int, row: PullForwardRow, colour: str, name: str) -> list[dict[str, Any]]:
    ages = [point.age for point in row.points]
    highs = [_scaled(point.high) for point in row.points]
    lows = [_scaled(point.low) for point in row.points]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": ages + ages[::-1],
            "y": highs + lows[::-1],
            "fill": "toself",
            "fillcolor": translucent(colour, _BAND_OPACITY),
            "line": {"width": 0},
            "showlegend": False,
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": safe_name(name),
            "x": ages,
            "y": [_scaled(point.effect) for point in row.points],
            "line": {"color": colour, "width": 2.5, "dash": DASHES[place % len(DASHES)]},
            "marker": {"color": colour, "size": 5},
            "hovertemplate": "%{x}: <b>%{y:.2f}</b><extra>%{fullData.name}</extra>",
        },
    ]


def _scaled(value: float) -> float:
    return round(value * _PER, 6)
