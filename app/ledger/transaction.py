"""What one request does inside the writer's transaction: append events, or a deed with rows of its own."""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from app.errors import Refusal
from app.ledger.batch import ACCEPTED, record
from app.ledger.links import note_links
from app.ledger.rows import CONTENT_COLUMNS, Identifier, Item, content_digest
from app.ledger.stores import Store

_EVENT_ID_RANDOM_BITS = 74
_KEYS_POSTGRESQL = "(SELECT unnest(CAST(:keys AS text[])))"
_KEYS_SQLITE = "(SELECT value FROM json_each(:keys))"


class Entry(NamedTuple):
    """A ledger row that the service itself writes; people are numbers already.

    Attributes:
        visitor: number of the visitor, or None.
        customer: number of the customer, or None.
        content: column → value, for the `CONTENT_COLUMNS` that have one.
        flags: as of `rows`.
    """

    visitor: int | None
    customer: int | None
    content: dict[str, Any]
    flags: int = 0


class Deed(Protocol):
    """Work that must be whole, in the one transaction of many requests."""

    @property
    def size(self) -> int:
        """How many events its work weighs in the queue."""
        ...

    def identifiers(self) -> Sequence[Identifier]:
        """Ids whose numbers it may ask for."""
        ...

    def run(self, transaction: "Transaction") -> Any:
        """Do it and give the answer, or raise a `Refusal`: then nothing of it stays.

        It may run again when the transaction fails, so it keeps no state of its own.
        """
        ...


Follower = Callable[["Transaction", Sequence[Item]], None]
"""Called with the events that are new, in their transaction."""


class Transaction:
    """One open transaction of the ledger, shared by the requests of one batch.

    Args:
        store: in a transaction that holds the ledger's lock.
        cached: numbers known to be stored.
        now_us: becomes `received_at_us`, microseconds since 1970 UTC.

    Attributes:
        is_postgresql: which dialect the statements are read in.
        numbers: the number of each id known to be stored, once this is committed.
    """

    def __init__(self, store: Store, cached: Mapping[Identifier, int], now_us: int) -> None:
        self.store = store
        self.now_us = now_us
        self.is_postgresql = store.is_postgresql
        self.numbers: dict[Identifier, int] = {}
        self._cached = cached
        self._drawn: dict[Identifier, int] = {}
        self._entries: list[Entry] = []
        self._depth = 0

    def append(self, items: Sequence[Item], followers: Sequence[Follower] = ()) -> list[Any]:
        """Store events; one outcome each. Followers hear of the new ones."""
        recorded = record(self.store, items, self._cached, self.now_us)
        self.numbers |= recorded.numbers
        new = [item for item, one in zip(items, recorded.outcomes, strict=True) if one is ACCEPTED]
        for follower in followers if new else ():
            follower(self, new)
        return recorded.outcomes

    def perform(self, deeds: Sequence[Deed]) -> list[Any]:
        """Run deeds one after another, each whole or not at all; an answer or a `Refusal` for each."""
        self._look_up({one for deed in deeds for one in deed.identifiers()})
        return [self._attempt(deed) for deed in deeds]

    def _attempt(self, deed: Deed) -> Any:
        before, drawn = len(self._entries), dict(self._drawn)
        try:
            with self.savepoint():
                return deed.run(self)
        except Refusal as refusal:
            del self._entries[before:]
            self._drawn = drawn
            return refusal

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is written in the block is undone if a refusal leaves it."""
        name = f"deed_{self._depth}"
        self._depth += 1
        self.run(f"SAVEPOINT {name}")
        try:
            yield
        except Refusal:
            self.run(f"ROLLBACK TO SAVEPOINT {name}")
            raise
        finally:
            self._depth -= 1
        self.run(f"RELEASE SAVEPOINT {name}")

    def number(self, identifier: Identifier) -> int:
        """The number of an id that the deed named; a new id gets one that is stored with this transaction."""
        found = self.numbers.get(identifier) or self._drawn.get(identifier)
        if found is None:
            found = self._drawn[identifier] = 1 + secrets.randbelow(2**63 - 1)
        return found

    def run(self, statement: str, **values: Any) -> Any:
        """One statement with `:name` in place of values; gives the driver's cursor."""
        return self.store.run(statement, values)

    def among(self, statement: str, keys: Sequence[str]) -> list[Any]:
        """Rows of a statement in which `{keys}` stands for the texts, as in `order_id IN {keys}`."""
        if self.is_postgresql:
            return list(self.run(statement.format(keys=_KEYS_POSTGRESQL), keys=list(keys)).fetchall())
        values = {"keys": msgspec.json.encode(keys).decode()}
        return list(self.run(statement.format(keys=_KEYS_SQLITE), **values).fetchall())

    def one(self, statement: str, **values: Any) -> Any:
        """The first row, or None."""
        return self.store.run(statement, values).fetchone()

    def changed(self, statement: str, **values: Any) -> int:
        """How many rows a statement changed."""
        return int(self.store.run(statement, values).rowcount)

    def write(self, entry: Entry) -> None:
        """Add a ledger row at the end of the transaction."""
        self._entries.append(entry)

    def finish(self) -> None:
        """Write what deeds and followers left: new ids, then rows in their order."""
        if self._drawn:
            self.store.add_identifiers([(number, kind, text) for (kind, text), number in self._drawn.items()])
            self.numbers |= self._drawn
        if self._entries:
            head = self.store.head()
            rows = [self._row(head + place, one) for place, one in enumerate(self._entries, 1)]
            self.store.add_events(rows)
            note_links(self.store, rows)

    def _row(self, seq: int, entry: Entry) -> tuple[Any, ...]:
        digest = content_digest(entry.content, entry.visitor, entry.customer)
        people = (entry.visitor, entry.customer)
        identity = (seq, _event_id(self.now_us), *people, self.now_us, entry.flags, digest)
        return (*identity, *map(entry.content.get, CONTENT_COLUMNS))

    def _look_up(self, identifiers: set[Identifier]) -> None:
        found = {one: self._cached[one] for one in identifiers if one in self._cached}
        missing = identifiers - found.keys() - self.numbers.keys()
        self.numbers |= found | (self.store.numbers(missing) if missing else {})


def _event_id(now_us: int) -> str:
    """A UUID of version 7: sorted by time, so that the index grows at its end."""
    text = f"{now_us // 1000:012x}{secrets.randbits(_EVENT_ID_RANDOM_BITS):019x}"
    middle = f"7{text[12:15]}"
    variant = f"{8 | int(text[15], 16) & 3:x}{text[16:19]}"
    return f"{text[:8]}-{text[8:12]}-{middle}-{variant}-{text[19:31]}"
