"""Ingest: batches against raw SQLite `executemany` of the same rows; group commit against a commit each."""

import asyncio
import json
import secrets
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from msgspec import Raw

from app.clock import SystemClock
from app.codes.service import Veil
from app.ledger import writer
from app.ledger.intake import Sender, parse
from app.ledger.rows import Item
from app.ledger.service import Ledger
from app.main import create_app
from app.settings import Settings
from benchmarks.bench_assign import ADMIN_KEY, Call
from benchmarks.ingest import over_http
from benchmarks.side_by_side import compare, machine, report

VEIL = Veil(Settings(secret="s" * 32))

BATCH = 500
SINGLES = 64
ROUNDS = 9
ADD_PEOPLE = "INSERT INTO identifiers (number, kind, id) VALUES (?, ?, ?)"


class Shop:
    """Makes orders nobody has seen before."""

    def __init__(self) -> None:
        self.number = 0

    def body(self, count: int) -> bytes:
        """A request of so many new orders."""
        events = []
        for _ in range(count):
            self.number += 1
            events.append(
                {
                    "event_id": f"0199f2d0-0000-7000-8000-{self.number:012d}",
                    "type": "order",
                    "occurred_at": "2026-01-06T10:00:00+03:00",
                    "visitor_id": f"v-{self.number}",
                    "order_id": f"o-{self.number}",
                    "currency": "RUB",
                    "items_minor": 150_000,
                    "discount_minor": 0,
                    "shipping_minor": 0,
                }
            )
        return json.dumps({"events": events}).encode()

    def item(self) -> Item:
        """A new order as the writer takes it."""
        raw = json.loads(self.body(1))["events"][0]
        sender = Sender(True, SystemClock().now_us(), {}, str, VEIL)  # noqa: FBT003 - trusted
        return parse([Raw(json.dumps(raw).encode())], sender).items[0]


def _post(body: bytes) -> Call:
    call = Call(body)
    call.scope["path"] = "/api/v1/events"
    return call


async def _send(edge: Any, bodies: list[bytes]) -> None:
    calls = [_post(body) for body in bodies]
    await asyncio.gather(*(edge(call.scope, call.receive, call.send) for call in calls))
    accepted = sum(json.loads(call.answer)["accepted"] for call in calls)
    stored = sum(len(json.loads(body)["events"]) for body in bodies)
    if accepted != stored:
        raise RuntimeError(f"{accepted} of {stored} accepted")


class RawSqlite:
    """The same rows of both tables by hand: one transaction, `executemany`, the service's own pragmas."""

    def __init__(self, stored: Path, target: Path) -> None:
        source = sqlite3.connect(stored)
        self.schema = [
            row[0] for row in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        ]
        self.rows = source.execute("SELECT * FROM events WHERE seq <= ?", (BATCH,)).fetchall()
        self.connection = sqlite3.connect(target, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self.connection.execute(f"PRAGMA {pragma}")
        for statement in self.schema:
            if "sqlite_" not in statement.split("(")[0]:
                self.connection.execute(statement)
        columns = [row[1] for row in source.execute("PRAGMA table_info(events)")]
        self.places = [columns.index(name) for name in ("seq", "event_id", "order_id")]
        self.insert = f"INSERT INTO events VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - only question marks are put in
        self.seq = 0

    def write(self, count: int, transactions: int) -> None:
        """So many rows in so many transactions."""
        for _ in range(transactions):
            rows = [self._renumbered(row) for row in self.rows[: count // transactions]]
            people = [(secrets.randbits(62) + 1, "visitor", f"v{row[0]}") for row in rows]
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany(ADD_PEOPLE, people)
            self.connection.executemany(self.insert, rows)
            self.connection.execute("COMMIT")

    def _renumbered(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        self.seq += 1
        fresh = list(row)
        for place, value in zip(self.places, (self.seq, f"e{self.seq}", f"o{self.seq}"), strict=True):
            fresh[place] = value
        return tuple(fresh)


async def _measure(folder: Path) -> None:
    edge: Any = create_app(Settings(data_dir=folder, admin_key=ADMIN_KEY, secret="b" * 32))
    async with edge.slow_app.router.lifespan_context(edge.slow_app):
        loop = asyncio.get_running_loop()
        shop = Shop()
        await _send(edge, [shop.body(BATCH)])
        raw = RawSqlite(folder / "offerlab.sqlite3", folder / "raw.sqlite3")
        batches, batches_again = ([[shop.body(BATCH)] for _ in range(ROUNDS + 1)] for _ in range(2))
        singles = [[shop.body(1) for _ in range(SINGLES)] for _ in range(ROUNDS + 1)]
        services, together = edge.slow_app.state.services, writer.BATCH_EVENTS
        items, items_each = (
            [[[shop.item()] for _ in range(SINGLES)] for _ in range(ROUNDS + 1)] for _ in range(2)
        )

        def run(prepared: list[list[bytes]]) -> None:
            asyncio.run_coroutine_threadsafe(_send(edge, prepared.pop()), loop).result()

        def measure() -> None:
            clock = time.perf_counter
            pair = compare(lambda: run(batches), lambda: raw.write(BATCH, 1), ROUNDS, clock)
            report(f"ingest, one request of {BATCH} orders, per event", pair, BATCH)
            pair = compare(lambda: run(batches_again), lambda: raw.write(BATCH, 1), ROUNDS)
            report("the same, processor time", pair, BATCH)
            pair = compare(lambda: run(singles), lambda: raw.write(SINGLES, SINGLES), ROUNDS, clock)
            report("ingest, 64 requests of 1 order at once, per event (raw: a commit each)", pair, SINGLES)

            def append(prepared: list[list[Any]]) -> None:
                asyncio.run_coroutine_threadsafe(_append(services.ledger, prepared.pop()), loop).result()

            def append_each() -> None:
                vars(writer)["BATCH_EVENTS"] = 0
                append(items_each)
                vars(writer)["BATCH_EVENTS"] = together

            pair = compare(lambda: append(items), append_each, ROUNDS, clock)
            report(
                "at the writer, 64 requests of 1 order at once, per event (against a commit each)",
                pair,
                SINGLES,
            )

        await asyncio.to_thread(measure)


async def _append(ledger: Ledger, requests: list[Any]) -> None:
    await asyncio.gather(*(ledger.append(one) for one in requests))


def main() -> None:
    """Measure a full batch and many small requests."""
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        over_http.measure(Path(folder))


if __name__ == "__main__":
    main()
