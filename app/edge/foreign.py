"""Events in other vendors' words: translated one by one, stored together, each outcome told by its place."""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from app.access.service import customer_signature, identity_secret
from app.codes.service import Veil
from app.edge.ingest import answer
from app.errors import BadRequest, Invalid
from app.ledger.intake import Rejected, Sender, Unfit, parse

if TYPE_CHECKING:
    from app.bootstrap import Services

Translate = Callable[[Any], Sequence[dict[str, Any]]]
SAME_ID = frozenset({"conflict"})
SAME_THING = frozenset({"conflict", "order_conflict", "refund_conflict"})


class Stored(Struct):
    """What became of them.

    Attributes:
        accepted: events stored now.
        duplicates: events known before.
        ignored: messages that say nothing to a ledger.
        rejected: the others, by the place of their message.
    """

    accepted: int
    duplicates: int
    ignored: int
    rejected: list[Rejected]


async def store(  # noqa: PLR0913 - who sends, and how outcomes are read
    services: "Services",
    messages: Sequence[Any],
    translate: Translate,
    *,
    trusted: bool,
    is_bot: bool = False,
    known: frozenset[str] = SAME_ID,
) -> Stored:
    """Translate messages and append their events.

    Args:
        services: the process.
        messages: what came, in order.
        translate: one message → its events, none where it says nothing; raises `Unfit`.
        trusted: the shop's server sent them.
        is_bot: a crawler's browser did.
        known: refusals that mean "we have it": other vendors' messages change a little on their way.

    Raises:
        Unavailable: the database does not answer; nothing was stored.
    """
    places, raws, refused, ignored = [], [], [], 0
    for place, message in enumerate(messages):
        try:
            events = translate(message)
        except Unfit as unfit:
            refused.append(Rejected(place, _id_of(message), unfit.code, unfit.detail))
            continue
        ignored += not events
        places += [place] * len(events)
        raws += [Raw(msgspec.json.encode(event)) for event in events]
    parsed = parse(raws, _sender(services, trusted=trusted, is_bot=is_bot))
    counted = answer(parsed, await services.ledger.append(parsed.items))
    again = [entry for entry in counted.rejected if entry.code in known]
    rejected = refused + [
        Rejected(places[entry.index], entry.event_id, entry.code, entry.detail)
        for entry in counted.rejected
        if entry.code not in known
    ]
    rejected.sort(key=lambda entry: entry.index)
    return Stored(counted.accepted, counted.duplicates + len(again), ignored, rejected)


def read_document(body: bytes) -> dict[str, Any]:
    """The body as JSON, decimals kept exact.

    Raises:
        BadRequest: not JSON.
        Invalid: not an object.
    """
    try:
        document = json.loads(body.decode(), parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadRequest("the body cannot be read as JSON", "bad_json") from None
    if not isinstance(document, dict):
        raise Invalid("the body must be an object", "bad_envelope", "body")
    return document


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _sender(services: "Services", *, trusted: bool, is_bot: bool) -> Sender:
    sign = partial(customer_signature, identity_secret(services.settings))
    snapshots = services.snapshots
    known, canonical = snapshots.current.experiments, snapshots.follower.aliases.canonical
    veil = Veil(services.settings)
    return Sender(trusted, services.clock.now_us(), known, sign, veil, canonical, is_bot)


def _id_of(message: Any) -> str | None:
    found = message.get("messageId") if isinstance(message, dict) else None
    is_text = isinstance(found, str) and not any("\ud800" <= letter <= "\udfff" for letter in found)
    return found if is_text else None
