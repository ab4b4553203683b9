"""One request of JSON events → validated items, and for the others an index, a code and the reason.

A broken envelope is refused as a whole; a broken event is refused alone.
"""

import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from app.clock import MICROSECONDS, to_us
from app.errors import BadRequest, Invalid
from app.ledger import events
from app.ledger.contents import MoneyOverflow, content_of, order_rest
from app.ledger.currencies import CURRENCIES
from app.ledger.events import MAX_ID_LENGTH, Event
from app.ledger.exposures import KnownExperiment, flags_of, refused_exposure
from app.ledger.referred import Referred, referred
from app.ledger.rows import CONTRADICTS_HASH, UNTRUSTED, Item
from app.ledger.veiled import Veil, veiled_order

MAX_EVENTS = 1000
FUTURE_TOLERANCE_SECONDS = 5 * 60
MAX_DETAIL_LENGTH = 300


class Envelope(Struct, forbid_unknown_fields=True):
    """The outside of a request."""

    events: list[Raw]


class Rejected(Struct):
    """One event that was not stored.

    Attributes:
        index: its position in the request, from 0.
        event_id: its id where it could be read, else None.
        code: stable word for the reason.
        detail: the field and the bound, in words.
    """

    index: int
    event_id: str | None
    code: str
    detail: str


class Warned(Struct):
    """One event that was stored without a part of it."""

    index: int
    code: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, and what it is judged by.

    Attributes:
        trusted: a key of the shop's server; a publishable one is not.
        now_us: when the request came, microseconds since 1970 UTC.
        experiments: key → what is known of it.
        sign: customer id → the hex signature with which a publishable key may name it.
        veil: hides codes and fingerprints.
        canonical: customer id → the visitor by whose hash it is assigned, or None when no link is known.
        is_bot: the request comes from a crawler's browser.
    """

    trusted: bool
    now_us: int
    experiments: Mapping[str, KnownExperiment]
    sign: Callable[[str], str]
    veil: Veil
    canonical: Callable[[str], str | None] = lambda _: None
    is_bot: bool = False


@dataclass(slots=True)
class Parsed:
    """The events of one request, sorted out.

    Attributes:
        items: what may be stored; `indices` holds the position of each in the request.
    """

    items: list[Item] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)


class Unfit(Exception):  # noqa: N818 - not an error of ours; carries why one event is rejected
    """This event cannot be stored."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


_UNREADABLE = (ValueError, RecursionError, OverflowError)  # msgspec's errors and Unicode's are ValueErrors
_envelopes = msgspec.json.Decoder(Envelope)
_events: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_objects = msgspec.json.Decoder(dict[str, Raw])
_texts = msgspec.json.Decoder(str)


def read_envelope(body: bytes) -> list[Raw]:
    """The raw events of a request body.

    Raises:
        BadRequest: not JSON.
        Invalid: JSON of another shape, or more than 1,000 events.
    """
    try:
        raws = _envelopes.decode(body).events
    except msgspec.ValidationError as error:
        raise Invalid(_clip(str(error)), "bad_envelope", field=_field(str(error)) or "events") from None
    except _UNREADABLE as error:
        taken_apart = _one_by_one(body)
        if taken_apart is None:
            raise BadRequest(f"the body is not JSON: {_clip(str(error))}", "bad_json") from None
        raws = taken_apart
    if len(raws) > MAX_EVENTS:
        raise Invalid(
            f"{len(raws)} events; one request takes at most {MAX_EVENTS}", "too_many_events", field="events"
        )
    return raws


