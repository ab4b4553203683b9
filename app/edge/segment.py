"""The doors of Segment and RudderStack SDKs: `/v1/batch`, `/v1/track|identify|page` and `/v1/t|i|p`.

SDKs send JSON under any content type, often compressed. A message's id makes it one event for ever; the
answer is 200 with each message that was not stored under `rejected`, because SDKs send again what is not 200.
"""

import base64
import binascii
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from app.access.service import Principal, allow
from app.edge.crawlers import is_crawler
from app.edge.foreign import Stored, read_document, store
from app.edge.http import (
    BODY_CAP_BYTES,
    Handler,
    Receive,
    Scope,
    Send,
    bearer_token,
    header,
    read_body,
    send_bytes,
    too_large,
)
from app.edge.segment_events import event_of
from app.errors import BadRequest, Invalid, UnsupportedType
from app.ledger.intake import MAX_EVENTS, Unfit

if TYPE_CHECKING:
    from app.bootstrap import Services

BATCH = "/v1/batch"
KINDS = {
    "track": "track",
    "t": "track",
    "identify": "identify",
    "i": "identify",
    "page": "page",
    "p": "page",
    "screen": "screen",
    "s": "screen",
    "group": "group",
    "g": "group",
    "alias": "alias",
    "a": "alias",
}
PATHS = (BATCH, *(f"/v1/{name}" for name in KINDS))
_GZIP_WINDOW = 31  # zlib's word for a gzip header


class SegmentAnswer(Stored, kw_only=True):
    """What became of the messages; SDKs read only that it is 200."""

    success: bool = True


def segment_handler(services: "Services") -> Handler:
    """The handler of all these doors."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        now_us = services.clock.now_us()
        token = basic_user(scope) or bearer_token(scope)
        principal = _principal(services, token, now_us) if token else None
        body = unpacked(await read_body(receive, scope), scope)
        principal = principal or _principal(services, _write_key(body), now_us)
        document = read_document(body)
        messages = _messages(document, scope["path"].removeprefix("/v1/"))
        stored = await store(
            services,
            messages,
            lambda message: _events(message, document.get("sentAt"), now_us),
            trusted=principal.kind != "pub",
            is_bot=is_crawler(principal, scope),
        )
        await send_bytes(send, 200, msgspec.json.encode(SegmentAnswer(**msgspec.structs.asdict(stored))))

    return handle


def _principal(services: "Services", token: Any, now_us: int) -> Principal:
    principal = services.keys.authenticate(token if isinstance(token, str) else None, now_us)
    allow(principal, "segment_events")
    return principal


def _write_key(body: bytes) -> Any:
    """The key in a body, as browsers name it that cannot set a header; None where there is none."""
    try:
        return read_document(body).get("writeKey")
    except (BadRequest, Invalid):
        return None


def basic_user(scope: Scope) -> str | None:
    """The write key: user of HTTP Basic, with an empty password."""
    value = header(scope, b"authorization")
    if value is None or value[:6].lower() != b"basic ":
        return None
    try:
        pair = base64.b64decode(value[6:].strip(), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return None
    return pair.partition(":")[0] or None


def unpacked(body: bytes, scope: Scope, cap: int = BODY_CAP_BYTES) -> bytes:
    """The body as it was before compression, never more than the cap of it.

    Raises:
        TooLarge: it unpacks to more.
        BadRequest: it is not what its header says.
        UnsupportedType: another encoding than gzip or deflate.
    """
    encoding = (header(scope, b"content-encoding") or b"identity").strip().lower()
    if encoding in {b"", b"identity"}:
        return body
    if encoding not in {b"gzip", b"x-gzip", b"deflate"}:
        raise UnsupportedType("send gzip, deflate or plain", "encoded_body", "content-encoding")
    machine = zlib.decompressobj(_GZIP_WINDOW if encoding != b"deflate" else zlib.MAX_WBITS)
    try:
        plain = machine.decompress(body, cap + 1)
    except zlib.error:
        raise BadRequest("the body is not compressed as its header says", "bad_encoding") from None
    if len(plain) > cap:
        raise too_large(cap)
    if not machine.eof:
        raise BadRequest("the compressed body is cut off", "bad_encoding")
    return plain


def _messages(document: dict[str, Any], path: str) -> list[Any]:
    """The messages of a request.

    Raises:
        Invalid: a batch without a list, or of more than 1,000.
    """
    if path != "batch":
        return [{**document, "type": KINDS[path]}]
    messages = document.get("batch")
    if not isinstance(messages, list):
        raise Invalid("must be a list of messages", "bad_envelope", "batch")
    if len(messages) > MAX_EVENTS:
        raise Invalid(f"one batch takes at most {MAX_EVENTS} messages", "too_many_events", "batch")
    return messages


def _events(message: Any, sent_at: Any, now_us: int) -> list[dict[str, Any]]:
    if not isinstance(message, dict):
        raise Unfit("invalid", "message: must be an object")
    if any(_half_characters(message)):
        raise Unfit("invalid", "text: half a character")
    event = event_of(message, message.get("sentAt") or sent_at, now_us)
    return [] if event is None else [event]


def _half_characters(value: Any) -> Iterator[bool]:
    """Whether a text holds half an emoji: JSON by its grammar, but no text."""
    if isinstance(value, str):
        yield not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _half_characters(name)
            yield from _half_characters(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _half_characters(inner)
