"""Reading and answering raw ASGI requests: capped bodies, JSON out, problems as RFC 9457."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.errors import BadRequest, Refusal, TooLarge, UnsupportedType, problem

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_CAP_BYTES = 1024 * 1024
BODY_TIMEOUT_SECONDS = 10.0
JSON_HEADERS = [(b"content-type", b"application/json")]


class ClientGone(Exception):  # noqa: N818 - not an error of ours
    """The client closed the connection before its body was read."""


_BY_NAME = "offerlab.headers"


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of that (lower-case) name; they are arranged once per request."""
    by_name: dict[bytes, bytes] | None = scope.get(_BY_NAME)
    if by_name is None:
        by_name = scope[_BY_NAME] = dict(reversed(scope["headers"]))
    return by_name.get(name)


def bearer_token(scope: Scope) -> str | None:
    """The API key of a request: `Authorization: Bearer KEY` or `X-API-Key: KEY`."""
    value = header(scope, b"authorization")
    if value is not None and value[:7].lower() == b"bearer ":
        return value[7:].strip().decode("latin-1")
    value = header(scope, b"x-api-key")
    return None if value is None else value.strip().decode("latin-1")


def check_json(scope: Scope) -> None:
    """Refuse a body that says it is something else than JSON; one that says nothing is tried.

    Raises:
        UnsupportedType: another content type, or an encoded body.
    """
    kind = header(scope, b"content-type")
    if kind is not None and kind.split(b";")[0].strip().lower() != b"application/json":
        raise UnsupportedType("send application/json", "not_json_type", "content-type")
    check_not_encoded(scope)


def check_not_encoded(scope: Scope) -> None:
    """Refuse a compressed body: a small one may hide a very large one.

    Raises:
        UnsupportedType: it is encoded.
    """
    encoding = header(scope, b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in {b"", b"identity"}:
        raise UnsupportedType("send the body as it is, not compressed", "encoded_body", "content-encoding")


async def read_body(receive: Receive, scope: Scope, cap: int = BODY_CAP_BYTES) -> bytes:
    """The whole body, refused as soon as it is over the cap or too slow.

    Raises:
        TooLarge: over `cap` bytes, declared or received.
        BadRequest: not complete after `BODY_TIMEOUT_SECONDS`.
        ClientGone: the connection was closed.
    """
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdigit() and int(declared) > cap:
        raise too_large(cap)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body = bytes(message.get("body", b""))
        if len(body) > cap:
            raise too_large(cap)
        return body
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            return await _read_rest(message, receive, cap)
    except TimeoutError:
        raise BadRequest("the body did not arrive in time", "slow_body") from None


def too_large(cap: int) -> TooLarge:
    """The refusal of a body over the cap."""
    return TooLarge(f"the body is over {cap} bytes", "too_large", extra={"max_bytes": cap})


async def _read_rest(message: MutableMapping[str, Any], receive: Receive, cap: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > cap:
            raise too_large(cap)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()


async def send_bytes(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Answer with these bytes; JSON unless the headers say otherwise."""
    fields = [*(JSON_HEADERS if headers is None else headers), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def send_refusal(send: Send, refusal: Refusal) -> None:
    """Answer with an RFC 9457 problem document."""
    status, body, headers = problem(refusal)
    await send_bytes(send, status, body, headers)
