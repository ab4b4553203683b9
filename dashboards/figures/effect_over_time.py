"""The difference at each look with its repeated interval and the boundary it must pass."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.figures.frame import Figure, figure, safe_name, title, value_axis
from dashboards.palette import DASHES, MARKERS, translucent, variant_colours
from dashboards.wording.amounts import amounts_of
from dashboards.wording.language import Words
from stats.results import Look, MetricResult, Result

_BAND_OPACITY = 0.14
_MANY = 2  # with more treatments, bands would hide each other


def effect_over_time(
    result: Result, metric: MetricResult, words: Words, names: Mapping[str, str]
) -> Figure | None:
    """Figure of one metric over its looks; zero is drawn.

    Args:
        result: the result whose looks are read.
        metric: which metric; looks are matched by its label `key:window`.
        words: language of titles and hovers.
        names: names of variants by key.

    Returns:
        A figure, or None before the first look.
    """
    looks = looks_of(result, metric)
    if not looks:
        return None
    treatments = tuple(dict.fromkeys(look.treatment for look in looks))
    drawer = _Drawer(result, metric, words, names, treatments)
    traces = [trace for place, t in enumerate(treatments) for trace in drawer.traces(place, t, looks)]
    y_axis = {
        **value_axis(drawer.amounts, signed=True),
        "title": title(words.gettext("Difference per visitor")),
    }
    return figure(traces, {"type": "date", "tickangle": 0}, y_axis, **_planned_end(result, words))


def looks_of(result: Result, metric: MetricResult) -> list[Look]:
    """The looks of one metric in the order of their days."""
    label = metric.label
    return sorted(
        (look for look in result.looks if look.metric == label), key=lambda look: (look.day, look.number)
    )


def _planned_end(result: Result, words: Words) -> dict[str, Any]:
    day = result.progress.get("planned_end")
    if not isinstance(day, str):
        return {}
    line = {
        "type": "line",
        "x0": day,
        "x1": day,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"dash": "dot", "width": 1},
    }
    label = {
        "x": day,
        "y": 1,
        "yref": "paper",
        "showarrow": False,
        "xanchor": "right",
        "text": words.gettext("planned end"),
    }
    return {"shapes": [line], "annotations": [label]}


class _Drawer:
    """Draws the traces of one metric, treatment by treatment."""

    def __init__(
        self,
        result: Result,
        metric: MetricResult,
        words: Words,
        names: Mapping[str, str],
        treatments: tuple[str, ...],
    ) -> None:
        self.words = words
        self.names = names
        self.amounts = amounts_of(words, metric, result.currency)
        control = metric.comparisons[0].control if metric.comparisons else None
        keys = tuple(summary.variant for summary in metric.variants) or treatments
        self.colours = variant_colours(keys, control)
        self.alone = len(treatments) == 1
        self.bands = len(treatments) <= _MANY

    def traces(self, place: int, treatment: str, looks: Sequence[Look]) -> list[dict[str, Any]]:
        """Band, boundary lines and points of one treatment."""
        own = [look for look in looks if look.treatment == treatment]
        colour = self.colours.get(treatment, "#2f7fc1")
        drawn = [*self._band(own, colour, treatment)] if self.bands else []
        return [
            *drawn,
            *self._boundaries(own, colour, treatment),
            self._points(place, own, colour, treatment),
        ]

    def _name(self, treatment: str, what: str) -> str:
        return what if self.alone else f"{safe_name(self.names.get(treatment, treatment))}: {what}"

    def _scaled(self, value: float | None) -> float | None:
        return None if value is None else self.amounts.scaled(value)

    def _band(self, looks: Sequence[Look], colour: str, treatment: str) -> list[dict[str, Any]]:
        """The interval as a closed shape over the looks where both ends are known."""
        both = [look for look in looks if look.interval_low is not None and look.interval_high is not None]
        if len(both) < _MANY:
            return []
        days = [look.day for look in both]
        highs = [self._scaled(look.interval_high) for look in both]
        lows = [self._scaled(look.interval_low) for look in both]
        return [
            {
                "type": "scatter",
                "mode": "lines",
                "name": self._name(treatment, self.words.gettext("repeated interval")),
                "x": days + days[::-1],
                "y": highs + lows[::-1],
                "fill": "toself",
                "fillcolor": translucent(colour, _BAND_OPACITY),
                "line": {"width": 0},
                "hoverinfo": "skip",
            }
        ]

    def _boundaries(self, looks: Sequence[Look], colour: str, treatment: str) -> list[dict[str, Any]]:
        """Where the difference must lie to be proven: boundary z times the standard error of that look."""
        sides = (
            ("upper", self.words.gettext("boundary: proven higher"), "dash"),
            ("lower", self.words.gettext("boundary: proven lower"), "dot"),
        )
        lines = []
        for side, what, dash in sides:
            tested = [(look, getattr(look, side)) for look in looks if getattr(look, side) is not None]
            if tested:
                lines.append(
                    {
                        "type": "scatter",
                        "mode": "lines+markers" if len(tested) == 1 else "lines",
                        "name": self._name(treatment, what),
                        "x": [look.day for look, _ in tested],
                        "y": [self._scaled(z * look.standard_error) for look, z in tested],
                        "line": {"color": colour, "width": 1.5, "dash": dash},
                        "hoverinfo": "skip",
                    }
                )
        return lines

    def _points(self, place: int, looks: Sequence[Look], colour: str, treatment: str) -> dict[str, Any]:
        values = [self._scaled(look.difference) for look in looks]
        name = (
            self.words.gettext("difference")
            if self.alone
            else safe_name(self.names.get(treatment, treatment))
        )
        return {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": [look.day for look in looks],
            "y": values,
            "line": {"color": colour, "width": 2.5, "dash": DASHES[place % len(DASHES)]},
            "marker": {
                "color": colour,
                "symbol": ["star" if look.crossed else MARKERS[place % len(MARKERS)] for look in looks],
                "size": [14 if look.crossed else 8 if "roll_out" in look.tested else 5 for look in looks],
            },
            "error_y": self._error_bars(looks, colour),
            "text": [self._hover(look) for look in looks],
            "hovertemplate": "%{text}<extra></extra>",
        }

    def _error_bars(self, looks: Sequence[Look], colour: str) -> dict[str, Any]:
        """Interval ends beyond the point; a missing end draws no bar."""
        up = [None if look.interval_high is None else look.interval_high - look.difference for look in looks]
        down = [None if look.interval_low is None else look.difference - look.interval_low for look in looks]
        return {
            "type": "data",
            "symmetric": False,
            "array": [self._scaled(value) for value in up],
            "arrayminus": [self._scaled(value) for value in down],
            "color": colour,
            "thickness": 1,
            "width": 0,
        }

    def _hover(self, look: Look) -> str:
        ends = (look.interval_low, look.interval_high)
        low, high = ("?" if end is None else self.amounts.difference(end, *ends) for end in ends)
        shown = self.amounts.difference(look.difference, *ends)
        day = self.words.formats.day(look.day)
        return safe_name(self.words.gettext("Look %(number)s, %(day)s", number=look.number, day=day)) + (
            f"<br><b>{shown}</b> ({low} … {high})"
        )
