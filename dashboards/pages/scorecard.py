"""The scorecard: every metric with raw counts, difference, interval and a sign that needs no colour."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.wording.amounts import Amounts, amounts_of
from dashboards.wording.language import Words, mark
from dashboards.wording.metrics import metric_explanation, metric_title
from dashboards.wording.missing import why_no_number
from stats.results import Comparison, MetricResult, Result, VariantSummary

_SECTIONS = {
    "primary": mark("Primary metric: it decides"),
    "guardrail": mark("Guardrails: must not be harmed"),
    "secondary": mark("Secondary metrics: for understanding"),
    "explanatory": mark("Explanatory: never decide"),
}
_SIGNS = {
    "better": ("▲", mark("proven better")),
    "worse": ("▼", mark("proven worse")),
    "passed": ("✓", mark("safe")),
    "open": ("○", mark("not proven")),
    "unsafe": ("○", mark("not shown safe yet")),
    "explains": ("·", mark("explains only")),
    "none": ("–", mark("no number")),
}


@dataclass(frozen=True, slots=True)
class Glyph:
    """A small drawn interval on the section's axis; positions in percent of its width, zero at 50.

    Attributes:
        low: left end of the line.
        high: right end of the line.
        point: the estimate, or None when it lies outside the axis.
        open_left: the interval goes on beyond the axis.
        open_right: the same on the right.
    """

    low: float
    high: float
    point: float | None
    open_left: bool
    open_right: bool


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One variant on one metric, ready to print; `reading` names the state of its comparison or is empty."""

    name: str
    is_control: bool
    units: str
    total: str
    mean: str
    difference: str
    interval: str
    uplift: str
    reading: str
    sign: str
    said: str
    why: str
    glyph: Glyph | None
    uncapped: str
    stopped: str


