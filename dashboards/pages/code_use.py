"""The section on codes: who used whose, the effect on those who used them, who would have bought anyway."""

from collections.abc import Mapping

from dashboards.pages.misuse import CodePart, Table, named_only, suspected_people
from dashboards.wording.amounts import Amounts, amounts_of
from dashboards.wording.codes import why_not
from dashboards.wording.language import Words
from dashboards.wording.metrics import metric_title
from stats.offers.reports import (
    LeakageReport,
    RedeemerRow,
    RedeemersReport,
    SubsidyReport,
    SubsidyRow,
)
from stats.results import MetricResult, Result


def code_parts(result: Result, words: Words, names: Mapping[str, str]) -> tuple[CodePart, ...]:
    """Leakage, redeemers, subsidy where somebody used a code or an offer by name; what is not as it seems."""
    leaked = result.offers.get("leakage")
    redeemers = result.offers.get("redeemers")
    given = result.offers.get("subsidy")
    unread, watched = named_only(result, words, names), suspected_people(result, words, names)
    if not isinstance(leaked, LeakageReport) or leaked.inconclusive is not None:
        return (*unread, *watched)
    parts = [_leakage(leaked, words, names), *unread]
    if isinstance(redeemers, RedeemersReport):
        parts.append(_redeemers(redeemers, result, words, names))
    if isinstance(given, SubsidyReport):
        parts.append(_subsidy(given, words, names))
    return (*parts, *watched)


def _leakage(found: LeakageReport, words: Words, names: Mapping[str, str]) -> CodePart:
    formats = words.formats
    low, high = found.interval or (0.0, 1.0)
    lead = words.gettext(
        "%(leaked)s of %(all)s redemptions were by visitors of another variant or of none: "
        "%(share)s (%(low)s … %(high)s).",
        leaked=formats.number(found.leaked),
        all=formats.number(found.redemptions),
        share=formats.share(found.share or 0.0, 1),
        low=formats.share(low, 1),
        high=formats.share(high, 1),
    )
    if found.diluted:
        lead += " " + words.gettext(
            "That is over %(threshold)s: the effect as randomised is diluted.",
            threshold=formats.share(found.threshold or 0.0, 0),
        )
    return CodePart(
        words.gettext("Whose code, used by whom"), lead, _matrix(found, words, names), alarm=found.diluted
    )


def _matrix(found: LeakageReport, words: Words, names: Mapping[str, str]) -> Table:
    """Rows: the code's variant. Columns: the redeemer's."""
    redeemers = sorted({cell.redeemer_variant for cell in found.matrix}, key=lambda v: (v is None, v or ""))
    counts = {(cell.code_variant, cell.redeemer_variant): cell.redemptions for cell in found.matrix}
    codes = dict.fromkeys(cell.code_variant for cell in found.matrix)
    heads = (
        words.gettext("never assigned") if variant is None else names.get(variant, variant)
        for variant in redeemers
    )
    return Table(
        caption=words.gettext("Redemptions: the code’s variant by the redeemer’s variant"),
        columns=(words.gettext("Code of"), *heads, words.gettext("used by others")),
        rows=tuple(
            (
                names.get(code, code),
                *(words.formats.number(counts.get((code, redeemer), 0)) for redeemer in redeemers),
                words.formats.share(found.by_code.get(code, 0.0), 1),
            )
            for code in codes
        ),
    )


def _redeemers(found: RedeemersReport, result: Result, words: Words, names: Mapping[str, str]) -> CodePart:
    title = words.gettext("The effect on those who used it")
    if found.inconclusive is not None:
        why = why_not(words, found.inconclusive)
        return CodePart(title, words.gettext("No number: %(why)s", why=why) + ".", None)
    lead = words.gettext(
        "Per visitor who took the offer because it was offered. It assumes that the offer works only through "
        "being taken. Buyers with a code are never compared with the others: they would buy anyway."
    )
    weak = any(row.weak for row in found.rows)
    if weak:
        lead += " " + words.gettext("Few took it: where F is under 10 read only the last column.")
    return CodePart(title, lead, _effects(found, result, words, names), alarm=weak)


