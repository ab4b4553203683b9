"""Every visitor's first link in a local SQLite file: which customer, since when, who stands for whom.

The same rule as `app.identity.resolve`, kept up link by link: a visitor belongs to the customer of its
earliest link by (occurred_at, event_id); the canonical visitor of a customer is the one that came first; a
link that names another customer than the visitor's first is kept as a contradiction and merges nobody.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from app.serving.id_table import key_of

SCHEMA = """
CREATE TABLE visitors (visitor INTEGER PRIMARY KEY, customer INTEGER NOT NULL, occurred_us INTEGER NOT NULL,
                       event_id TEXT NOT NULL, id TEXT NOT NULL);
CREATE TABLE customers (customer INTEGER PRIMARY KEY, visitor INTEGER NOT NULL, id TEXT NOT NULL);
CREATE TABLE others (customer INTEGER, visitor INTEGER, PRIMARY KEY (customer, visitor)) WITHOUT ROWID;
CREATE TABLE contradictions (visitor INTEGER, customer INTEGER, PRIMARY KEY (visitor, customer))
    WITHOUT ROWID;
"""
"""Keys are `key_of` ids. `others`: visitors of a customer beside its canonical one."""

_FIRST = "SELECT customer, occurred_us, event_id FROM visitors WHERE visitor = ?"
_CANONICAL = (
    "SELECT c.visitor, v.occurred_us, v.event_id FROM customers c"
    " JOIN visitors v ON v.visitor = c.visitor WHERE c.customer = ?"
)
_NEXT = (
    "SELECT o.visitor FROM others o JOIN visitors v ON v.visitor = o.visitor WHERE o.customer = ?"
    " ORDER BY v.occurred_us, v.event_id"
)

LinkRow = tuple[str, str, int, str]
"""Visitor id, customer id, moment in microseconds, event id."""
_Moment = tuple[int, str]


@dataclass(slots=True)
class Changes:
    """What some links have changed.

    Attributes:
        customers: keys of customers whose canonical visitor is another one now, or none.
        stand_ins: (visitor, the visitor that stands for it now).
    """

    customers: set[int] = field(default_factory=set)
    stand_ins: list[tuple[int, int]] = field(default_factory=list)


class Links:
    """The links in one SQLite connection; the caller opens and commits transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def take(self, rows: Iterable[LinkRow]) -> Changes:
        """Take in links; in any order, as often as you like."""
        changes = Changes()
        for visitor_id, customer_id, occurred_us, event_id in rows:
            self._link(visitor_id, customer_id, (occurred_us, event_id), changes)
        return changes

    def forget(self, visitor_id: str) -> Changes:
        """Take a visitor out, as if it had never been linked."""
        changes, visitor = Changes(), key_of(visitor_id)
        known = self._execute(_FIRST, (visitor,)).fetchone()
        if known is not None:
            self._leave(known[0], visitor, changes)
            self._execute("DELETE FROM visitors WHERE visitor = ?", (visitor,))
        self._execute("DELETE FROM contradictions WHERE visitor = ?", (visitor,))
        return changes

    def visitors_of(self, customer_id: str) -> list[str]:
        """Ids of all visitors of a customer."""
        key = key_of(customer_id)
        found = self._execute(
            "SELECT id FROM visitors WHERE visitor IN (SELECT visitor FROM customers WHERE customer = ?"
            " UNION ALL SELECT visitor FROM others WHERE customer = ?)",
            (key, key),
        )
        return [visitor_id for (visitor_id,) in found]

    def canonical(self, customers: Iterable[int]) -> Iterator[tuple[int, str | None]]:
        """Key of each customer and the id of its canonical visitor."""
        for customer in customers:
            row = self._execute(
                "SELECT v.id FROM customers c JOIN visitors v ON v.visitor = c.visitor WHERE c.customer = ?",
                (customer,),
            ).fetchone()
            yield customer, None if row is None else row[0]

    def owner(self, visitor: int) -> tuple[int, int] | None:
        """Keys of a visitor's customer and of the visitor that stands for it, or None without a link."""
        found = self._execute(
            "SELECT v.customer, c.visitor FROM visitors v JOIN customers c ON c.customer = v.customer"
            " WHERE v.visitor = ?",
            (visitor,),
        ).fetchone()
        return None if found is None else (found[0], found[1])

    def stand_in(self, customer: int) -> int | None:
        """Key of a customer's canonical visitor."""
        found = self._execute("SELECT visitor FROM customers WHERE customer = ?", (customer,)).fetchone()
        return None if found is None else int(found[0])

    def contradicting(self) -> int:
        """How many pairs of visitor and customer contradict the visitor's first link."""
        return int(self._execute("SELECT count(*) FROM contradictions").fetchone()[0])

    def _link(self, visitor_id: str, customer_id: str, moment: _Moment, changes: Changes) -> None:
        visitor, customer = key_of(visitor_id), key_of(customer_id)
        known = self._execute(_FIRST, (visitor,)).fetchone()
        if known is not None and moment >= known[1:]:
            if customer != known[0]:
                self._contradict(visitor, customer)
            return
        self._execute(
            "INSERT INTO visitors VALUES (?, ?, ?, ?, ?) ON CONFLICT (visitor) DO UPDATE SET"
            " customer = excluded.customer, occurred_us = excluded.occurred_us, event_id = excluded.event_id",
            (visitor, customer, *moment, visitor_id),
        )
        if known is not None and known[0] != customer:
            self._contradict(visitor, known[0])
            self._execute(
                "DELETE FROM contradictions WHERE visitor = ? AND customer = ?", (visitor, customer)
            )
            self._leave(known[0], visitor, changes)
        self._place(customer_id, visitor, moment, changes)

    def _contradict(self, visitor: int, customer: int) -> None:
        self._execute("INSERT OR IGNORE INTO contradictions VALUES (?, ?)", (visitor, customer))

    def _place(self, customer_id: str, visitor: int, moment: _Moment, changes: Changes) -> None:
        """Let a visitor of a customer stand for it, or be one of the others, by its first link."""
        customer = key_of(customer_id)
        canonical = self._execute(_CANONICAL, (customer,)).fetchone()
        if canonical is None:
            self._execute("INSERT INTO customers VALUES (?, ?, ?)", (customer, visitor, customer_id))
            changes.customers.add(customer)
        elif canonical[0] == visitor:
            return
        elif moment < canonical[1:]:
            self._swap(customer, canonical[0], visitor)
            changes.customers.add(customer)
            changes.stand_ins.append((canonical[0], visitor))
        else:
            self._execute("INSERT OR IGNORE INTO others VALUES (?, ?)", (customer, visitor))
            changes.stand_ins.append((visitor, canonical[0]))

    def _swap(self, customer: int, old: int, new: int) -> None:
        self._execute("UPDATE customers SET visitor = ? WHERE customer = ?", (new, customer))
        self._execute("DELETE FROM others WHERE customer = ? AND visitor = ?", (customer, new))
        self._execute("INSERT INTO others VALUES (?, ?)", (customer, old))

    def _leave(self, customer: int, visitor: int, changes: Changes) -> None:
        """Take a visitor away from a customer; the next one stands for it, if there is one."""
        gone = "DELETE FROM others WHERE customer = ? AND visitor = ?"
        if self._execute(gone, (customer, visitor)).rowcount:
            return
        changes.customers.add(customer)
        rest = [other for (other,) in self._execute(_NEXT, (customer,))]
        if not rest:
            self._execute("DELETE FROM customers WHERE customer = ?", (customer,))
            return
        self._execute("UPDATE customers SET visitor = ? WHERE customer = ?", (rest[0], customer))
        self._execute(gone, (customer, rest[0]))
        changes.stand_ins += [(other, rest[0]) for other in rest[1:]]
