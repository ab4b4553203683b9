"""How long a connection may take over the head of a request; the server itself would wait for ever."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 15.0
"""Seconds from the connection, or from the last answer, until a request's head must be complete."""


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, for clients that finish the heads of their requests.

    A half-sent head costs its sender a connection and the service nothing that lasts: it is closed after
    `head_seconds`. One timer per connection looks now and then; a request itself only notes the time.

    Attributes:
        head_seconds: the patience; class-wide.
    """

    head_seconds: float = HEAD_SECONDS
    _waits_since: float | None = None
    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._waits_since = self.loop.time()
        self._look_again(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """The head is there: from here on the body's deadline counts."""
        self._waits_since = None
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The next head may begin."""
        self._waits_since = self.loop.time()
        super().on_response_complete()

    def _look_again(self, seconds: float) -> None:
        self._look = self.loop.call_later(seconds, self._close_if_late)

    def _close_if_late(self) -> None:
        since = self._waits_since
        answering = self.cycle is not None and not self.cycle.response_complete
        left = (
            self.head_seconds if since is None or answering else since + self.head_seconds - self.loop.time()
        )
        if left > 0:
            self._look_again(left)
        else:
            self.transport.close()
