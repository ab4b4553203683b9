"""Whoever never finishes the head of a request loses the connection; whoever waits for an answer does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.edge.patience import PatientProtocol

PATIENCE, LONG = 0.3, 20.0
GET = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: sh"
ANSWER_SECONDS = 1.0


class Impatient(PatientProtocol):
    """The same with little patience, and connections that may stay idle for longer than that."""

    head_seconds = PATIENCE


async def _slow(_scope: Any, _receive: Any, send: Any) -> None:
    await asyncio.sleep(ANSWER_SECONDS)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def _served(protocol: type[HttpToolsProtocol]) -> AsyncIterator[int]:
    config = uvicorn.Config(
        _slow, port=0, http=protocol, lifespan="off", log_level="critical", timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    running = asyncio.ensure_future(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has a flag, no event
        await asyncio.sleep(0.01)
    try:
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = server.force_exit = True
        await running


def _talk(protocol: type[HttpToolsProtocol], *sent: bytes, seconds: float = LONG) -> bytes | None:
    """Everything the server says until it closes; None: it did not close in so many seconds."""

    async def talk() -> bytes | None:
        async with _served(protocol) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"".join(sent))
                return await asyncio.wait_for(reader.read(), seconds)
            except TimeoutError:
                return None
            finally:
                writer.close()

    return asyncio.run(talk())


@pytest.mark.parametrize("sent", [b"", HALF, b"\r\n"], ids=["nothing", "half a head", "an empty line"])
def test_a_head_that_never_ends_costs_its_sender_the_connection(sent: bytes) -> None:
    assert _talk(Impatient, sent) == b""


def test_an_answer_that_takes_longer_than_the_patience_comes() -> None:
    assert PATIENCE < ANSWER_SECONDS
    assert (_talk(Impatient, GET) or b"").endswith(b"\r\n\r\nok")


def test_the_next_head_on_the_same_connection_must_end_as_well() -> None:
    assert (_talk(Impatient, GET, HALF) or b"").count(b"200 OK") == 1


def test_two_requests_at_once_are_both_answered() -> None:
    assert (_talk(Impatient, GET, GET) or b"").count(b"200 OK") == 2


def test_the_server_as_it_comes_would_wait() -> None:
    assert _talk(HttpToolsProtocol, HALF, seconds=4 * PATIENCE) is None
