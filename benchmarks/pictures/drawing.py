"""Lines and bands in the colours of the pages."""

from typing import Any

from dashboards.palette import CONTROL, TREATMENTS, translucent

GREY = CONTROL
BLUE, ORANGE, GREEN, PURPLE = TREATMENTS
LOOKS = [k / 28 for k in range(1, 29)]
DAYS = list(range(1, 29))
Trace = dict[str, Any]
Picture = tuple[list[Trace], str, str]  # traces, title of the x axis, of the y axis


def line(x: Any, y: Any, name: str, colour: str, dash: str = "solid") -> Trace:
    """A line with its name in the legend."""
    return {
        "x": list(map(float, x)),
        "y": list(map(float, y)),
        "name": name,
        "mode": "lines",
        "line": {"color": colour, "dash": dash, "width": 2.5},
    }


def band(x: Any, low: Any, high: Any, colour: str) -> Trace:
    """A filled band without a legend entry."""
    around = [*map(float, x), *map(float, reversed(list(x)))]
    edge = [*map(float, high), *map(float, reversed(list(low)))]
    fill = {"fill": "toself", "fillcolor": translucent(colour, 0.18), "line": {"width": 0}}
    return {"x": around, "y": edge, "showlegend": False, "mode": "lines", **fill}
