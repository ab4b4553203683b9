"""OpenFeature Remote Evaluation Protocol 0.3.0: flag = experiment, value = the offer."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

import msgspec

from app.access.service import allow, identity_secret
from app.edge.asking import IGNORED_CUSTOMER, LONGEST_ID, Asking, ask, authenticate, vouched_customer
from app.edge.crawlers import is_crawler
from app.edge.http import (
    JSON_HEADERS,
    Handler,
    Receive,
    Scope,
    Send,
    bearer_token,
    check_json,
    header,
    read_body,
    send_bytes,
)
from app.edge.streams import Streams
from app.errors import Refusal, problem

if TYPE_CHECKING:
    from app.bootstrap import Services

BULK = "/ofrep/v1/evaluate/flags"
EVENTS = "/ofrep/v1/events"
_OWN_FIELDS = ("targetingKey", "customer_id", "customer_signature")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(strict=True).decode
_NOT_MODIFIED = 304
INACTIVITY_SECONDS = 120  # a page in the background for longer may let its stream go


class Unfit(Exception):  # noqa: N818 - carries OFREP's own error code
    """The request cannot be evaluated.

    Attributes:
        code: OFREP's errorCode.
        details: plain words.
        status: 400 or 404.
    """

    def __init__(self, code: str, details: str, status: int = 400) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.status = status


def ofrep_handler(services: "Services") -> Handler:
    """The handler of single evaluation (`…/flags/{key}`) and bulk evaluation (`…/flags`)."""
    secret = identity_secret(services.settings)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        key = scope["path"][len(BULK) + 1 :] or None
        operation = "ofrep_evaluate_flags" if key is None else "ofrep_evaluate_flag"
        try:
            principal = authenticate(services, scope, operation)
            check_json(scope)
            context = read_context(await read_body(receive, scope))
            customer_id = vouched_customer(
                principal, context.get("customer_id"), context.get("customer_signature"), secret
            )
            asking = _asking(services, context, customer_id, is_bot=is_crawler(principal, scope))
            note = "" if customer_id == context.get("customer_id") else IGNORED_CUSTOMER["code"]
            if key is None:
                stream = bearer_token(scope) if principal.kind == "pub" else None
                await _send_bulk(send, scope, asking, note, stream)
            else:
                await send_bytes(send, 200, _single(asking, key, note))
        except Unfit as unfit:
            await send_bytes(send, unfit.status, _error(key, unfit.code, unfit.details))
        except Refusal as refusal:
            status, _, headers = problem(refusal)
            kept = [(name, value) for name, value in headers if name != b"content-type"]
            await send_bytes(send, status, _error(key, "GENERAL", str(refusal)), [*JSON_HEADERS, *kept])

    return handle


async def _send_bulk(send: Send, scope: Scope, asking: Asking, note: str, stream_key: str | None) -> None:
    """All flags, or 304 without writing them when the client has them already."""
    snapshot = asking.snapshot
    sheet, asked = snapshot.sheet(asking.now_us, snapshot.flag_keys), asking.asked
    answers = sheet.decide(asked, asking.enrolled)
    etag = sheet.etag(asked, answers, note, stream_key or "", snapshot.mark_at(asking.now_us))
    if _matches(header(scope, b"if-none-match") or b"", etag):
        await send_bytes(send, _NOT_MODIFIED, b"", [(b"etag", etag)])
        return
    streams = b"" if stream_key is None else stream_of(asking, stream_key)
    flags = sheet.flags(asked, answers, note)
    body = b'{"flags":[%b],"metadata":{"config_version":%d}%b}' % (flags, sheet.config_version, streams)
    await send_bytes(send, 200, body, [*JSON_HEADERS, (b"etag", etag)])


def _matches(asked: bytes, etag: bytes) -> bool:
    """RFC 9110's weak comparison with a list: a proxy that compresses marks an ETag as weak."""
    return asked.strip() == b"*" or etag in {tag.strip().removeprefix(b"W/") for tag in asked.split(b",")}


def read_context(body: bytes) -> dict[str, Any]:
    """The evaluation context of a body.

    Raises:
        Unfit: PARSE_ERROR, INVALID_CONTEXT or TARGETING_KEY_MISSING.
    """
    try:
        request = _decode(body)
    except (ValueError, RecursionError):  # msgspec's and Unicode's errors are ValueErrors
        raise Unfit("PARSE_ERROR", "the body cannot be read as JSON") from None
    context = request.get("context") if isinstance(request, dict) else None
    if context is None:
        context = {}
    if not isinstance(request, dict) or not isinstance(context, dict):
        raise Unfit("INVALID_CONTEXT", "the body must be an object whose context is an object")
    for field in _OWN_FIELDS:
        value = context.get(field)
        if value is not None and (not isinstance(value, str) or len(value) > LONGEST_ID or "\0" in value):
            raise Unfit("INVALID_CONTEXT", f"{field} must be a text of at most {LONGEST_ID} characters")
    if not context.get("targetingKey"):
        raise Unfit("TARGETING_KEY_MISSING", "context.targetingKey is the visitor id")
    return context


def _asking(
    services: "Services", context: dict[str, Any], customer_id: str | None, *, is_bot: bool
) -> Asking:
    attributes = {name: value for name, value in context.items() if name not in _OWN_FIELDS}
    return ask(services, context["targetingKey"], customer_id, attributes, is_bot=is_bot)


def _single(asking: Asking, key: str, note: str) -> bytes:
    try:
        sheet = asking.snapshot.sheet(asking.now_us, (key,))
    except KeyError:
        raise Unfit("FLAG_NOT_FOUND", "no experiment with this key was started", 404) from None
    asked = asking.asked
    return sheet.flags(asked, sheet.decide(asked, asking.enrolled), note)


def stream_of(asking: Asking, key: str) -> bytes:
    """Where a browser hears of changes; only a publishable key may stand in an address."""
    return _stream(key, asking.snapshot.mark_at(asking.now_us))


@lru_cache(maxsize=256)
def _stream(key: str, since: str) -> bytes:
    address = f"{EVENTS}?{urlencode({'client_key': key, 'since': since})}"
    stream = {"type": "sse", "endpoint": {"requestUri": address}, "inactivityDelaySec": INACTIVITY_SECONDS}
    return b',"eventStreams":%b' % _encode([stream])


def events_handler(services: "Services", streams: Streams) -> Handler:
    """`GET /ofrep/v1/events`: says `refetchEvaluation` when what is served has changed."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        query = parse_qs(bytes(scope.get("query_string", b"")).decode("latin-1"))
        key = query.get("client_key", [""])[0]
        principal = services.keys.authenticate(bearer_token(scope) or key, services.clock.now_us())
        allow(principal, "ofrep_events")
        last = (header(scope, b"last-event-id") or b"").decode("latin-1") or query.get("since", [""])[0]
        told = [last]

        def message() -> bytes | None:
            now = services.snapshots.current.mark_at(services.clock.now_us())
            if told[0] in {"", now}:
                told[0] = now
                return None
            told[0] = now
            return b'id: %b\ndata: {"type":"refetchEvaluation"}\n\n' % now.encode()

        await streams.follow(receive, send, message)

    return handle


def _error(key: str | None, code: str, details: str) -> bytes:
    document = {"errorCode": code, "errorDetails": details[:LONGEST_ID]}
    if key is not None:
        document = {"key": key.encode("utf-8", "replace").decode()[:LONGEST_ID], **document}
    return _encode(document)
