"""No byte of an id in the file of an embedded database: log emptied, leftovers of moved rows written over."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from app.database import Database
from app.erasure.traces import SHORTEST_SEARCHED
from app.leftovers import are_left

_WAIT_MS = 1000


def scrub(database: Database, ids: Sequence[str]) -> bool:
    """Whether nothing is left of deleted ids; False when somebody was reading: it has to be done again.

    Deleted rows are overwritten as they go, but a row that moved from page to page before may have left a
    copy. Then, or if an id is too short to be looked for, the file is written anew. PostgreSQL does that
    by itself.
    """
    if not database.is_sqlite:
        return True
    connection = database.raw_connection()
    try:
        connection.execute(f"PRAGMA busy_timeout={_WAIT_MS}")
        if not _empty_log(connection):
            return False
        path = Path(connection.execute("PRAGMA database_list").fetchone()[2])
        if not _may_hold(path, ids):
            return True
        connection.execute("VACUUM")
        return _empty_log(connection)
    except sqlite3.OperationalError:  # locked, or no space for a second copy
        return False
    finally:
        connection.close()


def _empty_log(connection: sqlite3.Connection) -> bool:
    return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]


def _may_hold(path: Path, ids: Sequence[str]) -> bool:
    return any(len(one) < SHORTEST_SEARCHED for one in ids) or are_left(path, ids)
