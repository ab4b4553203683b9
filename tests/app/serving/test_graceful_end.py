"""SIGTERM under load: the acknowledged is stored, the refused was refused cleanly. Oracle: the ledger."""

import asyncio
import json
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.database import Database
from tests.support.inprocess import definition
from tests.support.ledger import query
from tests.support.live import ADMIN_KEY, Live, live_service

CLIENTS = 8
ENOUGH = 60
"""Acknowledged events after which the service is told to end."""
START_SECONDS = 180.0
END_SECONDS = 20.0
"""A worker that is still starting ends after its start, which takes long on a busy machine."""
STREAM_SECONDS = 5.0
"""The server would wait twice as long for its connections before it cuts them."""


@dataclass
class Outcome:
    """What the clients were told.

    Attributes:
        acknowledged: ids of events answered with 200 and accepted.
        statuses: of every answer.
        cut: how many requests ended with a broken or refused connection.
        told_at: when the service was told to end.
        stream_ended_at: when the open stream of server-sent events came to its end.
        ended_at: when the process was gone.
        is_enough: set when so many events are acknowledged.
    """

    acknowledged: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    cut: int = 0
    told_at: float = 0.0
    stream_ended_at: float = 0.0
    ended_at: float = 0.0
    is_enough: asyncio.Event = field(default_factory=asyncio.Event)


def _request(event_id: str) -> bytes:
    event = {"event_id": event_id, "type": "custom", "name": "x", "visitor_id": "v"}
    body = json.dumps({"events": [event | {"occurred_at": "2026-01-06T10:00:00Z"}]}).encode()
    head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nX-API-Key: {ADMIN_KEY}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _send(address: tuple[str, int], number: int, outcome: Outcome, over: asyncio.Event) -> None:
    """Events one after another; on a new connection whenever one was cut."""
    count = 0
    while not over.is_set():
        try:
            reader, writer = await asyncio.open_connection(*address)
        except OSError:
            outcome.cut += 1
            await asyncio.sleep(0.01)  # nobody listens any more: ask again until it is over
            continue
        with suppress(OSError, asyncio.IncompleteReadError):
            while not over.is_set():
                count += 1
                event_id = f"e-{number}-{count}"
                writer.write(_request(event_id))
                await _answer(reader, event_id, outcome)
        outcome.cut += 1
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader, event_id: str, outcome: Outcome) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    body = await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    outcome.statuses.add(status)
    if status == 200 and json.loads(body)["accepted"] == 1:
        outcome.acknowledged.append(event_id)
        if len(outcome.acknowledged) >= ENOUGH:
            outcome.is_enough.set()


async def _end_under_load(live: Live, stream_key: str) -> Outcome:
    """Load, then SIGTERM, until the process is gone."""
    where, outcome, over, opened = urlsplit(live.url), Outcome(), asyncio.Event(), asyncio.Event()
    address = (str(where.hostname), int(where.port or 0))
    senders = [asyncio.ensure_future(_send(address, n, outcome, over)) for n in range(CLIENTS)]
    stream = asyncio.ensure_future(_follow(address, stream_key, opened, outcome))
    async with asyncio.timeout(START_SECONDS):
        await opened.wait()
        await outcome.is_enough.wait()
    outcome.told_at = time.monotonic()
    live.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(live.process.wait, 30)
    outcome.ended_at = time.monotonic()
    over.set()
    await asyncio.gather(*senders, stream)
    return outcome


async def _follow(address: tuple[str, int], key: str, opened: asyncio.Event, outcome: Outcome) -> None:
    """A stream of server-sent events, open until the service ends it."""
    is_known = False
    while not is_known:  # another worker than the one that made the key may hear of it a second later
        reader, writer = await asyncio.open_connection(*address)
        writer.write(f"GET /sub/{key} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        is_known = b" 200 " in await reader.readuntil(b"\r\n\r\n")
        if not is_known:
            writer.close()
    opened.set()
    with suppress(OSError):
        await reader.read()
    outcome.stream_ended_at = time.monotonic()
    writer.close()


def _prepare(live: Live) -> str:
    with live.client() as http:
        http.post("/api/v1/experiments", json=definition()).raise_for_status()
        return str(http.post("/api/v1/keys", json={"kind": "pub", "name": "stream"}).json()["key"])


def _wrong(outcome: Outcome, database_url: str) -> set[str]:
    """What is wrong with the end of a service."""
    database = Database(database_url)
    stored = {event_id for (event_id,) in query(database, "SELECT event_id FROM events")}
    database.close()
    found = {
        "lost": any(one not in stored for one in outcome.acknowledged),
        "status": not outcome.statuses <= {200, 503},
        "stream": outcome.stream_ended_at - outcome.told_at > STREAM_SECONDS,
        "slow": outcome.ended_at - outcome.told_at > END_SECONDS,
    }
    return {name for name, is_so in found.items() if is_so}


@pytest.mark.parametrize("workers", [1, 2])
def test_at_the_end_no_acknowledged_event_is_lost_and_nobody_gets_a_500(
    database_url: str, tmp_path: Path, workers: int
) -> None:
    environment = {"OFFERLAB_DATABASE_URL": database_url}
    with live_service(tmp_path, environment, ("--workers", str(workers))) as live:
        outcome = asyncio.run(_end_under_load(live, _prepare(live)))
        assert live.process.returncode in {0, -signal.SIGTERM}
    assert _wrong(outcome, database_url) == set()
    assert len(outcome.acknowledged) >= ENOUGH
    assert outcome.cut > 0


BUGS = {
    "lost": """
import app.ledger.writer as w, app.leaving as l
from app.ledger.rows import Outcome
real = w.Writer._write
def early(self, requests):
    self._answer(requests, [[Outcome("accepted") for _ in one.items] for one in requests])
    if not l.is_leaving():
        real(self, requests)
w.Writer._write = early
""",
    "stream": """
import app.edge.streams as s
s.is_leaving = lambda: False
""",
}


@pytest.mark.parametrize("bug", sorted(BUGS))
def test_the_check_finds_a_planted_bug(sqlite_url: str, tmp_path: Path, bug: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(BUGS[bug])  # every process of the service runs it first
    environment = {"OFFERLAB_DATABASE_URL": sqlite_url, "PYTHONPATH": str(tmp_path)}
    with live_service(tmp_path, environment) as live:
        outcome = asyncio.run(_end_under_load(live, _prepare(live)))
    assert bug in _wrong(outcome, sqlite_url)
