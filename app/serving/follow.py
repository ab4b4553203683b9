"""Following the ledger: new links and, for frozen experiments, who was enrolled."""

import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import Gauge
from sqlalchemy import text
from sqlmodel import Session

from app.database import Database
from app.erasure.log import Erasure
from app.serving.aliases import AliasIndex
from app.serving.enrolled import EnrolledIndex
from app.serving.enrolment import Enrolment, Frozen
from app.serving.index_file import IndexFile, IndexHome, is_broken
from app.serving.people import People
from app.serving.read_anew import LINKS, read_anew

log = logging.getLogger("offerlab")
STRIDE = 5_000
"""Rows of the ledger looked through in one transaction of the local file."""
FAR_BEHIND = 500_000
"""Rows from which on the index may be built anew aside, which is faster than adding to it."""

CONTRADICTING = Gauge(
    "offerlab_contradicting_links", "Pairs of visitor and customer that contradict the visitor's first link"
)
BEHIND = Gauge("offerlab_identity_rows_behind", "Rows of the ledger that identity has not read yet")

_HEAD = text("SELECT coalesce(max(seq), 0) FROM events")
_DIGEST = text("SELECT digest FROM events WHERE seq = :seq")


class Follower:
    """Keeps the two indexes at the head of the ledger.

    Args:
        database: of the ledger.
        folder: where the local files lie; shared by all workers of a data folder.

    Attributes:
        aliases: customers and their canonical visitors.
        enrolled: units of frozen experiments.
        people: all ids of one person.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._home = IndexHome(folder)
        self._lock = threading.Lock()
        self._file: IndexFile | None = None
        self._enrolment: Enrolment | None = None
        self.aliases = AliasIndex()
        self.enrolled = EnrolledIndex()
        self.people = People(self._home)

    def load(self, frozen: Mapping[str, Frozen]) -> None:
        """Show what lies on disk, without asking the database."""
        with self._guarded():
            file = self._current()
            self._show(file, frozen)
            CONTRADICTING.set(file.links.contradicting())

    def enrol(self, frozen: Mapping[str, Frozen], version: int) -> None:
        """Know who was enrolled in each experiment that is frozen; only what is frozen newly is read.

        Args:
            frozen: all experiments that are frozen.
            version: of the configuration that says so.
        """
        with self._guarded(), self._database.read() as session:
            self._renew(self._checked(session), session, frozen, version)

    def follow(self, frozen: Mapping[str, Frozen], version: int, most: int | None = None) -> None:
        """Read what is new.

        Args:
            frozen: all experiments that are frozen.
            version: of the configuration that says so.
            most: leave it for later when more rows than this are new.
        """
        self.enrol(frozen, version)
        reached, head = self._distance()
        if most is not None and head - reached > most:
            log.warning("serving; identity is behind by %d rows of the ledger", head - reached)
            return
        if head - reached > max(FAR_BEHIND, reached):
            self._build(frozen, version)
        while self._step(frozen):
            pass

    def forget(self, visitor_ids: Iterable[str], customer_ids: Iterable[str] = ()) -> None:
        """Erase visitors, and customers with all their visitors: no byte of an id stays in the local files.

        The ledger must have forgotten them before, or they come back when the index is read again.

        Raises:
            sqlite3.Error: it could not be done now, and has to be done again. OSError: likewise.
        """
        with self._lock:
            file = self._current()
            file.forget(visitor_ids, customer_ids)
            self.aliases.show(file)

    def erased(self) -> int:
        """Number of the last erasure that the local files have followed."""
        with self._lock:
            return self._current().erased()

    def drop(self, erasure: Erasure) -> None:
        """Follow one erasure; links that came after it are somebody new's and stay.

        Raises:
            sqlite3.Error: it could not be done now, and has to be done again. OSError: likewise.
        """
        with self._lock, self._database.read() as session:
            file = self._current() if erasure.ids is not None else self._replace()
            if erasure.ids is not None:
                file.forget(erasure.ids.visitors, erasure.ids.customers)
            with file.transaction():
                reached, digest = file.reached()
                found = session.execute(LINKS, {"low": erasure.seq, "high": reached})
                changes = file.links.take((row[0], row[1], row[2], row[3]) for row in found)
                file.advance(reached, digest, changes.customers)
                file.note_erased(erasure.number)
            self.aliases.show(file)

    def close(self) -> None:
        """Close the local file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = self._enrolment = None
        self.people.close()

    def _step(self, frozen: Mapping[str, Frozen]) -> bool:
        """One stride; whether there is more. The lock is free between two, so that a freeze need not wait."""
        with self._guarded(), self._database.read() as session:
            file, head = self._current(), _head(session)
            with file.transaction():
                low, _ = file.reached()
                high = min(low + STRIDE, head)
                if low < high:
                    self._take(file, session, low, high)
            self._show(file, frozen)
            BEHIND.set(head - high)
            return high < head
        return False

    def _take(self, file: IndexFile, session: Session, low: int, high: int) -> None:
        enrolment = self._enrolment_of(file)
        found = session.execute(LINKS, {"low": low, "high": high})
        changes = file.links.take((row[0], row[1], row[2], row[3]) for row in found)
        if enrolment.known():
            enrolment.stand_in(changes.stand_ins)
            enrolment.follow(session, low, high)
        file.advance(high, _digest(session, high), changes.customers)
        CONTRADICTING.set(file.links.contradicting())

    def _renew(self, file: IndexFile, session: Session, frozen: Mapping[str, Frozen], version: int) -> None:
        enrolment = self._enrolment_of(file)
        if enrolment.known() != frozen:
            with file.transaction():
                enrolment.renew(session, frozen, version, _head(session))
        self._show(file, frozen)

    def _build(self, frozen: Mapping[str, Frozen], version: int) -> None:
        """Read the whole ledger into a new index, aside; one worker does, the others go on meanwhile."""
        with self._home.building() as is_ours:
            if not is_ours:
                return
            self._home.tidy()
            folder = self._home.new_folder()
            try:
                read_anew(self._database, folder)
            except (sqlite3.Error, OSError) as error:
                log.warning("identity cannot be read anew (%r); following row by row", error)
                self._home.tidy()
                return
            with self._guarded(), self._database.read() as session:
                self._renew(IndexFile(folder), session, frozen, version)
                self._home.use(folder)

    def _distance(self) -> tuple[int, int]:
        """How far the index reaches, and the ledger."""
        reached = head = 0
        with self._guarded(), self._database.read() as session:
            reached, head = self._current().reached()[0], _head(session)
        return reached, head

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """One thread at a time; what is wrong with the local files must not stop the service."""
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError, ValueError) as error:
                log.warning("the identity index cannot be used: %r", error)
                if isinstance(error, ValueError) or is_broken(error):
                    with suppress(sqlite3.Error, OSError):  # no space: tried again in a second
                        self._replace()

    def _current(self) -> IndexFile:
        """The index that all workers use."""
        self._file = self._home.open(self._file)
        return self._file

    def _checked(self, session: Session) -> IndexFile:
        """The index in use; a new one if it knows another ledger than this."""
        file = self._current()
        seq, digest = file.reached()
        if seq == 0 or _digest(session, seq) == digest:
            return file
        log.warning("the identity index is of another ledger; it is read again")
        return self._replace()

    def _replace(self) -> IndexFile:
        """An empty index instead of the one in use; the links are read again."""
        self._file = self._home.replace(None if self._file is None else self._file.folder.name)
        return self._file

    def _enrolment_of(self, file: IndexFile) -> Enrolment:
        if self._enrolment is None or self._enrolment.file is not file:
            self._enrolment = Enrolment(file)
        return self._enrolment

    def _show(self, file: IndexFile, frozen: Mapping[str, Frozen]) -> None:
        self.aliases.show(file)
        self._enrolment_of(file).show(self.enrolled, frozen)


def _head(session: Session) -> int:
    return int(session.execute(_HEAD).scalar_one())


def _digest(session: Session, seq: int) -> bytes | None:
    found = session.execute(_DIGEST, {"seq": seq}).scalar()
    return None if found is None else bytes(found)
