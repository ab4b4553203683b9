"""A process that has loaded the service once and forks it at every line it reads: a restart takes a moment.

    python -m tests.faults.starter PORT [planted bug …]

Each line on standard input starts a service; its process id is printed. Settings come from the environment.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import uvicorn

from app import database as database_module
from app.erasure import scrub as scrub_module
from app.ledger import transaction as transaction_module
from app.ledger import writer as writer_module
from app.ledger.batch import Recorded, record
from app.ledger.rows import Item
from app.ledger.stores import Store
from app.ledger.transaction import Transaction
from app.ledger.writer import Request, Writer
from app.leftovers import holds
from app.main import application_factory

WRITTEN_TOGETHER = 200


def acknowledge_early() -> None:
    """Answers what it has worked out and writes it some time later, many at once."""
    late: list[Request] = []

    def write(self: Writer, requests: list[Request]) -> None:
        store = self._connected()
        store.begin()
        transaction = Transaction(store, self._numbers, self._clock.now_us())
        self._answer(requests, self._carry_out(transaction, requests))
        store.rollback()
        late.extend(requests)
        if len(late) >= WRITTEN_TOGETHER:
            self._commit(late)
            late.clear()

    Writer._write = write  # type: ignore[method-assign]  # the planted bug


def no_unique_id() -> None:
    """Stores whatever comes, as often as it comes."""

    def doubled(store: Store, items: Sequence[Item], *rest: Any) -> Recorded:
        store._execute("DROP INDEX IF EXISTS events_order_once")  # type: ignore[attr-defined]  # both stores have it
        fresh = [item._replace(event_id=f"{item.event_id} {uuid4().hex}") for item in items]
        for item in fresh:
            item.content["type"] = "order_updated"  # an order, but one that may be there already
        return record(store, fresh, *rest)

    vars(transaction_module)["record"] = doubled


def not_synchronous(level: str) -> Callable[[], None]:
    """Leaves it to the machine when the disk is written."""
    configure = database_module._configure_sqlite

    def relaxed(connection: Any, _record: object) -> None:
        configure(connection, _record)
        connection.execute(f"PRAGMA synchronous={level}")

    def plant() -> None:
        database_module._configure_sqlite = relaxed

    return plant


def commit_per_request() -> None:
    """Every request is a transaction of its own: no bug, what group commit is measured against."""
    vars(writer_module)["BATCH_EVENTS"] = 0


def opens_the_database_itself() -> None:
    """Looks for erased ids in the database's file without leaving the process that serves it."""

    vars(scrub_module)["are_left"] = holds


PLANTED: dict[str, Callable[[], None]] = {
    "early": acknowledge_early,
    "doubled": no_unique_id,
    "commit per request": commit_per_request,
    "opens the database itself": opens_the_database_itself,
    "synchronous=NORMAL": not_synchronous("NORMAL"),
    "synchronous=OFF": not_synchronous("OFF"),
}


def main(port: int, planted: Sequence[str]) -> None:
    """Fork a service at every line."""
    for name in planted:
        PLANTED[name]()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)  # noqa: T201 - the other side reads it
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            app: Any = application_factory()  # as `offerlab serve` does, with its memory arranged
            uvicorn.run(app, port=port, log_level="error", access_log=False)
            os._exit(0)
        print(child, flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
