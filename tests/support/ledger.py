"""Events as a shop would send them, a running ledger, and the oracle that nothing acknowledged is missing."""

import asyncio
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import httpx
from msgspec import Raw

from app.access.keyring import KeyRing, hash_key
from app.clock import FixedClock, day_start_us, isoformat
from app.codes.service import Veil
from app.database import Database
from app.edge.http import Receive, Scope, Send, send_bytes
from app.edge.ingest import events_handler
from app.edge.router import Edge
from app.ledger.exposures import KnownExperiment
from app.ledger.intake import Parsed, Sender, parse
from app.ledger.rows import Item, Outcome
from app.ledger.service import Ledger
from app.ledger.transaction import Transaction
from app.ledger.writer import Request, Writer
from app.serving.aliases import AliasIndex
from app.settings import Settings
from assignment.decision import Experiment

if TYPE_CHECKING:
    from app.bootstrap import Services

NOW_US = day_start_us(20_500, "UTC")
SECOND_US = 1_000_000
_ids = itertools.count(1)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """An event of a type, an hour ago, by visitor v-1; None takes a field away."""
    common: dict[str, Any] = {
        "event_id": f"e-{next(_ids)}",
        "type": kind,
        "occurred_at": isoformat(NOW_US - 3600 * SECOND_US),
        "visitor_id": "v-1",
    }
    return {name: value for name, value in (common | fields).items() if value is not None}


def order(order_id: str | None, **fields: Any) -> dict[str, Any]:
    """A paid order of 10.00 RUB without a discount."""
    money = {"items_minor": 1000, "discount_minor": 0, "shipping_minor": 0}
    return event("order", **({"order_id": order_id, "currency": "RUB"} | money | fields))


def refund(refund_id: str, order_id: str, **fields: Any) -> dict[str, Any]:
    """A refund of 4.00."""
    return event("refund", **({"refund_id": refund_id, "order_id": order_id, "amount_minor": 400} | fields))


def custom(name: str, **fields: Any) -> dict[str, Any]:
    """A custom event."""
    return event("custom", name=name, **fields)


HALVES = Experiment("reuse", 1, "visitor", "seed", ("once", "often"), ((0.0, 0.5), (0.5, 1.0)))
"""By the hash (see `assignment.decision.decide`) visitor "a" gets `once`."""


@dataclass(frozen=True)
class Known:
    """A hand-made experiment in the shape the snapshot gives."""

    rules: Experiment = HALVES
    state: str = "running"
    unit: str = "visitor"
    variants: frozenset[str] = frozenset({"once", "often"})


def sign(customer_id: str) -> str:
    """A stand-in for the shop's signature."""
    return f"signed-{customer_id}"


VEIL = Veil(Settings(secret="s" * 32))


def sender(
    *, trusted: bool = True, now_us: int = NOW_US, experiments: Mapping[str, KnownExperiment] | None = None
) -> Sender:
    """A key and what it is judged by; knows the experiment `reuse`."""
    return Sender(trusted, now_us, experiments or {"reuse": Known()}, sign, VEIL)


def parsed(*events: Any, by: Sender | None = None) -> Parsed:
    """Events as the intake sorts them out."""
    return parse([Raw(json.dumps(one).encode()) for one in events], by or sender())


def items(*events: Any) -> list[Item]:
    """Events that must all be valid, as items."""
    found = parsed(*events)
    assert not found.rejected, found.rejected
    return found.items


def statuses(outcomes: Iterable[Outcome]) -> list[str]:
    """`accepted`, `duplicate`, or the code of the rejection."""
    return [outcome.code or outcome.status for outcome in outcomes]


@contextmanager
def running_ledger(database: Database, **options: Any) -> Iterator[Ledger]:
    """A ledger with its own writer thread, as one process has it."""
    ledger = Ledger(database, FixedClock(NOW_US), **options)
    ledger.start()
    try:
        yield ledger
    finally:
        ledger.close()


def append(ledger: Ledger, *events: Any) -> list[str]:
    """Append events in one request and wait for the answer."""
    return statuses(asyncio.run(ledger.append(items(*events))))


def query(database: Database, statement: str) -> list[tuple[Any, ...]]:
    """Rows of a statement, through a connection of its own."""
    connection = database.raw_connection()
    try:
        return [tuple(row) for row in connection.execute(statement).fetchall()]
    finally:
        connection.close()


@dataclass
class AcknowledgementWatch:
    """Oracle for "acknowledged is stored": at the moment of each answer, is every event already readable?

    Attributes:
        missing: ids that were acknowledged while another connection could not see them.
    """

    database: Database
    missing: list[str] = field(default_factory=list)

    def acknowledged(self, requests: Sequence[Request]) -> None:
        """Look the events of answered requests up through another connection."""
        stored = {event_id for (event_id,) in query(self.database, "SELECT event_id FROM events")}
        sent = [item.event_id for request in requests for item in request.items]
        self.missing += [event_id for event_id in sent if event_id not in stored]


class WatchedWriter(Writer):
    """The writer as it is, with the watch at the place where it answers."""

    watch: AcknowledgementWatch

    def _answer(self, requests: list[Request], answers: list[Any]) -> None:
        self.watch.acknowledged(requests)
        super()._answer(requests, answers)


class EarlyWriter(WatchedWriter):
    """A planted bug: answers before the commit."""

    def _write(self, requests: list[Request]) -> None:
        store = self._connected()
        store.begin()
        transaction = Transaction(store, self._numbers, self._clock.now_us())
        self._answer(requests, self._carry_out(transaction, requests))
        store.commit()


KEYS = {kind: f"olk_{kind}_{'k' * 43}" for kind in ("pub", "srv", "ro", "mgr")}


def door(ledger: Ledger, now_us: int = NOW_US) -> Edge:
    """The events door in front of a ledger, one key of each kind, the experiment `reuse` running."""
    keys = KeyRing()
    keys.load(
        [
            {
                "id": kind,
                "kind": kind,
                "name": kind,
                "sha256": hash_key(key),
                "expires_us": None,
                "revoked_us": None,
            }
            for kind, key in KEYS.items()
        ]
    )
    services = SimpleNamespace(
        settings=Settings(secret="s" * 32),
        clock=FixedClock(now_us),
        keys=keys,
        snapshots=SimpleNamespace(
            current=SimpleNamespace(experiments={"reuse": Known()}),
            follower=SimpleNamespace(aliases=AliasIndex()),
        ),
        ledger=ledger,
    )
    handler = events_handler(cast("Services", services))
    return Edge(_nothing_else, exact={("POST", "/api/v1/events"): handler}, prefixes={})


async def _nothing_else(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send_bytes(send, 404, b"{}")


def post(to: Edge, body: Any, key: str = "srv", headers: Mapping[str, str] | None = None) -> httpx.Response:
    """Post to the door: bytes as they are, anything else as {"events": …}."""
    content = body if isinstance(body, bytes) else json.dumps({"events": body}).encode()
    sent = {
        "authorization": f"Bearer {KEYS.get(key, key)}",
        "content-type": "application/json",
        **(headers or {}),
    }

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(cast("Any", to))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            named = {name: value for name, value in sent.items() if value}
            return await client.post("/api/v1/events", content=content, headers=named)

    return asyncio.run(send())
