"""Who was exposed before a freeze, kept in the local index file: read once, then followed row by row.

Under `visitor` a unit is enrolled when it, or a visitor that it stands for, was exposed before the freeze:
also when the exposure or the link arrives later. Under `customer` it is the customer named, or the one whose
visitor it is; under `either` (an experiment on customers that falls back on the visitor) the visitor as well.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from app.serving.enrolled import EnrolledIndex
from app.serving.id_table import key_of
from app.serving.index_file import IndexFile

_EXPOSED = text(
    "SELECT DISTINCT v.id, c.id FROM events e"
    " LEFT JOIN identifiers v ON v.number = e.visitor LEFT JOIN identifiers c ON c.number = e.customer"
    " WHERE e.experiment = :experiment AND e.type = 'exposure' AND e.occurred_at_us < :frozen_at_us"
    " AND e.seq > :low AND e.seq <= :high"
)
_ADD = "INSERT OR IGNORE INTO enrolled (experiment, unit) VALUES (?, ?)"
_STAND_IN = (
    "INSERT OR IGNORE INTO enrolled (experiment, unit) SELECT e.experiment, ? FROM enrolled e"
    " JOIN frozen f ON f.experiment = e.experiment AND f.unit = 'visitor' WHERE e.unit = ?"
)
FETCHED = 50_000


class Frozen(NamedTuple):
    """What a frozen experiment randomises, and since when it takes no new units."""

    unit: str
    frozen_at_us: int


class Enrolment:
    """The enrolled units in one index file; called inside its transactions."""

    def __init__(self, file: IndexFile) -> None:
        self.file = file
        self._shown = 0

    def known(self) -> dict[str, Frozen]:
        """Experiments whose units were read once and are followed."""
        found = self.file.execute("SELECT key, unit, frozen_at_us FROM frozen")
        return {key: Frozen(unit, frozen_at_us) for key, unit, frozen_at_us in found}

    def renew(self, session: Session, frozen: Mapping[str, Frozen], version: int, head: int) -> None:
        """Read who was enrolled in what is frozen newly; drop what is frozen no more.

        Args:
            session: reads the ledger.
            frozen: all experiments that are frozen.
            version: of the configuration that says so; a worker with an older one than another drops nothing.
            head: the last row of the ledger.
        """
        known = self.known()
        newest = self.file.execute("SELECT config_version FROM reached").fetchone()[0]
        changed = [key for key, one in known.items() if one != frozen.get(key)]
        self._drop(key for key in changed if key in frozen or version >= newest)
        for key in frozen:
            if known.get(key) != frozen[key]:
                self._begin(session, key, frozen[key], head)
        self.file.execute("UPDATE reached SET config_version = ?", (max(version, newest),))

    def _drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            number = self._number(key)
            self.file.execute("DELETE FROM enrolled WHERE experiment = ?", (number,))
            self.file.execute("DELETE FROM frozen WHERE experiment = ?", (number,))

    def _begin(self, session: Session, key: str, frozen: Frozen, head: int) -> None:
        self.file.execute("INSERT INTO frozen (key, unit, frozen_at_us) VALUES (?, ?, ?)", (key, *frozen))
        self._read(session, key, frozen, 0, head)

    def follow(self, session: Session, low: int, high: int) -> None:
        """Exposures among new rows of the ledger."""
        for key, frozen in self.known().items():
            self._read(session, key, frozen, low, high)

    def stand_in(self, pairs: Iterable[tuple[int, int]]) -> None:
        """A visitor that stands for an enrolled one now is enrolled."""
        self.file.executemany(_STAND_IN, ((unit, visitor) for visitor, unit in pairs))

    def show(self, index: EnrolledIndex, frozen: Mapping[str, Frozen]) -> None:
        """Bring the index in memory up to what is in the file, for what is frozen."""
        index.keep_only(frozen.keys() | self.known().keys())
        cursor = self.file.execute(
            "SELECT e.n, f.key, e.unit FROM enrolled e JOIN frozen f ON f.experiment = e.experiment"
            " WHERE e.n > ? ORDER BY e.n",
            (self._shown,),
        )
        while rows := cursor.fetchmany(FETCHED):
            for key in {key for _, key, _ in rows}:
                index.add_keys(key, [unit for _, name, unit in rows if name == key])
            self._shown = rows[-1][0]

    def _read(self, session: Session, key: str, frozen: Frozen, low: int, high: int) -> None:
        values = {"experiment": key, "frozen_at_us": frozen.frozen_at_us, "low": low, "high": high}
        found = session.execute(_EXPOSED, values)
        number = self._number(key)
        people = [(row[0], row[1]) for row in found]
        units = self._visitors(people) if frozen.unit == "visitor" else self._customers(people)
        if frozen.unit == "either":
            units = chain(units, (key_of(visitor) for visitor, _ in people if visitor is not None))
        self.file.executemany(_ADD, ((number, unit) for unit in units))

    def _number(self, key: str) -> int:
        return int(self.file.execute("SELECT experiment FROM frozen WHERE key = ?", (key,)).fetchone()[0])

    def _visitors(self, people: Iterable[tuple[str | None, str | None]]) -> Iterator[int]:
        links = self.file.links
        for visitor_id, customer_id in people:
            if visitor_id is not None:
                visitor = key_of(visitor_id)
                yield visitor
                owner = links.owner(visitor)
                if owner is not None:
                    yield owner[1]
            if customer_id is not None:
                canonical = links.stand_in(key_of(customer_id))
                if canonical is not None:
                    yield canonical

    def _customers(self, people: Iterable[tuple[str | None, str | None]]) -> Iterator[int]:
        for visitor_id, customer_id in people:
            if customer_id is not None:
                yield key_of(customer_id)
            elif visitor_id is not None:
                owner = self.file.links.owner(key_of(visitor_id))
                if owner is not None:
                    yield owner[0]
