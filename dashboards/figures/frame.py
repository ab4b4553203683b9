"""What all figures share: the layout, axis formats, names made safe.

Figures are built as plain dictionaries: loading Plotly's Python package takes about 0.3 s per
process, and every figure would be validated again. The tests validate with `plotly.graph_objects` instead.
Paper, ink and grid colours are set in the browser (`charts.js`) from the page's own light or dark scheme.
"""

import html
from typing import Any

from dashboards.formats import iso_digits
from dashboards.wording.amounts import Amounts

Figure = dict[str, Any]
HEIGHT = 380


def safe_name(name: str) -> str:
    """A name as Plotly text: its pseudo-HTML tags and `%{…}` places must not be understood.

    >>> safe_name("<b>3 < 4</b>")
    '&lt;b&gt;3 &lt; 4&lt;/b&gt;'
    """
    return html.escape(name, quote=False).replace("%{", "% {")


def figure(
    data: list[dict[str, Any]], x_axis: dict[str, Any], y_axis: dict[str, Any], **layout: Any
) -> Figure:
    """Traces and axes in the common layout: legend below, no zooming that would trap a thumb's scroll."""
    return {
        "data": data,
        "layout": {
            "height": HEIGHT,
            "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
            "paper_bgcolor": "rgba(0, 0, 0, 0)",
            "plot_bgcolor": "rgba(0, 0, 0, 0)",
            "hovermode": "closest",
            "dragmode": False,
            "legend": {"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"},
            "xaxis": {"fixedrange": True, "automargin": True, "showgrid": False, **x_axis},
            "yaxis": {
                "fixedrange": True,
                "automargin": True,
                "zeroline": True,
                "zerolinewidth": 2,
                "rangemode": "tozero",
                **y_axis,
            },
            **layout,
        },
    }


def value_axis(amounts: Amounts, *, signed: bool) -> dict[str, Any]:
    """Tick format of a metric's axis; its unit stands behind the number or before a money amount.

    No plus signs: zero would read "+0".
    """
    digits = iso_digits(amounts.currency) if amounts.is_money and amounts.currency else 2
    axis: dict[str, Any] = {"tickformat": f",.{digits}~f"}
    if amounts.unit == "share":
        axis["ticksuffix"] = (" " + amounts.words.gettext("pp")) if signed else "%"
    elif amounts.is_money and amounts.currency:
        sample = amounts.words.formats.money(0, amounts.currency, 0)
        prefix, _, suffix = sample.partition("0")
        axis |= {"tickprefix": prefix, "ticksuffix": suffix}
    return axis


def title(text: str) -> dict[str, Any]:
    """An axis title."""
    return {"text": text, "standoff": 10}
