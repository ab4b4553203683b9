"""Parts of the page on what is not as it seems: codes nobody redeemed, people under several ids."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.wording.amounts import amounts_of
from dashboards.wording.language import Words
from dashboards.wording.metrics import metric_title
from stats.offers.misuse_reports import AbuseEffect, AbuseReport, CodesReport
from stats.results import Result


@dataclass(frozen=True, slots=True)
class Table:
    """A small table; the first cell of each row is its head."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class CodePart:
    """One part of the section: a finding in words, a table, or why there is none."""

    title: str
    lead: str
    table: Table | None
    alarm: bool = False


def named_only(result: Result, words: Words, names: Mapping[str, str]) -> tuple[CodePart, ...]:
    """Codes that orders name and nobody redeemed through the service; nothing where there are none."""
    found = result.offers.get("codes")
    if not isinstance(found, CodesReport) or not found.unconfirmed:
        return ()
    formats = words.formats
    lead = words.gettext(
        "%(open)s of %(all)s codes were only named by an order: nobody asked whether they may be used "
        "(%(share)s). They count as no redemption.",
        open=formats.number(found.unconfirmed),
        all=formats.number(found.redeemed + found.unconfirmed),
        share=formats.share(found.share or 0.0, 1),
    )
    if found.uneven:
        lead += " " + words.gettext(
            "The variants differ in it: what is said of their codes does not compare."
        )
    table = Table(
        caption=words.gettext("Codes by whether their redemption is on record"),
        columns=(
            words.gettext("Code of"),
            words.gettext("Redeemed"),
            words.gettext("Only named"),
            words.gettext("Share"),
        ),
        rows=tuple(
            (
                names.get(row.code_variant, row.code_variant),
                formats.number(row.redeemed),
                formats.number(row.unconfirmed),
                formats.share(row.share, 1),
            )
            for row in found.rows
        ),
    )
    title = words.gettext("Codes nobody redeemed through the service")
    return (CodePart(title, lead, table, alarm=found.many or found.uneven),)


def suspected_people(result: Result, words: Words, names: Mapping[str, str]) -> tuple[CodePart, ...]:
    """People who seem to be one person under several ids; nothing where no order carried a fingerprint."""
    found = result.offers.get("abuse")
    if not isinstance(found, AbuseReport) or found.inconclusive is not None:
        return ()
    title = words.gettext("One person under several ids?")
    if not found.suspected:
        lead = words.gettext("No visitor shares a card, a device or a small address in a way that says so.")
        return (CodePart(title, lead, None),)
    parts = [CodePart(title, _said(found, words), _suspects(found, words, names), found.many or found.uneven)]
    if found.effects:
        parts.append(_with_and_without(found, result, words, names))
    return tuple(parts)


def _said(found: AbuseReport, words: Words) -> str:
    lead = words.gettext(
        "%(suspected)s visitors (%(share)s) seem to be one person under several ids: inviter and invited pay "
        "with one card or order from one device, or many codes were used with one card within a day. A "
        "family can look like that, so this explains and never decides.",
        suspected=words.formats.number(found.suspected),
        share=words.formats.share(found.share or 0.0, 1),
    )
    if not found.uneven:
        return lead
    return lead + " " + words.gettext("The variants differ in it: one of them tempts more people.")


def _suspects(found: AbuseReport, words: Words, names: Mapping[str, str]) -> Table:
    number = words.formats.number
    return Table(
        caption=words.gettext("Suspected visitors by variant"),
        columns=(
            words.gettext("Variant"),
            words.gettext("Visitors"),
            words.gettext("Invited themselves"),
            words.gettext("Used codes in a hurry"),
            words.gettext("Redemptions by them"),
        ),
        rows=tuple(
            (
                names.get(row.variant, row.variant),
                *map(number, (row.units, row.self_referral, row.velocity, row.redemptions)),
            )
            for row in found.rows
        ),
    )


def _with_and_without(found: AbuseReport, result: Result, words: Words, names: Mapping[str, str]) -> CodePart:
    lead = words.gettext(
        "The difference with everybody and without suspected visitors, each read once. Whom one leaves out "
        "was chosen after the draw, so the second is no test: it only shows how much the answer leans on "
        "them."
    )
    table = Table(
        caption=words.gettext("The deciding difference with and without suspected visitors"),
        columns=(
            words.gettext("Metric"),
            words.gettext("Variant"),
            words.gettext("Everybody"),
            words.gettext("Without them"),
        ),
        rows=tuple(_line(effect, result, words, names) for effect in found.effects),
    )
    return CodePart(words.gettext("The effect without them"), lead, table)


def _line(effect: AbuseEffect, result: Result, words: Words, names: Mapping[str, str]) -> tuple[str, ...]:
    metric = next(
        one for one in result.metrics if (one.key, one.window_days) == (effect.metric, effect.window_days)
    )
    amounts = amounts_of(words, metric, result.currency)
    cells = (
        "–"
        if ends is None
        else f"{amounts.difference(*ends)} ({amounts.interval(ends[1], ends[2], ends[0])})"
        for ends in (effect.everybody, effect.without)
    )
    return (metric_title(words, effect.metric), names.get(effect.treatment, effect.treatment), *cells)
