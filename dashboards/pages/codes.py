"""The parts of the page about the offers themselves: profit by component, codes, moved orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards.figures.profit_waterfall import profit_waterfall
from dashboards.figures.pull_forward_curve import pull_forward_curve
from dashboards.pages.charts import Chart
from dashboards.wording.amounts import Amounts
from dashboards.wording.codes import COMPONENTS, component_name, diagnosis_text, why_not
from dashboards.wording.language import Words
from stats.offers.reports import (
    AgePoint,
    ProfitArm,
    ProfitComparison,
    ProfitReport,
    PullForwardReport,
    PullForwardRow,
)
from stats.results import Result

_ALWAYS = ("margin", "discount", "refunded", "profit")
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Money:
    """The section on profit: a chart with its table, sentences on each treatment, or why there is none."""

    chart: Chart | None
    sentences: tuple[str, ...]
    why: str


def money(result: Result, control: str, words: Words, names: Mapping[str, str]) -> Money | None:
    """The section on profit; None where the experiment has no money."""
    report = result.offers.get("profit")
    if not isinstance(report, ProfitReport) or report.inconclusive == "no_economics":
        return None
    if report.inconclusive is not None:
        return Money(None, (), why_not(words, report.inconclusive))
    amounts = Amounts(words, "minor", report.currency)
    steps = [name for name in COMPONENTS if name in _ALWAYS or _matters(report, name)]
    said = tuple(_said(found, amounts, names) for found in report.comparisons)
    return Money(_waterfall(report, steps, control, amounts, names), said, "")


def _matters(report: ProfitReport, component: str) -> bool:
    return any(getattr(arm, component) != 0 for arm in report.arms)


def _waterfall(
    report: ProfitReport, steps: Sequence[str], control: str, amounts: Amounts, names: Mapping[str, str]
) -> Chart:
    words = amounts.words
    drawn = [(step, component_name(words, step)) for step in steps]
    return Chart(
        key="profit-parts",
        title=words.gettext("Where the profit comes from"),
        lead=words.gettext(
            "Each bar takes away from what the bars before it left; all amounts are per visitor, net of VAT."
        ),
        label=words.gettext("Chart: profit per visitor by component"),
        figure=profit_waterfall(report.arms, drawn, control, amounts, names),
        caption=words.gettext("Profit per visitor by component"),
        columns=(
            words.gettext("Component"),
            *(names.get(arm.variant, arm.variant) for arm in report.arms),
        ),
        rows=tuple((name, *(_cell(arm, step, amounts) for arm in report.arms)) for step, name in drawn),
    )


def _cell(arm: ProfitArm, component: str, amounts: Amounts) -> str:
    """A component's amount; what is taken away is written as a loss, an unknown margin by both ends."""
    value = getattr(arm, component)
    sign = 1.0 if component in ("margin", "profit") else -1.0
    ends = sorted({sign * end or 0.0 for end in (value if isinstance(value, tuple) else (value,))})
    return _span([amounts.words.formats.money(end, amounts.currency or "") for end in ends])


def _said(found: ProfitComparison, amounts: Amounts, names: Mapping[str, str]) -> str:
    """Break-even, growth and what one more order earned."""
    words, formats = amounts.words, amounts.words.formats
    name = names.get(found.treatment, found.treatment)
    parts = [_break_even(found, name, words)]
    if found.orders_uplift is not None:
        parts.append(
            words.gettext("Orders so far: %(seen)s.", seen=formats.share(found.orders_uplift, 1, signed=True))
        )
    if found.profit_per_incremental_order is not None:
        low, high = sorted(found.profit_per_incremental_order)
        span = _span(dict.fromkeys(amounts.value(end, low, high, signed=True) for end in (low, high)))
        parts.append(words.gettext("Profit per additional order: %(amount)s.", amount=span))
    return " ".join(parts)


def _break_even(found: ProfitComparison, name: str, words: Words) -> str:
    """How many more orders it takes to earn what control earns, or how many it may lose."""
    needed = sorted(end for end in found.break_even_uplift if end is not None)
    if len(needed) < len(found.break_even_uplift):
        return words.gettext("No order under %(variant)s earns its discount back.", variant=name)
    shares = list(dict.fromkeys(words.formats.share(abs(end), 1) for end in needed))
    if needed[0] > 0.0:
        return words.gettext(
            "%(variant)s needs %(needed)s more orders per visitor to earn as much as control.",
            variant=name,
            needed=_span(shares),
        )
    if needed[-1] <= 0.0:
        return words.gettext(
            "%(variant)s earns as much as control even with %(spare)s fewer orders per visitor.",
            variant=name,
            spare=_span(shares[::-1]),
        )
    return words.gettext("At which margin %(variant)s needs more orders is open.", variant=name)


def _span(texts: Sequence[str] | Mapping[str, object]) -> str:
    return " … ".join(texts)


def moved_orders(result: Result, control: str, words: Words, names: Mapping[str, str]) -> Chart | None:
    """The curve of the cumulative effect on orders; None before it can be drawn."""
    report = result.offers.get("pull_forward")
    if not isinstance(report, PullForwardReport) or not any(row.points for row in report.rows):
        return None
    drawn = [row for row in report.rows if row.points]
    return Chart(
        key="moved-orders",
        title=words.gettext("Added orders, or only earlier ones?"),
        lead=" ".join(
            [
                words.gettext(
                    "Orders per 100 visitors above control, by days since the exposure; "
                    "the band holds for all days together."
                ),
                *(_diagnosed(row, words, names) for row in drawn),
            ]
        ),
        label=words.gettext("Chart: cumulative effect on orders by days since the exposure"),
        figure=pull_forward_curve(report.rows, control, words, names),
        caption=words.gettext("Cumulative effect on orders per 100 visitors"),
        columns=(
            words.gettext("Day"),
            words.gettext("Variant"),
            words.gettext("Difference"),
            words.gettext("Band"),
            words.gettext("Share of the gain lost again"),
        ),
        rows=tuple(line for row in drawn for line in _curve_lines(row, words, names)),
    )


def _diagnosed(row: PullForwardRow, words: Words, names: Mapping[str, str]) -> str:
    return words.gettext(
        "%(variant)s: %(diagnosis)s.",
        variant=names.get(row.treatment, row.treatment),
        diagnosis=diagnosis_text(words, row.diagnosis or "unclear"),
    )


def _curve_lines(row: PullForwardRow, words: Words, names: Mapping[str, str]) -> list[tuple[str, ...]]:
    formats, last = words.formats, row.points[-1].age
    return [
        (
            formats.number(point.age),
            names.get(row.treatment, row.treatment),
            formats.number(point.effect * 100, 2, signed=True),
            _band(point, words),
            "–" if point.lost_share is None else formats.share(point.lost_share, 0),
        )
        for point in row.points
        if point.age <= _WEEK or point.age % _WEEK == 0 or point.age == last
    ]


def _band(point: AgePoint, words: Words) -> str:
    ends = (words.formats.number(end * 100, 2, signed=True) for end in (point.low, point.high))
    return " … ".join(ends)
