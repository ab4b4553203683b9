"""The ledger's transaction on each database, through the raw driver: one connection, one writer, no ORM."""

import contextlib
import os
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Protocol

import msgspec

from app.database import Database
from app.ledger.rows import COLUMNS, Identifier, Row

LOCK_TIMEOUT_MS = 1500
STATEMENT_TIMEOUT_MS = 1800
ADVISORY_LOCK = 0x0FFE71AB
"""Held while numbers are given out, so that `seq` is gapless and in commit order over all processes."""

KeyColumn = Literal["event_id", "order_id", "refund_id"]
_COLUMN_LIST = ", ".join(COLUMNS)
_KEY_SCOPE: dict[KeyColumn, str] = {
    "event_id": "",
    "order_id": " AND e.type = 'order'",
    "refund_id": " AND e.type = 'refund'",
}


def _in_json(keys: Sequence[object]) -> str:
    """For `json_each`."""
    return msgspec.json.encode(keys).decode()


class Store(Protocol):
    """What writing a batch needs of a database."""

    is_postgresql: bool

    def begin(self) -> None:
        """Start the transaction and take the ledger's lock; waits at most `LOCK_TIMEOUT_MS`."""
        ...

    def commit(self) -> None:
        """Make it durable."""
        ...

    def rollback(self) -> None:
        """Undo it."""
        ...

    def close(self) -> None:
        """Give the connection up."""
        ...

    def sever(self) -> None:
        """From another thread: break a call that does not come back. Only where the driver can hang."""
        ...

    def head(self) -> int:
        """The highest `seq`, 0 in an empty ledger."""
        ...

    def erasures(self) -> int:
        """The number of the last erasure, 0 when there was none."""
        ...

    def numbers(self, identifiers: Iterable[Identifier]) -> dict[Identifier, int]:
        """The numbers of those ids that have one."""
        ...

    def digests(self, column: KeyColumn, keys: Sequence[str]) -> dict[str, bytes]:
        """Key → digest of the stored row that has it."""
        ...

    def add_identifiers(self, rows: Sequence[tuple[int, str, str]]) -> None:
        """Add (number, kind, id)."""
        ...

    def add_events(self, rows: Sequence[Row]) -> None:
        """Add ledger rows, in the order of `COLUMNS`."""
        ...

    def run(self, statement: str, values: Mapping[str, Any]) -> Any:
        """One statement with `:name` in place of values; gives the driver's cursor."""
        ...

    def run_many(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """The same statement once for each of some rows; how many rows it changed."""
        ...


class SqliteStore:
    """SQLite: `BEGIN IMMEDIATE` is the lock; keys are looked up many at once through `json_each`."""

    is_postgresql = False

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._execute(f"PRAGMA busy_timeout={LOCK_TIMEOUT_MS}")

    def begin(self) -> None:
        """See `Store`."""
        self._execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """See `Store`."""
        self._execute("COMMIT")

    def rollback(self) -> None:
        """See `Store`."""
        self._execute("ROLLBACK")

    def close(self) -> None:
        """See `Store`."""
        self._connection.close()

    def sever(self) -> None:
        """See `Store`; the busy timeout bounds every wait here."""

    def head(self) -> int:
        """See `Store`."""
        return int(self._execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def erasures(self) -> int:
        """See `Store`."""
        return int(self._execute("SELECT coalesce(max(id), 0) FROM erasures").fetchone()[0])

    def numbers(self, identifiers: Iterable[Identifier]) -> dict[Identifier, int]:
        """See `Store`."""
        found = self._execute(
            "SELECT i.kind, i.id, i.number FROM json_each(?) k JOIN identifiers i"
            " ON i.kind = k.value ->> 0 AND i.id = k.value ->> 1",
            (_in_json(list(identifiers)),),
        )
        return {(kind, text): number for kind, text, number in found}

    def digests(self, column: KeyColumn, keys: Sequence[str]) -> dict[str, bytes]:
        """See `Store`."""
        statement = (
            f"SELECT e.{column}, e.digest FROM json_each(?) k CROSS JOIN events e"  # noqa: S608 - one of three names of ours
            f" ON e.{column} = k.value{_KEY_SCOPE[column]}"
        )
        return dict(self._execute(statement, (_in_json(keys),)).fetchall())

    def add_identifiers(self, rows: Sequence[tuple[int, str, str]]) -> None:
        """See `Store`."""
        self._connection.executemany("INSERT INTO identifiers (number, kind, id) VALUES (?, ?, ?)", rows)

    def add_events(self, rows: Sequence[Row]) -> None:
        """See `Store`."""
        marks = ", ".join("?" * len(COLUMNS))
        statement = f"INSERT INTO events ({_COLUMN_LIST}) VALUES ({marks})"  # noqa: S608 - names of ours only
        self._connection.executemany(statement, rows)

    def run(self, statement: str, values: Mapping[str, Any]) -> Any:
        """See `Store`."""
        return self._execute(statement, values)

    def run_many(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """See `Store`."""
        return int(self._connection.executemany(statement, rows).rowcount)


class PostgresStore:
    """PostgreSQL: one advisory lock per transaction; rows go in by COPY."""

    is_postgresql = True

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._execute = connection.execute
        for setting, value in (
            ("synchronous_commit", "on"),
            ("lock_timeout", str(LOCK_TIMEOUT_MS)),
            ("statement_timeout", str(STATEMENT_TIMEOUT_MS)),
        ):
            self._execute("SELECT set_config(%s, %s, false)", (setting, value))

    def begin(self) -> None:
        """See `Store`."""
        self._execute(f"BEGIN; SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")

    def commit(self) -> None:
        """See `Store`."""
        self._execute("COMMIT")

    def rollback(self) -> None:
        """See `Store`."""
        self._execute("ROLLBACK")

    def close(self) -> None:
        """See `Store`."""
        self._connection.close()

    def sever(self) -> None:
        """See `Store`: a query to a stopped server never returns, and no server-side timeout can fire."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def head(self) -> int:
        """See `Store`."""
        return int(self._execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def erasures(self) -> int:
        """See `Store`."""
        return int(self._execute("SELECT coalesce(max(id), 0) FROM erasures").fetchone()[0])

    def numbers(self, identifiers: Iterable[Identifier]) -> dict[Identifier, int]:
        """See `Store`."""
        wanted = list(identifiers)
        found = self._execute(
            "SELECT i.kind, i.id, i.number FROM unnest(%s::text[], %s::text[]) AS k (kind, id)"
            " JOIN identifiers i ON i.kind = k.kind AND i.id = k.id",
            ([kind for kind, _ in wanted], [text for _, text in wanted]),
        )
        return {(kind, text): number for kind, text, number in found}

    def digests(self, column: KeyColumn, keys: Sequence[str]) -> dict[str, bytes]:
        """See `Store`."""
        statement = (
            f"SELECT e.{column}, e.digest FROM events e WHERE e.{column} = ANY(%s){_KEY_SCOPE[column]}"  # noqa: S608 - one of three names of ours
        )
        return dict(self._execute(statement, (list(keys),)).fetchall())

    def add_identifiers(self, rows: Sequence[tuple[int, str, str]]) -> None:
        """See `Store`."""
        self._copy("COPY identifiers (number, kind, id) FROM STDIN", rows)

    def add_events(self, rows: Sequence[Row]) -> None:
        """See `Store`."""
        self._copy(f"COPY events ({_COLUMN_LIST}) FROM STDIN", rows)

    def run(self, statement: str, values: Mapping[str, Any]) -> Any:
        """See `Store`."""
        return self._execute(_percent(statement), values)

    def run_many(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """See `Store`."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_percent(statement), rows)
            return int(cursor.rowcount)

    def _copy(self, statement: str, rows: Sequence[Row]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)


@lru_cache(maxsize=256)
def _percent(statement: str) -> str:
    """The statement with names as psycopg wants them."""
    return re.sub(r":(\w+)", r"%(\1)s", statement)


def open_store(database: Database) -> Store:
    """A store on a connection of its own."""
    connection = database.raw_connection()
    try:
        return SqliteStore(connection) if database.is_sqlite else PostgresStore(connection)
    except BaseException:
        connection.close()
        raise


def away_errors(database: Database) -> tuple[type[Exception], ...]:
    """What the driver raises when the database is away, locked, full or slow (not: when data are wrong)."""
    if database.is_sqlite:
        import sqlite3

        return (sqlite3.OperationalError, OSError)
    import psycopg

    return (psycopg.OperationalError, psycopg.InterfaceError, OSError)
