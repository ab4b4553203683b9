"""Profit per visitor from the goods margin down, component by component, one bar group per variant."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.figures.frame import Figure, figure, safe_name, title, value_axis
from dashboards.palette import variant_colours
from dashboards.wording.amounts import Amounts
from stats.offers.reports import ProfitArm

_LIGHT = 0.45  # opacity of what is taken away; the first and the last bar are solid


def profit_waterfall(
    arms: Sequence[ProfitArm],
    steps: Sequence[tuple[str, str]],
    control: str,
    amounts: Amounts,
    names: Mapping[str, str],
) -> Figure:
    """Floating bars: each cost hangs from what the ones before have left.

    Args:
        arms: components of each variant; drawn at the middle of an unknown margin.
        steps: (component, its name) in the order drawn; the first is `margin`, the last `profit`.
        control: key of control, for its colour.
        amounts: how a unit's profit is written.
        names: names of variants by key.
    """
    colours = variant_colours(tuple(arm.variant for arm in arms), control)
    traces = [
        _bars(arm, steps, colours[arm.variant], amounts, names.get(arm.variant, arm.variant)) for arm in arms
    ]
    x_axis = {"type": "category", "tickmode": "linear", "dtick": 1}
    y_axis = {"title": title(amounts.words.gettext("Per visitor"))} | value_axis(amounts, signed=False)
    return figure(traces, x_axis, y_axis, barmode="group", bargap=0.25)


def middle(value: float | tuple[float, float]) -> float:
    """A component as it is drawn: half way between the ends of an unknown margin.

    >>> middle((1.0, 3.0)), middle(5.0)
    (2.0, 5.0)
    """
    return (value[0] + value[1]) / 2 if isinstance(value, tuple) else value


def _bars(
    arm: ProfitArm, steps: Sequence[tuple[str, str]], colour: str, amounts: Amounts, name: str
) -> dict[str, Any]:
    sizes, bases, left = [], [], 0.0
    for component, _ in steps:
        size = middle(getattr(arm, component))
        whole = component in ("margin", "profit")
        sizes.append(amounts.scaled(size if whole else -size))
        bases.append(0.0 if whole else amounts.scaled(left))
        left = size if whole else left - size
    shown = [amounts.value(middle(getattr(arm, component))) for component, _ in steps]
    return {
        "type": "bar",
        "name": safe_name(name),
        "x": [label for _, label in steps],
        "y": sizes,
        "base": bases,
        "marker": {
            "color": colour,
            "opacity": [1.0 if component in ("margin", "profit") else _LIGHT for component, _ in steps],
        },
        "text": shown,
        "textposition": "none",
        "hovertemplate": "%{x}: <b>%{text}</b><extra>%{fullData.name}</extra>",
    }
