"""Oracle: a second connection. What was acknowledged must be there at the moment of the answer."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.clock import FixedClock
from app.database import Database
from app.errors import Unavailable
from app.ledger.service import Ledger, head_seq
from app.ledger.stores import SqliteStore
from app.ledger.writer import Writer
from tests.support.ledger import (
    NOW_US,
    AcknowledgementWatch,
    EarlyWriter,
    WatchedWriter,
    append,
    custom,
    door,
    items,
    order,
    post,
    query,
    running_ledger,
    statuses,
)


@contextmanager
def watched(database: Database, writer: type[WatchedWriter]) -> Iterator[tuple[Ledger, AcknowledgementWatch]]:
    """A ledger whose every answer is checked against what another connection sees."""
    watch = AcknowledgementWatch(database)
    with running_ledger(database) as ledger:
        ledger.close()
        made = writer(database, FixedClock(NOW_US))
        made.watch = watch
        ledger._writer = made
        ledger.start()
        yield ledger, watch


def test_every_acknowledged_event_is_readable_when_the_answer_leaves(database: Database) -> None:
    with watched(database, WatchedWriter) as (ledger, watch):
        append(ledger, custom("a", event_id="x"), custom("b", event_id="y"))
        append(ledger, order("o"))
    assert watch.missing == []


def test_the_watch_catches_a_writer_that_answers_before_the_commit(database: Database) -> None:
    with watched(database, EarlyWriter) as (ledger, watch):
        append(ledger, custom("a", event_id="x"), custom("b", event_id="y"))
    assert watch.missing == ["x", "y"]


def test_a_commit_that_fails_acknowledges_nothing_and_stores_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_ledger(database) as ledger:
        append(ledger, custom("a", event_id="before"))
        store = type(ledger._writer._connected())
        with monkeypatch.context() as broken:
            broken.setattr(store, "commit", _fail)
            with pytest.raises(Unavailable) as refused:
                append(ledger, custom("a", event_id="lost"), order("o"))
        assert refused.value.retry_after_seconds == 1
        assert query(database, "SELECT event_id FROM events") == [("before",)]
        assert append(ledger, custom("a", event_id="lost", visitor_id="v-9"), order("o")) == ["accepted"] * 2
    numbers = query(database, "SELECT count(*) FROM identifiers i JOIN events e ON e.visitor = i.number")
    assert numbers == [(3,)]


def _fail(_store: object) -> None:
    raise OSError("planted: the disk is full")


def test_a_request_that_the_database_refuses_does_not_take_its_neighbours_along(database: Database) -> None:
    # an unknown type never comes through the intake; both databases refuse the row by a CHECK
    good = items(custom("a", event_id="good"))
    poison = [
        items(custom("a", event_id="bad"))[0]._replace(content={"type": "no such type", "occurred_at_us": 1})
    ]

    async def send() -> list[Any]:
        sent = [asyncio.create_task(ledger.append(request)) for request in (good, poison)]
        await asyncio.sleep(0)  # both are queued now
        resume()
        return await asyncio.gather(*sent, return_exceptions=True)

    with _paused_writer(database) as (ledger, resume):
        answers = asyncio.run(send())
    assert statuses(answers[0]) == ["accepted"]
    assert isinstance(answers[1], Unavailable)
    assert query(database, "SELECT event_id FROM events") == [("good",)]


@contextmanager
def _paused_writer(database: Database, **options: Any) -> Iterator[tuple[Ledger, Any]]:
    """A ledger whose writer takes nothing before it is resumed, so that requests meet in one batch."""
    gate = threading.Event()
    with running_ledger(database, **options) as ledger:
        ledger.close()
        writer = _GatedWriter(database, FixedClock(NOW_US), **options)
        writer.gate = gate
        ledger._writer = writer
        ledger.start()
        try:
            yield ledger, gate.set
        finally:
            gate.set()


class _GatedWriter(Writer):
    gate: threading.Event

    def _run(self) -> None:
        self.gate.wait()
        super()._run()


def test_a_full_queue_refuses_at_once_with_retry_after(database: Database) -> None:
    async def send() -> list[Any]:
        first = asyncio.create_task(ledger.append(items(*(custom("a") for _ in range(4)))))  # noqa: RUF006 - awaited below
        await asyncio.sleep(0)
        second = await asyncio.gather(ledger.append(items(custom("b"))), return_exceptions=True)
        resume()
        return [*second, await first]

    with _paused_writer(database, capacity_events=4) as (ledger, resume):
        refused, stored = asyncio.run(send())
    assert (refused.code, refused.retry_after_seconds) == ("queue_full", 1)
    assert statuses(stored) == ["accepted"] * 4


def test_a_request_larger_than_the_queue_is_taken_when_nothing_waits(database: Database) -> None:
    with running_ledger(database, capacity_events=2) as ledger:
        assert append(ledger, *(custom("a") for _ in range(5))) == ["accepted"] * 5


def test_closing_writes_and_answers_what_waits(database: Database) -> None:
    async def send() -> list[list[str]]:
        waiting = [asyncio.create_task(ledger.append(items(custom("a")))) for _ in range(20)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(ledger.close))
        await asyncio.sleep(0)
        resume()
        await closing
        return [statuses(await one) for one in waiting]

    with _paused_writer(database) as (ledger, resume):
        assert asyncio.run(send()) == [["accepted"]] * 20
        with pytest.raises(Unavailable):
            append(ledger, custom("late"))
    assert head_seq(database) == 20


def test_a_locked_sqlite_answers_503_within_two_seconds_and_recovers(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    blocker = database.raw_connection()
    with running_ledger(database) as ledger:
        to = door(ledger)
        post(to, [custom("a")])
        blocker.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        found = post(to, [order("o")])
        assert time.monotonic() - began < 2.5  # two seconds, and half a second for a busy machine
        assert (found.status_code, found.headers["retry-after"]) == (503, "1")
        blocker.execute("ROLLBACK")
        assert post(to, [order("o")]).json()["accepted"] == 1
    assert query(database, "SELECT seq, type FROM events ORDER BY seq") == [(1, "custom"), (2, "order")]
    blocker.close()
    database.close()


def test_a_terminated_postgresql_backend_is_replaced(postgres_url: str) -> None:
    database = Database(postgres_url)
    with running_ledger(database) as ledger:
        append(ledger, custom("a"))
        query(database, f"SELECT pg_terminate_backend({_backend(ledger)})")
        with pytest.raises(Unavailable):
            append(ledger, order("o"))
        assert append(ledger, order("o")) == ["accepted"]
    assert query(database, "SELECT max(seq), count(*) FROM events") == [(2, 2)]
    database.close()


def test_a_postgresql_that_stops_answering_costs_two_seconds_and_the_ledger_recovers(
    postgres_url: str,
) -> None:
    database = Database(postgres_url)
    with running_ledger(database) as ledger:
        append(ledger, custom("a"))
        stopped = _backend(ledger)
        os.kill(stopped, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(Unavailable):
                append(ledger, order("o"))
            assert time.monotonic() - began < 2.5
            assert append(ledger, order("o")) == ["accepted"]
        finally:
            os.kill(stopped, signal.SIGCONT)
    assert query(database, "SELECT max(seq), count(*) FROM events") == [(2, 2)]
    database.close()


def _backend(ledger: Ledger) -> int:
    connected: Any = ledger._writer._connected()
    return int(connected._connection.info.backend_pid)


def test_postgresql_waits_for_the_disk_at_every_commit(postgres_url: str) -> None:
    database = Database(postgres_url)
    with running_ledger(database) as ledger:
        append(ledger, custom("a"))
        connected: Any = ledger._writer._connected()
        assert connected._connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    database.close()


def test_sqlite_waits_for_the_disk_at_every_commit(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    store = SqliteStore(database.raw_connection())
    assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)  # 2 is FULL
    assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()
    database.close()
