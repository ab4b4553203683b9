"""The rules of all experiments as the service wrote them down, and what they say about a unit.

`decide` answers None where only the service knows: who was enrolled before a freeze, which visitor stands for
a customer, and rules of a newer service that this client cannot read.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

import msgspec

from app.clients.answers import Question
from assignment.decision import Assigned, Experiment, NotAssigned, decide
from assignment.targeting import compile_condition, validate_condition

log = logging.getLogger("offerlab.client")
FORMAT = 1
_HINTS = get_type_hints(Experiment)
_KNOWN = frozenset(field.name for field in fields(Experiment) if field.init and field.name != "condition")
_WHOEVER = frozenset({"ENDED", "BOT", "PAUSED", "NOT_TARGETED"})
_offer = msgspec.json.Decoder().decode


class _Written(msgspec.Struct):
    rules: dict[str, Any]
    audience: dict[str, Any] | None
    starts_at_us: int | None
    ends_at_us: int | None
    offers: dict[str, msgspec.Raw]
    fallback: msgspec.Raw


class _Document(msgspec.Struct):
    format: int
    config_version: int
    experiments: list[_Written]


@dataclass(frozen=True, slots=True)
class LocalExperiment:
    """One experiment as this client decides it.

    Attributes:
        key: its name.
        version: its version, or None where its rules cannot be read.
        rules: its rules, or None where they cannot be read here.
        before: rules until `starts_at_us`; `after`: rules from `ends_at_us` on.
    """

    key: str
    version: int | None
    rules: Experiment | None
    before: Experiment | None
    after: Experiment | None
    starts_at_us: int | None
    ends_at_us: int | None
    offers: Mapping[str, bytes]
    fallback: bytes

    def offer_of(self, variant: str | None) -> Any:
        """The terms, newly read each time: what a caller does to them stays with the caller."""
        return _offer(self.fallback if variant is None else self.offers[variant])

    def rules_at(self, now_us: int) -> Experiment | None:
        """The rules in force at a moment."""
        if self.starts_at_us is not None and now_us < self.starts_at_us:
            return self.before
        if self.ends_at_us is not None and now_us >= self.ends_at_us:
            return self.after
        return self.rules

    def decide(self, question: Question, now_us: int) -> Assigned | NotAssigned | None:
        """What the rules say, or None where only the service knows."""
        rules = self.rules_at(now_us)
        if rules is None:
            return None
        is_bot = question.attributes.get("bot") is True
        found = decide(rules, _unit(rules, question), question.attributes, is_bot=is_bot, enrolled=True)
        if rules.unit == "visitor" and question.customer_id and not _holds_for_all(rules, question, found):
            return None  # another visitor may stand for this customer
        if rules.state == "frozen" and isinstance(found, Assigned) and found.in_experiment:
            return None  # only if it was enrolled before
        return found


def _unit(rules: Experiment, question: Question) -> str | None:
    if rules.unit == "visitor":
        return question.visitor_id
    falls_back = getattr(rules, "fallback_unit", None) == "visitor"
    return question.customer_id or (question.visitor_id if falls_back else None)


def _holds_for_all(rules: Experiment, question: Question, found: Assigned | NotAssigned) -> bool:
    """Whether the answer is the same whichever visitor stands for the customer."""
    if not question.visitor_id or rules.forced:
        return False
    if isinstance(found, Assigned):
        return found.reason == "DECIDED" and not rules.hold_back
    return found.reason in _WHOEVER


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The rules of one config version; immutable.

    Attributes:
        config_version: of the service.
        experiments: every started experiment by key.
    """

    config_version: int
    experiments: Mapping[str, LocalExperiment]


def read_rules(document: bytes) -> RuleBook:
    """Compile what `GET /api/v1/configuration` answers.

    Raises:
        ValueError: it is not such a document, or of a format this client does not know.
    """
    found = msgspec.json.decode(document, type=_Document)
    if found.format != FORMAT:
        raise ValueError(f"format is {found.format!r}; this client reads {FORMAT}")
    compiled = [_compile(written) for written in found.experiments]
    return RuleBook(found.config_version, {each.key: each for each in compiled})


def _compile(written: _Written) -> LocalExperiment:
    key = str(written.rules["key"])
    try:
        rules = _rules(written)
    except (ValueError, TypeError, KeyError) as error:
        log.warning("the rules of %s cannot be read here, the service is asked: %s", key, error)
        rules = None
    return LocalExperiment(
        key=key,
        version=None if rules is None else rules.version,
        rules=rules,
        before=None if rules is None else replace(rules, state="paused"),
        after=None if rules is None else replace(rules, state="stopped"),
        starts_at_us=written.starts_at_us,
        ends_at_us=written.ends_at_us,
        offers={variant: bytes(offer) for variant, offer in written.offers.items()},
        fallback=bytes(written.fallback),
    )


def _rules(written: _Written) -> Experiment:
    """Field by field, by the types of `Experiment`; a field it lacks may only say that it is not used."""
    unknown = sorted(name for name, value in written.rules.items() if name not in _KNOWN and value)
    if unknown:
        raise ValueError(f"unknown fields {unknown!r}")
    known = {
        name: msgspec.convert(value, _HINTS[name]) for name, value in written.rules.items() if name in _KNOWN
    }
    if written.audience:
        validate_condition(written.audience)  # an operator or a segment unknown here would match wrongly
        known["condition"] = compile_condition(written.audience)
    return Experiment(**known)
