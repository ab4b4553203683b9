"""`POST /webhooks/{shopify|woocommerce|standard}/{source}`: signed calls of shops become ledger events.

No API key: the signature over the body as it came is the proof. An order that cannot be read is named in a
200, because shops send again, or give up, on anything else.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from app.clock import isoformat
from app.edge.foreign import SAME_THING, Stored, read_document, store
from app.edge.http import (
    Handler,
    Receive,
    Scope,
    Send,
    check_not_encoded,
    header,
    read_body,
    send_bytes,
)
from app.errors import BadRequest, Invalid, NotFound, Unauthorized
from app.ledger.intake import MAX_EVENTS
from app.sources.shopify import shopify_events
from app.sources.signatures import is_signed
from app.sources.tables import KINDS
from app.sources.woocommerce import woocommerce_events

if TYPE_CHECKING:
    from app.bootstrap import Services

PREFIX = "/webhooks/"
_TOPICS = {"shopify": b"x-shopify-topic", "woocommerce": b"x-wc-webhook-topic"}
_READERS: dict[str, Callable[[str, str, Mapping[str, Any], str], list[dict[str, Any]]]] = {
    "shopify": shopify_events,
    "woocommerce": woocommerce_events,
}


def webhooks_handler(services: "Services") -> Handler:
    """The handler of all webhooks."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        kind, _, name = scope["path"][len(PREFIX) :].partition("/")
        if kind not in KINDS:
            raise NotFound(f"the kind is one of {', '.join(KINDS)}", "unknown_source")
        source = services.sources.get(kind, name)
        check_not_encoded(scope)
        body = await read_body(receive, scope)
        if kind == "woocommerce" and _is_ping(scope, body):
            await send_bytes(send, 200, b'{"pong":true}')
            return
        now_us = services.clock.now_us()
        if not is_signed(kind, source.secrets, body, lambda wanted: _text(scope, wanted), now_us):
            raise Unauthorized("the signature fits none of the source's secrets", "bad_signature")
        stored = await _stored(services, scope, body, source.key, kind)
        await send_bytes(send, 200, msgspec.json.encode(stored))

    return handle


async def _stored(services: "Services", scope: Scope, body: bytes, source: str, kind: str) -> Stored:
    document = _document(body)
    if kind == "standard":
        return await store(services, _events_of(document), lambda event: [event], trusted=True)
    topic = (header(scope, _TOPICS[kind]) or b"").decode("latin-1")
    received, read = isoformat(services.clock.now_us()), _READERS[kind]
    return await store(
        services,
        [document],
        lambda message: read(source, topic, message, received),
        trusted=True,
        known=SAME_THING,
    )


def _is_ping(scope: Scope, body: bytes) -> bool:
    """WooCommerce asks whether we are there when a webhook is saved, unsigned and as a form."""
    return header(scope, b"x-wc-webhook-topic") is None and body.startswith(b"webhook_id=")


def _events_of(document: Mapping[str, Any]) -> list[Any]:
    """`{"events": […]}` as `POST /api/v1/events` takes it, bare or as the `data` of an envelope."""
    held = document.get("data") if "events" not in document else document
    events = held.get("events") if isinstance(held, dict) else None
    if not isinstance(events, list):
        raise Invalid("must be a list of events, here or in data", "bad_envelope", "events")
    if len(events) > MAX_EVENTS:
        raise Invalid(f"one call takes at most {MAX_EVENTS} events", "too_many_events", "events")
    return events


def _document(body: bytes) -> Mapping[str, Any]:
    document = read_document(body)
    try:
        msgspec.json.encode(document)  # half a character cannot be stored
    except ValueError:
        raise BadRequest("the body holds half a character", "bad_json") from None
    return document


def _text(scope: Scope, name: str) -> str | None:
    value = header(scope, name.encode())
    return None if value is None else value.decode("latin-1")