def _effects(found: RedeemersReport, result: Result, words: Words, names: Mapping[str, str]) -> Table:
    return Table(
        caption=words.gettext("Effect per visitor who took the offer"),
        columns=(
            words.gettext("Metric"),
            words.gettext("Variant"),
            words.gettext("Took it"),
            words.gettext("Effect"),
            words.gettext("Interval"),
            "F",
            words.gettext("Effects not refuted"),
        ),
        rows=tuple(
            _effect(row, metric, amounts_of(words, metric, result.currency), names)
            for row in found.rows
            for metric in result.metrics
            if (metric.key, metric.about, metric.window_days) == (row.metric, row.about, row.window_days)
        ),
    )


def _effect(
    row: RedeemerRow, metric: MetricResult, amounts: Amounts, names: Mapping[str, str]
) -> tuple[str, ...]:
    words = amounts.words
    ends = {"lo": words.gettext("lower margin"), "hi": words.gettext("upper margin")}
    title = metric_title(words, metric.key, metric.about) + (
        f" ({ends[row.margin_end]})" if row.margin_end else ""
    )
    took = words.formats.share(row.takers / row.units, 1) if row.units else "–"
    head = (title, names.get(row.treatment, row.treatment), took)
    if row.effect is None or row.interval is None:
        return (*head, "–", why_not(words, row.inconclusive or "unusable"), "–", "–")
    sets = " ∪ ".join(amounts.interval(*ends, row.effect) or "−∞ … +∞" for ends in row.anderson_rubin)
    return (
        *head,
        amounts.difference(row.effect, *row.interval),
        "–" if row.weak else amounts.interval(*row.interval, row.effect),
        "∞" if row.first_stage_f is None else words.formats.number(row.first_stage_f, 1),
        sets,
    )


def _subsidy(found: SubsidyReport, words: Words, names: Mapping[str, str]) -> CodePart:
    title = words.gettext("Who would have bought anyway")
    shares = Table(
        caption=words.gettext("Orders at full price"),
        columns=(words.gettext("Variant"), words.gettext("Orders"), words.gettext("At full price")),
        rows=tuple(
            (
                names.get(row.variant, row.variant),
                words.formats.number(row.orders),
                "–" if row.share is None else words.formats.share(row.share, 1),
            )
            for row in found.full_price
        ),
    )
    if found.inconclusive is not None:
        why = why_not(words, found.inconclusive)
        return CodePart(title, words.gettext("No bounds: %(why)s", why=why) + ".", shares)
    return CodePart(title, " ".join(_bounds(row, words, names) for row in found.rows), shares)


def _bounds(row: SubsidyRow, words: Words, names: Mapping[str, str]) -> str:
    name = names.get(row.treatment, row.treatment)
    if row.low is None or row.high is None or row.interval is None:
        why = why_not(words, row.inconclusive or "no_redemptions")
        return words.gettext("%(variant)s: no bounds, %(why)s.", variant=name, why=why)
    formats = words.formats
    places = {
        "variant": name,
        "low": formats.share(row.low, 0),
        "high": formats.share(row.high, 0),
        "first": formats.share(row.interval[0], 0),
        "last": formats.share(row.interval[1], 0),
        "cautious": formats.share(row.cautious_low or 0.0, 0),
    }
    if places["low"] == places["high"]:
        return words.gettext(
            "%(variant)s: %(low)s of those who used it would have bought without it (95-percent interval "
            "%(first)s … %(last)s; %(cautious)s or more if the offer puts some people off).",
            **places,
        )
    return words.gettext(
        "%(variant)s: between %(low)s and %(high)s of those who used it would have bought without it "
        "(95-percent interval %(first)s … %(last)s; %(cautious)s or more if the offer puts some people off).",
        **places,
    )
