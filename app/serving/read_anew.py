"""The links of a whole ledger into a new local index, in bounded memory: staged, sorted, written in order.

Adding ten million links one by one would write most pages of the file many times over.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sqlalchemy import text

from app.database import Database
from app.ledger.rows import UNTRUSTED
from app.serving.id_table import key_of
from app.serving.index_file import LINKS_FILE, IndexFile
from app.serving.links import LinkRow

READ_ROWS: Final = 100_000
SORTING_KIB: Final = 16_000
LINKS = text(
    "SELECT v.id, c.id, e.occurred_at_us, e.event_id FROM events e"  # noqa: S608 - a constant of ours
    " JOIN identifiers v ON v.number = e.visitor JOIN identifiers c ON c.number = e.customer"
    f" WHERE e.seq > :low AND e.seq <= :high AND (e.flags & {UNTRUSTED}) = 0"
)
"""Trusted events with both ids, whatever their type."""

_HEAD = text("SELECT coalesce(max(seq), 0) FROM events")
_DIGEST = text("SELECT digest FROM events WHERE seq = :seq")
_STAGE = (
    "CREATE TABLE aside.stage (visitor INTEGER, customer INTEGER, occurred_us INTEGER, event_id TEXT,"
    " id TEXT, customer_id TEXT)"
)
_SORT = """
CREATE TABLE aside.firsts AS SELECT visitor, customer, occurred_us, event_id, id, customer_id
    FROM (SELECT *, row_number() OVER (PARTITION BY visitor ORDER BY occurred_us, event_id) AS place
    FROM aside.stage) WHERE place = 1;
INSERT INTO visitors SELECT visitor, customer, occurred_us, event_id, id FROM aside.firsts;
CREATE TABLE aside.ranked AS SELECT customer, visitor, customer_id, row_number()
    OVER (PARTITION BY customer ORDER BY occurred_us, event_id) AS place FROM aside.firsts;
INSERT INTO customers SELECT customer, visitor, customer_id FROM aside.ranked WHERE place = 1;
INSERT INTO others SELECT customer, visitor FROM aside.ranked WHERE place > 1 ORDER BY customer, visitor;
INSERT INTO contradictions SELECT DISTINCT s.visitor, s.customer FROM aside.stage s
    JOIN visitors v ON v.visitor = s.visitor WHERE s.customer <> v.customer;
"""
_SETTINGS = ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{SORTING_KIB}")
_ASIDE = "aside.sqlite3"


def read_anew(database: Database, folder: Path) -> None:
    """Make an index of all links of the ledger.

    Args:
        database: of the ledger; read in strides, so no transaction of it stays open for long.
        folder: a new one; nobody may use it yet.

    Raises:
        OSError: no space. sqlite3.Error: likewise.
    """
    connection = begun(folder)
    try:
        finished(connection, folder, _read(database, connection))
    finally:
        connection.close()


def begun(folder: Path) -> sqlite3.Connection:
    """A new index that takes links in any order; until it is finished a fault leaves rubbish."""
    IndexFile(folder).close()  # makes the tables
    connection = sqlite3.connect(folder / LINKS_FILE, isolation_level=None)
    connection.execute("ATTACH ? AS aside", (str(folder / _ASIDE),))
    for database in ("main", "aside"):
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {database}.{setting}")
    connection.execute(_STAGE)
    return connection


def staged(connection: sqlite3.Connection, rows: Iterable[LinkRow]) -> None:
    """Put links aside."""
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO aside.stage VALUES (?, ?, ?, ?, ?, ?)",
        ((key_of(row[0]), key_of(row[1]), row[2], row[3], row[0], row[1]) for row in rows),
    )
    connection.execute("COMMIT")


def finished(connection: sqlite3.Connection, folder: Path, reached: tuple[int, bytes | None]) -> None:
    """Make the index of what was put aside.

    Args:
        connection: from `begun`; closed here.
        folder: the same.
        reached: the `seq` up to which the ledger was read, and the digest of that row.
    """
    connection.executescript(_SORT)
    connection.execute("UPDATE reached SET seq = ?, digest = ?", reached)
    connection.close()
    (folder / _ASIDE).unlink()


def _read(database: Database, connection: sqlite3.Connection) -> tuple[int, bytes | None]:
    low = 0
    while True:
        with database.read() as session:
            head = int(session.execute(_HEAD).scalar_one())
            if low >= head:
                digest = session.execute(_DIGEST, {"seq": low}).scalar()
                return low, None if digest is None else bytes(digest)
            high = min(low + READ_ROWS, head)
            rows = session.execute(LINKS, {"low": low, "high": high}).all()
        staged(connection, ((row[0], row[1], row[2], row[3]) for row in rows))
        low = high