def _one_by_one(body: bytes) -> list[Raw] | None:
    """The events of a body in which some text holds half a character, each to be judged by itself; else None.

    A storefront that cuts a text in the middle of an emoji sends one half of it: JSON by its grammar, but not
    readable as text. That event is rejected; its neighbours are not.
    """
    try:
        document = json.loads(body.decode(), parse_constant=_refuse_constant)
        is_envelope = isinstance(document, dict) and isinstance(document.get("events"), list)
        if not is_envelope or document.keys() != {"events"}:
            return None
        return [Raw(json.dumps(event).encode()) for event in document["events"]]
    except _UNREADABLE:
        return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def parse(raws: Iterable[Raw], sender: Sender) -> Parsed:
    """Validate each event by itself; one bad event does not touch its neighbours."""
    parsed = Parsed()
    for index, raw in enumerate(raws):
        try:
            event = _read(raw)
            proven = sender.trusted or _customer_proven(event, sender)
            if not proven:
                event.customer_id = None
            parsed.items.append(_item(event, sender))
            parsed.indices.append(index)
            if not proven:
                parsed.warnings.append(Warned(index, "customer_id_ignored"))
        except Unfit as unfit:
            parsed.rejected.append(Rejected(index, _readable_id(raw), unfit.code, unfit.detail))
    return parsed


def _read(raw: Raw) -> Event:
    try:
        event = _events.decode(raw)
    except msgspec.ValidationError as error:
        raise _shape_error(str(error)) from None
    except _UNREADABLE as error:
        raise Unfit("bad_json", _clip(str(error))) from None
    if b"\\u0000" in bytes(raw) and _holds_nul(msgspec.to_builtins(event)):
        raise Unfit("invalid", "text: the character NUL is not allowed")
    return event


def _item(event: Event, sender: Sender) -> Item:
    if not sender.trusted and not isinstance(event, events.PUBLISHABLE):
        raise Unfit("not_allowed_for_key", "type: a publishable key sends only exposure and custom events")
    occurred_at_us = happened_us(event.occurred_at, sender.now_us)
    _check_unit(event)
    flags = 0 if sender.trusted else UNTRUSTED
    if isinstance(event, events.Exposure):
        flags |= _check_exposure(event, sender)
    elif isinstance(event, events.OrderState):
        _check_order(event)
    try:
        content = content_of(event, occurred_at_us)
    except MoneyOverflow as error:
        raise Unfit("out_of_range", str(error)) from None
    item = Item(event.event_id, event.visitor_id, event.customer_id, flags, content)
    if isinstance(event, events.Referral):
        return item._replace(referred=_referred(event))
    return _veiled(item, event, sender.veil) if isinstance(event, events.OrderState) else item


def _referred(event: events.Referral) -> Referred:
    try:
        named = referred(event)
    except ValueError as error:
        raise Unfit("invalid", str(error)) from None
    if named.is_one_person():
        raise Unfit("self_referral", "invited: the same id as referrer")
    return named


def _veiled(item: Item, order: events.OrderState, veil: Veil) -> Item:
    """The item of an order without the texts of codes and fingerprints."""
    if not (order.codes or order.discounts or order.fingerprints):
        return item
    instead, veiled = veiled_order(order, veil)
    if not instead:
        return item
    hidden = {**item.content, "rest": order_rest(order, instead)}
    return item._replace(content=hidden, said_rest=item.content["rest"], veiled=veiled)


def happened_us(occurred_at: datetime, now_us: int) -> int:
    """When something happened, as the shop says, in microseconds since 1970 UTC.

    Args:
        occurred_at: with an offset.
        now_us: the service's own time.

    Raises:
        Unfit: before 1970, or in the future by more than clocks may differ.
    """
    occurred_at_us = to_us(occurred_at)
    if occurred_at_us < 0:
        raise Unfit("time_before_1970", "occurred_at: before 1970-01-01T00:00:00Z")
    if occurred_at_us > now_us + FUTURE_TOLERANCE_SECONDS * MICROSECONDS:
        raise Unfit("future_time", f"occurred_at: more than {FUTURE_TOLERANCE_SECONDS} seconds in the future")
    return occurred_at_us


