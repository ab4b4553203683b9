"""Server-sent events over raw ASGI: a line when something changed, a comment now and then, an end in time."""

import asyncio
from collections.abc import Callable

from app.edge.http import Receive, Send
from app.errors import Unavailable
from app.leaving import is_leaving

LOOK_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 600.0  # then the client connects again; EventSource does so by itself
MOST_STREAMS = 2_000
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Streams:
    """The open streams of one process."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self.most = most
        self.open = 0

    async def follow(self, receive: Receive, send: Send, message: Callable[[], bytes | None]) -> None:
        """Send what `message` has to say until the client leaves.

        Args:
            receive: tells when the client is gone.
            send: the connection.
            message: the next event as it goes over the wire, or None while nothing is new.

        Raises:
            Unavailable: too many streams are open.
        """
        if self.open >= self.most:
            raise Unavailable("too many streams are open; poll instead", "too_many_streams")
        self.open += 1
        gone = asyncio.create_task(_left(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
            await _speak(send, message, gone)
        finally:
            self.open -= 1
            gone.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _speak(send: Send, message: Callable[[], bytes | None], gone: "asyncio.Task[None]") -> None:
    loop = asyncio.get_running_loop()
    end, beat = loop.time() + LONGEST_SECONDS, loop.time()
    while not (gone.done() or is_leaving() or loop.time() >= end):
        body = message()
        if body is None and loop.time() >= beat:
            body = b": here\n\n"
        if body is not None:
            beat = loop.time() + HEARTBEAT_SECONDS
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.wait({gone}, timeout=LOOK_SECONDS)
    if not gone.done():
        await send({"type": "http.response.body", "body": b""})
