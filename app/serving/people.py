"""All ids of one person, from the local index: the database need not be there, and is not asked.

The rule is `app.identity.resolve`'s; `app.serving.links` keeps it up. Links of the last
second may be missing.
"""

import contextlib
import logging
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from app.serving.id_table import key_of
from app.serving.index_file import IndexHome

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("offerlab")
_OWNER = (
    "SELECT v.customer, c.id FROM visitors v JOIN customers c ON c.customer = v.customer WHERE v.visitor = ?"
)
_VISITORS = (
    "SELECT v.id FROM visitors v WHERE v.visitor IN (SELECT visitor FROM customers WHERE customer = :key"
    " UNION ALL SELECT visitor FROM others WHERE customer = :key) ORDER BY v.occurred_us, v.event_id"
)


class Ids(NamedTuple):
    """One person.

    Attributes:
        visitors: ids; the canonical visitor first where a link is known.
        customers: ids; one, or none.
    """

    visitors: tuple[str, ...]
    customers: tuple[str, ...]


class People:
    """Who else somebody is.

    Args:
        home: where the local index lies; read through a connection of its own, so nobody waits for writers.
    """

    def __init__(self, home: IndexHome) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._connection: sqlite3.Connection | None = None

    def ids_of(self, visitor_id: str | None, customer_id: str | None) -> Ids:
        """All ids of whom a request or an event names; what cannot be read leaves those that were named.

        A visitor named beside another customer than its own stays with its own: links that contradict merge
        nobody.

        Args:
            visitor_id: as the shop names it, or None.
            customer_id: likewise.
        """
        with self._lock:
            try:
                connection = self._opened()
                return (
                    _read(connection, visitor_id, customer_id)
                    if connection
                    else _named(visitor_id, customer_id)
                )
            except (sqlite3.Error, OSError) as error:
                log.warning("the identity index cannot be read: %s", type(error).__name__)
                self._drop()
                return _named(visitor_id, customer_id)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._drop()

    def _opened(self) -> sqlite3.Connection | None:
        path = self._home.links_path()
        if path != self._path:
            self._drop()
        if self._connection is None and path is not None:
            address = f"file:{quote(str(path))}?mode=ro"
            self._connection = sqlite3.connect(address, uri=True, timeout=0.2, check_same_thread=False)
            self._path = path
        return self._connection

    def _drop(self) -> None:
        connection, self._connection, self._path = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _named(visitor_id: str | None, customer_id: str | None) -> Ids:
    return Ids(_some(visitor_id), _some(customer_id))


def _some(id_: str | None) -> tuple[str, ...]:
    return () if id_ is None else (id_,)


def _read(connection: sqlite3.Connection, visitor_id: str | None, customer_id: str | None) -> Ids:
    owner: Any = None
    if visitor_id is not None:
        owner = connection.execute(_OWNER, (key_of(visitor_id),)).fetchone()
    if customer_id is None and owner is None:
        return _named(visitor_id, None)
    key = owner[0] if customer_id is None else key_of(customer_id)
    visitors = [found for (found,) in connection.execute(_VISITORS, {"key": key})]
    if visitor_id is not None and owner is None:
        visitors.append(visitor_id)
    return Ids(tuple(visitors), (owner[1] if customer_id is None else customer_id,))
