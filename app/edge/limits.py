"""A cap and a deadline on every body, as plain ASGI in front of FastAPI."""

from collections.abc import MutableMapping
from typing import Any

from app.edge.http import (
    ClientGone,
    Handler,
    Receive,
    Scope,
    Send,
    check_not_encoded,
    header,
    read_body,
    send_refusal,
)
from app.errors import Refusal

_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS"}


class BodyLimit:
    """Reads a request's body under the cap and the deadline before the application sees the request.

    Args:
        app: the application behind it.
    """

    def __init__(self, app: Handler) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; anything but HTTP passes through."""
        if scope["type"] != "http" or _has_no_body(scope):
            await self.app(scope, receive, send)
            return
        try:
            check_not_encoded(scope)
            body = await read_body(receive, scope)
        except Refusal as refusal:
            await send_refusal(send, refusal)
            return
        except ClientGone:
            return
        await self.app(scope, Replay(body, receive), send)


def _has_no_body(scope: Scope) -> bool:
    declared = header(scope, b"content-length") or header(scope, b"transfer-encoding")
    return scope["method"] in _WITHOUT_BODY and declared is None


class Replay:
    """Gives the body once, then whatever the server says (that the client left).

    Args:
        body: that was read.
        receive: of the server.
    """

    def __init__(self, body: bytes, receive: Receive) -> None:
        self.body: bytes | None = body
        self.receive = receive

    async def __call__(self) -> MutableMapping[str, Any]:
        """The next message."""
        if self.body is None:
            return await self.receive()
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}
