"""The outermost ASGI callable: hot paths first, everything else to FastAPI."""

import logging
import re
from collections.abc import Awaitable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Protocol

from app.edge.http import ClientGone, Handler, Receive, Scope, Send, send_bytes, send_refusal
from app.errors import INTERNAL, MethodNotAllowed, Refusal

log = logging.getLogger("offerlab")


class Once(Protocol):
    """What lets a named call through once; see `app.idempotency.door`."""

    def concerns(self, scope: Scope) -> bool:
        """Whether a request goes through it."""
        ...

    def around(self, app: Handler) -> Handler:
        """A door with it in front."""
        ...


class Edge:
    """Sends a request to its hot-path handler, or on to the FastAPI app.

    Args:
        slow: everything else, as ASGI.
        slow_app: the FastAPI application inside `slow` (for its OpenAPI document and its state).
        once: what stands in front of every door for calls that name themselves.
        exact: (method, path) → handler.
        prefixes: (method, path prefix) → handler that reads the rest of the path itself.
        patterns: (method, pattern of the whole path) → likewise; other methods on such a path are `slow`'s.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - every way a request may go
        self,
        slow: Handler,
        exact: Mapping[tuple[str, str], Handler],
        prefixes: Mapping[tuple[str, str], Handler],
        slow_app: Any = None,
        once: Once | None = None,
        patterns: Mapping[tuple[str, re.Pattern[str]], Handler] = MappingProxyType({}),
    ) -> None:
        self.slow = slow
        self.slow_app = slow_app
        self.once = once
        self.exact = dict(exact)
        self.prefixes = tuple(prefixes.items())
        self.patterns = tuple(patterns.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (or the lifespan, which is FastAPI's)."""
        handler = self._handler(scope) if scope["type"] == "http" else None
        if self.once is not None and scope["type"] == "http" and self.once.concerns(scope):
            handler = self.once.around(handler or self.slow)
        if handler is None:
            await self.slow(scope, receive, send)
            return
        started = _Started(send)
        try:
            await handler(scope, receive, started)
        except Refusal as refusal:
            await send_refusal(send, refusal)
        except ClientGone:
            return
        except Exception:
            if started.is_begun:
                raise
            log.exception("an answer on %s failed", scope["path"])
            await send_bytes(send, 500, INTERNAL, [(b"content-type", b"application/problem+json")])

    def _handler(self, scope: Scope) -> Handler | None:
        method, path = scope["method"], scope["path"]
        handler = self.exact.get((method, path))
        if handler is not None:
            return handler
        for (prefix_method, prefix), candidate in self.prefixes:
            if method == prefix_method and path.startswith(prefix):
                return candidate
        for (pattern_method, pattern), candidate in self.patterns:
            if method == pattern_method and pattern.fullmatch(path):
                return candidate
        return self._other_method(path)

    def _other_method(self, path: str) -> Handler | None:
        """FastAPI does not know the hot paths, so it would say that there is nothing."""
        taken = {method for method, hot in self.exact if hot == path}
        taken |= {method for (method, prefix), _ in self.prefixes if path.startswith(prefix)}
        return _refusing(", ".join(sorted(taken))) if taken else None


class _Started:
    """Passes messages on and remembers whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.is_begun = False

    def __call__(self, message: MutableMapping[str, Any]) -> Awaitable[None]:
        self.is_begun = True
        return self.send(message)


def _refusing(allow: str) -> Handler:
    async def refuse(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise MethodNotAllowed(f"send {allow}", "method_not_allowed", extra={"allow": allow})

    return refuse
