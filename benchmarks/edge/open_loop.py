"""Open-loop load: every request has its moment, and its latency counts from there even if it left later.

A closed loop waits for the slow answer before it asks again, and so hides a stall.
"""

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.edge.processes import halves, pinned

GIVE_UP_SECONDS = 15.0
CONNECTIONS = 16
"""Taken in turn."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one request.

    Attributes:
        due: its moment, by `perf_counter`.
        seconds: from that moment to the whole answer.
        status: HTTP status; 0: none came.
        body: of the answer.
    """

    due: float
    seconds: float
    status: int
    body: bytes


def request(url: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """One HTTP request as bytes."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Connection(asyncio.Protocol):
    """One kept-alive connection; one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._data = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class, of the same kind

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what waits."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError(str(exc)))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send; status and body of the answer."""
        assert self.transport is not None  # noqa: S101 - connected before it is used
        self._data.clear()
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._waiting

    def data_received(self, data: bytes) -> None:
        """Collect the answer until it is whole."""
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0 or self._waiting is None:
            return
        head = bytes(self._data[:end]).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(self._data) >= end + 4 + length and not self._waiting.done():
            self._waiting.set_result((int(head[9:12]), bytes(self._data[end + 4 :])))


@dataclass(slots=True)
class Stream:
    """Requests at a steady rate to one server.

    Attributes:
        url: of the server.
        requests: the next request, for ever.
        per_second: rate.
        answered: what became of them, in order of the answers.
    """

    url: str
    requests: Iterator[bytes]
    per_second: float
    answered: list[Answered] = field(default_factory=list)
    _free: deque[_Connection] = field(default_factory=deque)

    async def connect(self, count: int) -> None:
        """Open so many connections and ask one question over each, so that a worker has taken it."""
        for _ in range(count):
            connection = await self._new_connection()
            await connection.ask(next(self.requests))
            self._free.append(connection)

    async def run(self, seconds: float, note: Callable[[Answered], None] | None = None) -> None:
        """Send for so long, then wait for the answers."""
        if not self._free:
            await self.connect(CONNECTIONS)
        start = perf_counter()  # the loop's own clock counts whole milliseconds
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * self.per_second)):
                due = start + number / self.per_second
                while due > perf_counter():  # noqa: ASYNC110 - for a moment, not an event; a timer may be early
                    await asyncio.sleep(due - perf_counter())
                group.create_task(self._one(due, next(self.requests), note))
        for connection in self._free:
            if connection.transport is not None:
                connection.transport.close()

    async def _one(self, due: float, wanted: bytes, note: Callable[[Answered], None] | None) -> None:
        status, body = 0, b""
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                connection = await self._connection()
                status, body = await connection.ask(wanted)
            self._free.append(connection)
        except (OSError, TimeoutError):
            pass  # status 0 says it
        one = Answered(due, perf_counter() - due, status, body)
        self.answered.append(one)
        if note is not None:
            note(one)

    async def _connection(self) -> _Connection:
        while self._free:
            known = self._free.popleft()
            if known.transport is not None and not known.transport.is_closing():
                return known
        return await self._new_connection()

    async def _new_connection(self) -> _Connection:
        address = urlsplit(self.url)
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(_Connection, str(address.hostname), int(address.port or 80))
        return made


def run_load(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a load on the load's processors, without pauses of its own for garbage."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        with pinned(halves()[1]), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    finally:
        gc.enable()
        gc.unfreeze()


def errors(answered: list[Answered]) -> int:
    """How many were not answered with a success."""
    return sum(one.status != 200 for one in answered)


def percentile_ms(answered: list[Answered], share: float) -> float:
    """A quantile of the latencies, in milliseconds; by nearest rank, never between two."""
    ordered = sorted(one.seconds for one in answered)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1e3


def latencies(answered: list[Answered]) -> str:
    """In words."""
    middle, high, worst = (percentile_ms(answered, share) for share in (0.5, 0.99, 1.0))
    return f"median {middle:.1f} ms, p99 {high:.1f} ms, longest {worst:.0f} ms"