@dataclass(frozen=True, slots=True)
class MetricCard:
    """One metric: title, explanation, its variants."""

    title: str
    explanation: str
    window: str
    immature: str
    cap: str
    is_share: bool
    rows: tuple[VariantRow, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Metrics of one role; `axis` is the relative change (0.2 = ±20 %) at the ends of the glyphs."""

    role: str
    title: str
    axis: str
    cards: tuple[MetricCard, ...]


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every row shares: names of variants, and the relative change at the ends of the drawn axis."""

    names: Mapping[str, str]
    extent: float


def scorecard(result: Result, words: Words, names: Mapping[str, str]) -> tuple[Section, ...]:
    """Sections in the order primary, guardrails, secondary, explanatory; empty ones are left out."""
    frame = _Frame(names, _extent(result))
    sections = []
    for role, heading in _SECTIONS.items():
        metrics = [metric for metric in result.metrics if _section_of(metric) == role]
        cards = tuple(_card(metric, result.currency, words, frame) for metric in metrics)
        axis = words.formats.share(frame.extent, 0)
        if cards:
            sections.append(Section(role, words.gettext(heading), axis, cards))
    return tuple(sections)


def _section_of(metric: MetricResult) -> str:
    return "explanatory" if metric.explanatory else metric.role


def _extent(result: Result) -> float:
    """Half-width of the common axis: the smallest round share that holds the primary's intervals."""
    primaries = [metric for metric in result.metrics if metric.role == "primary"]
    ends = [
        abs(end)
        for metric in primaries
        for comparison in metric.comparisons
        for end in comparison.uplift_interval or ()
        if end is not None
    ]
    largest = max(ends, default=0.2)
    return next((size for size in (0.05, 0.1, 0.2, 0.5, 1.0) if largest <= size), 2.0)


def _card(metric: MetricResult, currency: str | None, words: Words, frame: _Frame) -> MetricCard:
    amounts = amounts_of(words, metric, currency)
    by_treatment = {comparison.treatment: comparison for comparison in metric.comparisons}
    immature = sum(summary.immature for summary in metric.variants)
    return MetricCard(
        title=metric_title(words, metric.key, metric.about),
        explanation=metric_explanation(words, metric.key, metric.window_days, metric.about),
        window=words.ngettext("%(count)s day", "%(count)s days", metric.window_days)
        if metric.window_days
        else "",
        immature=_immature(words, immature),
        cap=_cap(words, metric, currency),
        is_share=metric.unit == "share",
        rows=tuple(
            _row(metric, summary, by_treatment.get(summary.variant), amounts, frame)
            for summary in metric.variants
        ),
    )


def _immature(words: Words, count: int) -> str:
    if not count:
        return ""
    return words.ngettext(
        "%(count)s more visitor is still inside the window and not counted yet.",
        "%(count)s more visitors are still inside the window and not counted yet.",
        count,
    )


def _cap(words: Words, metric: MetricResult, currency: str | None) -> str:
    if metric.cap_minor is None or currency is None:
        return ""
    cap = words.formats.money(metric.cap_minor, currency, 0)
    return words.gettext(
        "For the test a visitor's value is capped at %(cap)s; totals and means here are uncapped.", cap=cap
    )


def _row(
    metric: MetricResult,
    summary: VariantSummary,
    comparison: Comparison | None,
    amounts: Amounts,
    frame: _Frame,
) -> VariantRow:
    words = amounts.words
    means = [other.mean for other in metric.variants]
    reading = _reading(metric, comparison) if comparison else ""
    sign, said = _SIGNS.get(reading, ("", ""))
    return VariantRow(
        name=frame.names.get(summary.variant, summary.variant),
        is_control=comparison is None,
        units=words.formats.number(summary.n),
        total="–" if summary.mean is None else amounts.total(summary.total),
        mean="" if summary.mean is None else amounts.value(summary.mean, *means),
        difference=_difference(comparison, amounts),
        interval=_interval(comparison, amounts),
        uplift=_uplift(comparison, words),
        reading=reading,
        sign=sign,
        said=words.gettext(said) if said else "",
        why=_why(summary, comparison, words),
        glyph=_glyph(comparison, frame.extent),
        uncapped=_uncapped(metric, comparison, amounts),
        stopped=_stopped(comparison, amounts, frame.names),
    )


def _reading(metric: MetricResult, comparison: Comparison) -> str:
    """How a comparison reads: by the good direction, not by the sign of the number."""
    if comparison.difference is None:
        return "none"
    if metric.explanatory:
        return "explains"
    if metric.role == "guardrail" and comparison.guardrail_passed is not None and not comparison.proven:
        return "passed" if comparison.guardrail_passed else "unsafe"
    return comparison.proven or "open"


def _difference(comparison: Comparison | None, amounts: Amounts) -> str:
    if comparison is None or comparison.difference is None:
        return ""
    return amounts.difference(comparison.difference, *(comparison.interval or ()))


def _interval(comparison: Comparison | None, amounts: Amounts) -> str:
    if comparison is None or comparison.interval is None or comparison.difference is None:
        return ""
    return amounts.interval(*comparison.interval, comparison.difference)


def _uplift(comparison: Comparison | None, words: Words) -> str:
    if comparison is None or comparison.uplift is None:
        return ""
    return words.formats.share(comparison.uplift, 1, signed=True)


def _why(summary: VariantSummary, comparison: Comparison | None, words: Words) -> str:
    codes = [summary.inconclusive if summary.mean is None else None]
    if comparison is not None and comparison.difference is None:
        codes.append(comparison.inconclusive or "no_look_yet")
    reasons = dict.fromkeys(why_no_number(words, code) for code in codes if code)
    return "; ".join(reasons)


def _uncapped(metric: MetricResult, comparison: Comparison | None, amounts: Amounts) -> str:
    if metric.cap_minor is None or comparison is None or comparison.raw_difference is None:
        return ""
    shown = amounts.difference(comparison.raw_difference, *(comparison.interval or ()))
    return amounts.words.gettext("uncapped: %(difference)s", difference=shown)


def _stopped(comparison: Comparison | None, amounts: Amounts, names: Mapping[str, str]) -> str:
    """The effect at the first crossing, without the luck of having stopped there (none at a first look)."""
    if comparison is None or comparison.at_stop is None or comparison.at_stop.look == 1:
        return ""
    at, formats = comparison.at_stop, amounts.words.formats
    return amounts.words.gettext(
        "%(variant)s crossed its boundary on %(day)s. Without the luck of stopping there: "
        "%(difference)s (%(interval)s).",
        variant=names.get(comparison.treatment, comparison.treatment),
        day=formats.day(at.day),
        difference=amounts.difference(at.difference, *at.interval),
        interval=amounts.interval(*at.interval, at.difference),
    )


def _glyph(comparison: Comparison | None, extent: float) -> Glyph | None:
    if comparison is None or comparison.uplift is None or comparison.uplift_interval is None:
        return None
    low, high = comparison.uplift_interval
    left = -extent if low is None else max(low, -extent)
    right = extent if high is None else min(high, extent)
    if left >= right:
        return None
    inside = abs(comparison.uplift) <= extent
    return Glyph(
        low=_place(left, extent),
        high=_place(right, extent),
        point=_place(comparison.uplift, extent) if inside else None,
        open_left=low is None or low < -extent,
        open_right=high is None or high > extent,
    )


def _place(share: float, extent: float) -> float:
    return round(50 + 45 * share / extent, 2)