def _check_unit(event: events.Common) -> None:
    if isinstance(event, events.Identify):
        if event.visitor_id is None or event.customer_id is None:
            raise Unfit("no_unit", "visitor_id, customer_id: identify needs both")
    elif (
        event.visitor_id is None and event.customer_id is None and not isinstance(event, events.UNIT_OPTIONAL)
    ):
        raise Unfit("no_unit", "visitor_id: neither a visitor_id nor a customer_id")


def _check_exposure(event: events.Exposure, sender: Sender) -> int:
    refused = refused_exposure(sender.experiments, event.experiment, event.variant)
    if refused is not None:
        raise Unfit(refused[0], _clip(refused[1]))
    known = sender.experiments[event.experiment]
    is_bot = sender.is_bot or (event.attributes or {}).get("bot") is True
    flags = flags_of(
        known, event.variant, event.visitor_id, event.customer_id, sender.canonical, is_bot=is_bot
    )
    if flags & CONTRADICTS_HASH and not sender.trusted:
        raise Unfit("contradicts_assignment", "variant: not the one this unit is assigned to")
    return flags


def _check_order(order: events.OrderState) -> None:
    if order.currency not in CURRENCIES:
        raise Unfit("unknown_currency", "currency: not an ISO 4217 code in capitals, for example RUB")
    if order.discount_minor > order.items_minor:
        raise Unfit("discount_over_items", "discount_minor: more than items_minor")
    if order.discounts is None:
        return
    if sum(discount.amount_minor for discount in order.discounts) != order.discount_minor:
        raise Unfit("discounts_do_not_sum", "discounts: the amounts do not sum to discount_minor")
    if any((part.code, part.offer, part.other).count(None) < 2 for part in order.discounts):  # noqa: PLR2004 - one source of the three
        raise Unfit("invalid", "discounts: name one of code, offer and other")


def _customer_proven(event: events.Common, sender: Sender) -> bool:
    if event.customer_id is None:
        return True
    given = (event.customer_signature or "").lower().encode()
    return hmac.compare_digest(sender.sign(event.customer_id).encode(), given)


_SHAPES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], tuple[str, str]]], ...] = (
    (
        re.compile(r"Invalid value .* at `\$\.type`", re.DOTALL),
        lambda _: ("unknown_type", "type: not an event type we know"),
    ),
    (re.compile(r"missing required field `(\w+)`"), lambda m: ("missing_field", f"{m[1]}: required")),
    (
        re.compile(r"unknown field `(.*?)`(?: - at `\$\.?(.*)`)?$", re.DOTALL),
        lambda m: ("unknown_field", f"{m[2] + '.' if m[2] else ''}{m[1]}: no such field"),
    ),
    (
        re.compile(r"Expected `datetime` with a timezone"),
        lambda _: ("naive_time", "occurred_at: needs an offset, for example 2026-03-01T12:00:00+03:00"),
    ),
)


def _shape_error(message: str) -> Unfit:
    for pattern, name in _SHAPES:
        match = pattern.search(message)
        if match is not None:
            code, detail = name(match)
            return Unfit(code, _clip(detail))
    return Unfit("invalid", _clip(f"{_field(message) or 'event'}: {message.split(' - at ', 1)[0]}"))


def _field(message: str) -> str | None:
    """The path of the offending field in msgspec's words: `$.lines[0].sku`."""
    found = re.search(r"`\$\.?(.+)`$", message) or re.search(r"unknown field `(.{1,100})`", message)
    return None if found is None else found[1]


def _clip(text: str) -> str:
    return text if len(text) <= MAX_DETAIL_LENGTH else text[: MAX_DETAIL_LENGTH - 1] + "…"


def _readable_id(raw: Raw) -> str | None:
    try:
        event_id = _texts.decode(_objects.decode(raw)["event_id"])
    except (*_UNREADABLE, KeyError):
        return None
    return event_id if 0 < len(event_id) <= MAX_ID_LENGTH else None


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))
