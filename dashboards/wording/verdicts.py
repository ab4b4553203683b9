"""The verdict sentence: what was found, in money and with its uncertainty, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.wording.findings import (
    PROFIT,
    Finding,
    comparison_for,
    effect_clause,
    finding_from,
    finding_of,
    metric_of,
)
from dashboards.wording.language import Words, mark, words_for
from dashboards.wording.metrics import key_of, metric_name
from dashboards.wording.missing import is_known_gap, why_no_number
from dashboards.wording.reasons import DEARER, ENDED, REASONS, STATES, ReasonWords, StateWords
from stats.results import MetricResult, Reason, Result

# Keyed by whether another metric's money is told, and whether both ends are known.
_MONTHS = {
    (False, True): mark("That is ≈ %(point)s a month at your traffic (%(low)s … %(high)s)."),
    (False, False): mark("That is ≈ %(point)s a month at your traffic."),
    (True, True): mark("In %(metric)s: ≈ %(point)s a month at your traffic (%(low)s … %(high)s)."),
    (True, False): mark("In %(metric)s: ≈ %(point)s a month at your traffic."),
}
_ABOUT_PROFIT = ("profit_falls", "profit_unknown")


@dataclass(frozen=True, slots=True)
class VerdictWords:
    """A verdict in one language, part by part.

    Attributes:
        state: the verdict state shown (a stopped trust banner overrules every other).
        chip: the state in two or three words.
        symbol: a sign for the state.
        headline: the finding and the action.
        details: the month in money, the profit, further reasons; one sentence each.
        next_step: what to do now.
    """

    state: str
    chip: str
    symbol: str
    headline: str
    details: tuple[str, ...]
    next_step: str

    @property
    def sentence(self) -> str:
        """Headline and details as one text."""
        return " ".join((self.headline, *self.details))


def verdict_sentence(
    result: Result,
    locale: str,
    names: Mapping[str, str] | None = None,
    *,
    ended: bool = False,
    unit: str = "visitor",
) -> str:
    """The verdict as one text.

    Args:
        result: the result; its own `verdict.text` is not read.
        locale: `en` or `ru`.
        names: names of variants by key; keys stand for themselves otherwise.
        ended: the experiment collects no more, so nobody is told to go on collecting.
        unit: whom the experiment randomises, `visitor` or `customer`.
    """
    return verdict_words(result, words_for(locale, unit), names or {}, ended=ended).sentence


def state_words(state: str, *, ended: bool) -> StateWords:
    """Chip, sign and advice of a verdict's state; an experiment that has ended collects no more.

    Raises:
        KeyError: there is no such state.
    """
    return ENDED if ended and state == "collecting" else STATES[state]


def verdict_words(
    result: Result, words: Words, names: Mapping[str, str], *, ended: bool = False
) -> VerdictWords:
    """The verdict part by part (see `verdict_sentence`)."""
    state = "do_not_trust" if result.trust.status == "stop" else result.verdict.state
    is_dearer = _is_dearer(result, state)
    said = DEARER if is_dearer else state_words(state, ended=ended)
    places = _places(result, words, names)
    action = words.gettext(said.action) % places
    lead = _lead(result, words, places, state, is_dearer=is_dearer)
    headline = words.gettext("%(lead)s: %(action)s.", lead=lead, action=action)
    return VerdictWords(
        state=state,
        chip=words.gettext(said.chip),
        symbol=said.symbol,
        headline=headline,
        details=_details(result, words, places, state),
        next_step=words.gettext(said.next_step),
    )


def _is_dearer(result: Result, state: str) -> bool:
    """Whether the offers sell alike and the new one is shown to earn less."""
    alike, fallen = (
        {reason.params.get("variant") for reason in result.verdict.reasons if reason.code == code}
        for code in ("inside_margin", "profit_falls")
    )
    return state == "no_difference" and bool(fallen) and alike <= fallen


def _lead(result: Result, words: Words, places: dict[str, str], state: str, *, is_dearer: bool) -> str:
    reason = _first_reason(result, state)
    effect = "" if state == "do_not_trust" else _clause(_told(result, reason), words, places)
    said = _said(reason, is_dearer=is_dearer)
    if said is None:
        return _coded(reason.code, words)
    has_numbers = effect or reason.code == "sample_ratio"
    filled = words.gettext(said.lead if has_numbers else said.bare) % _reason_places(
        reason, words, places, effect
    )
    return filled[:1].upper() + filled[1:]


def _said(reason: Reason, *, is_dearer: bool = False) -> ReasonWords | None:
    """The words of a reason; some of them say more where more is proven."""
    if is_dearer and reason.code == "inside_margin":
        return REASONS["alike_but_dearer"]
    closer = {
        "guardrail_not_passed": ("harmed", "guardrail_harmed"),
        "not_proven": ("crossed", "gain_blocked"),
    }
    sign, code = closer.get(reason.code, ("", reason.code))
    return REASONS.get(code if reason.params.get(sign) else reason.code)


def _coded(code: str, words: Words) -> str:
    """The lead of a code without its own sentence: a missing number says why, anything else shows itself."""
    if is_known_gap(code):
        return words.gettext("There is no number yet (%(why)s)", why=why_no_number(words, code))
    return words.gettext("Reason “%(code)s”", code=code)


def _told(result: Result, reason: Reason) -> Finding | None:
    """The finding a lead tells; a reason about profit still tells of the primary metric."""
    if reason.code not in _ABOUT_PROFIT:
        return finding_of(result, reason)
    finding = finding_of(result, Reason(reason.code, {"variant": reason.params.get("variant")}))
    return None if finding is None or finding.metric.key == PROFIT else finding


def _first_reason(result: Result, state: str) -> Reason:
    """The reason that leads; a stopped banner without a trust reason leads with its first red check."""
    if state == "do_not_trust" and result.verdict.state != state:
        stopped = [check.key for check in result.trust.checks if check.status == "stop"]
        return Reason(stopped[0] if stopped else "sample_ratio")
    return result.verdict.reasons[0] if result.verdict.reasons else Reason("in_progress")


def _details(result: Result, words: Words, places: dict[str, str], state: str) -> tuple[str, ...]:
    further = result.verdict.reasons[1:]
    if _is_dearer(result, state):  # the headline says it
        further = tuple(reason for reason in further if reason.code != "profit_falls")
    rest = [_more(reason, words, places) for reason in further]
    if state == "do_not_trust":
        return tuple(rest) if result.verdict.state == state else ()
    said = [_month(result, words), _chance(result, words), _profit(result, words, places), *rest]
    return tuple(sentence for sentence in said if sentence)


def _more(reason: Reason, words: Words, places: dict[str, str]) -> str:
    said = _said(reason)
    if said is None:
        return words.gettext("Further reason: “%(code)s”.", code=reason.code)
    text = words.gettext(said.more) if said.more else words.gettext(said.bare) + "."
    return text % _reason_places(reason, words, places, "")


def _month(result: Result, words: Words) -> str:
    params = _params_with(result, "monthly_point")
    currency = params.get("currency") or result.currency
    if not params or currency is None:
        return ""
    said = {
        key: None if params.get(key) is None else words.formats.rounded_money(params[key], currency)
        for key in ("monthly_point", "monthly_low", "monthly_high")
    }
    places = {key.removeprefix("monthly_"): value for key, value in said.items()}
    return words.gettext(_MONTHS[_is_other_money(params), None not in said.values()]) % (
        places | {"metric": metric_name(words, str(params.get("monthly_of") or ""))}
    )


def _is_other_money(params: Mapping[str, Any]) -> bool:
    """Whether the month is not about the metric the sentence tells of (a share has none of its own)."""
    return params.get("monthly_of") not in (None, params.get("metric"))


def _chance(result: Result, words: Words) -> str:
    params = _params_with(result, "chance")
    if not params:
        return ""
    return words.gettext(
        "The chance that more of the same data would prove it: %(chance)s.",
        chance=words.formats.share(params["chance"], 0),
    )


def _params_with(result: Result, key: str) -> dict[str, Any]:
    found = (reason.params for reason in result.verdict.reasons if reason.params.get(key) is not None)
    return next(found, {})


def _profit(result: Result, words: Words, places: dict[str, str]) -> str:
    """The profit with its interval, unless the headline has said it already."""
    metric = metric_of(result, PROFIT)
    if metric is None:
        return ""
    if _headline_has_profit(result):
        return ""
    finding = finding_from(metric, comparison_for(metric, result.verdict.variant))
    if finding is None:
        return words.gettext("Profit per visitor: no number yet (%(why)s).", why=_why(metric, words))
    clause = _clause(finding, words, places)
    return words.gettext("Profit: %(effect)s.", effect=clause)


def _headline_has_profit(result: Result) -> bool:
    reason = _first_reason(result, "")
    told = _told(result, reason)
    said = _said(reason)
    says_effect = said is not None and "%(effect)s" in said.lead
    return says_effect and told is not None and told.metric.key == PROFIT


def _why(metric: MetricResult, words: Words) -> str:
    codes = [comparison.inconclusive for comparison in metric.comparisons if comparison.inconclusive]
    return why_no_number(words, codes[0] if codes else "no_look_yet")


def _clause(finding: Finding | None, words: Words, places: dict[str, str]) -> str:
    names = {key.removeprefix("name:"): name for key, name in places.items() if key.startswith("name:")}
    return effect_clause(finding, words, names, places["currency"] or None)


def _places(result: Result, words: Words, names: Mapping[str, str]) -> dict[str, str]:
    keys = [summary.variant for metric in result.metrics for summary in metric.variants]
    control = next((c.control for m in result.metrics for c in m.comparisons), "")
    pvalue = words.formats.pvalue(result.trust.srm.pvalue)
    return {
        **{"name:" + key: names.get(key, key) for key in keys},
        "control": names.get(control, control) or words.gettext("control"),
        "currency": result.currency or "",
        "pvalue": pvalue if pvalue.startswith("<") else f"= {pvalue}",
    }


def _reason_places(reason: Reason, words: Words, places: dict[str, str], effect: str) -> dict[str, str]:
    variant = str(reason.params.get("variant", ""))
    metric = key_of(str(reason.params.get("metric", "")))
    return {
        **places,
        "effect": effect,
        "variant": places.get("name:" + variant, variant),
        "metric": metric_name(words, metric) if metric else words.gettext("the primary metric"),
    }
