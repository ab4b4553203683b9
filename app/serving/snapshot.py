"""The snapshot in memory, its holder that follows the database, and its copy on disk."""

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.access.service import KeyRing
from app.clock import Clock
from app.database import Database
from app.erasure.log import ErasureLog
from app.serving.config import current_version
from app.serving.copies import Copy, read_copy, read_database, write_copy
from app.serving.enrolment import Frozen
from app.serving.follow import Follower
from app.serving.served import LISTED, ServedExperiment, Surroundings, serve
from app.serving.sheet import Sheet, Sheets
from app.settings import Settings
from app.sources.service import SourceBook
from app.strict import moment_us
from assignment.panel import unit_rule

__all__ = ["ServedExperiment", "Snapshot", "SnapshotHolder"]

log = logging.getLogger("offerlab")
FILE_NAME = "snapshot.json"
ROWS_BEFORE_SERVING = 200_000
"""Rows of the ledger that a start reads for identity before it serves; more are read while serving."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything served at one config version; never changed, only replaced.

    Attributes:
        config_version: counts the changes.
        experiments: all of them by key, drafts too.
        listed: those served when a request names none, in order of creation.
        audiences: their audience conditions by key, as defined; for clients that compile them themselves.
        sheets: ready-made answers.
    """

    config_version: int
    experiments: Mapping[str, ServedExperiment]
    listed: tuple[ServedExperiment, ...]
    audiences: Mapping[str, Any] = field(default_factory=dict)
    sheets: Sheets = field(default_factory=lambda: Sheets(-1, b"", ()))
    listed_keys: tuple[str, ...] = field(init=False)
    """Keys of `listed`."""
    flag_keys: tuple[str, ...] = field(init=False)
    """Keys of all that OpenFeature clients hear of in bulk: of ended ones as well, so that they say so."""

    def __post_init__(self) -> None:
        """Write the keys down once."""
        flags = [
            key for key, one in self.experiments.items() if one.state in LISTED or one.state == "stopped"
        ]
        object.__setattr__(self, "listed_keys", tuple([served.key for served in self.listed]))
        object.__setattr__(self, "flag_keys", tuple(flags))

    def changes_at(self, now_us: int) -> tuple[int, int]:
        """Changes of the configuration, and starts and ends that have come: what is served changes with them.

        The same on every replica, whatever else its clock says.
        """
        return max(self.config_version, 0), self.sheets.period_at(now_us)

    def sheet(self, now_us: int, keys: Sequence[str] | None = None) -> Sheet:
        """Ready-made answers at a moment.

        Args:
            now_us: microseconds since 1970 UTC.
            keys: experiments to answer about, in this order; None: all that are listed.

        Raises:
            KeyError: no experiment with such a key was started.
        """
        wanted = self.listed_keys if keys is None else tuple(keys)
        kept = self.sheets.kept(wanted, now_us)
        return kept or self.sheets.make([self._started(key) for key in wanted], now_us)

    def _started(self, key: str) -> ServedExperiment:
        served = self.experiments[key]
        if served.state == "draft":
            raise KeyError(key)
        return served

    def mark_at(self, now_us: int) -> str:
        """`changes_at` as a text.

        >>> EMPTY.mark_at(0)
        '0.0'
        """
        return ".".join(map(str, self.changes_at(now_us)))


EMPTY = Snapshot(-1, MappingProxyType({}), ())


def build(copy: Copy, *, compiled: bool = False) -> Snapshot:
    """Compile what was read; an experiment that cannot be compiled is left out and logged.

    Args:
        copy: what was read.
        compiled: hash in machine code where that is installed.
    """
    around = Surroundings.of(copy.layers, copy.holdouts, copy.segments, copy.forced)
    experiments = {}
    for row in copy.experiments:
        try:
            experiments[row.key] = serve(row, around)
        except (ValueError, KeyError, TypeError):
            log.exception("experiment %s cannot be served", row.key)
    listed = tuple(served for served in experiments.values() if served.state in LISTED)
    audiences = {key: served.audience for key, served in experiments.items()}
    sheets = _sheets(copy, compiled=compiled)
    return Snapshot(
        copy.config_version, MappingProxyType(experiments), listed, MappingProxyType(audiences), sheets
    )


def _sheets(copy: Copy, *, compiled: bool) -> Sheets:
    shown = [
        [row.model_dump(mode="json") for row in copy.experiments],
        [row.model_dump(mode="json") for row in copy.layers],
        [row.model_dump(mode="json") for row in copy.holdouts],
        [row.model_dump(mode="json") for row in copy.segments],
        [row.model_dump(mode="json") for row in copy.forced],
    ]
    dates = [row.definition[name] for row in copy.experiments for name in ("starts_at", "ends_at")]
    moments = [moment_us(date) for date in dates if date is not None]
    fingerprint = hashlib.blake2b(msgspec.json.encode(shown)).digest()
    return Sheets(copy.config_version, fingerprint, moments, compiled=compiled)


class SnapshotHolder:
    """Holds the current snapshot; `current` is one reference, swapped at once.

    Args:
        database: to follow.
        keys: reloaded together with the snapshot; `sources` likewise.
        settings: where the copy on disk lies.
        clock: for the log of key uses.
    """

    def __init__(
        self, database: Database, keys: KeyRing, sources: SourceBook, settings: Settings, clock: Clock
    ) -> None:
        self._database = database
        self._keys = keys
        self._sources = sources
        self._path = settings.data_dir / FILE_NAME
        self._compiled = settings.compiled
        self._clock = clock
        self._lock = threading.Lock()
        self._follower = Follower(database, settings.data_dir / "identity")
        self._erasures = ErasureLog(settings)
        self.current: Snapshot = EMPTY

    @property
    def follower(self) -> Follower:
        """Canonical units and enrolled units, as far as the ledger was read."""
        return self._follower

    def start(self) -> None:
        """Load the first snapshot: from the database, or else from the copy on disk."""
        try:
            self.refresh()
            self.follow(most=ROWS_BEFORE_SERVING)
        except SQLAlchemyError:
            log.warning("the database is away; serving the last snapshot on disk")
            self._load_copy()

    def close(self) -> None:
        """Close what lies on disk."""
        self._follower.close()

    def refresh(self) -> None:
        """Read the database now, swap the snapshot and the keys, write the copy."""
        with self._lock:
            with self._reading() as session:
                copy = read_database(session)
            self._take(copy)

    def poll(self) -> bool:
        """Look once whether something changed, follow the ledger, write down key uses.

        Returns:
            Whether a new snapshot was taken.
        """
        is_new = self.look()
        self.follow()
        return is_new

    def look(self) -> bool:
        """Take a new snapshot if there is one, write down key uses; whether there was."""
        with self._lock:
            with self._reading() as session:
                is_new = current_version(session) != self.current.config_version
                copy = read_database(session) if is_new else None
            if copy is not None:
                self._take(copy)
        if self._keys.has_unwritten_uses:
            with self._database.write() as session:
                self._keys.write_last_used(session)
        return is_new

    def follow(self, most: int | None = None) -> None:
        """Follow the ledger to its head (when more rows than `most` are new: later)."""
        self.drop_erased()
        snapshot = self.current
        self._follower.follow(_frozen(snapshot), snapshot.config_version, most)

    def drop_erased(self) -> None:
        """Drop whoever was erased since the last look from the local files; what fails is tried again."""
        try:
            with self._database.read() as session:
                new = self._erasures.after(session, self._follower.erased())
            for erasure in new:
                self._follower.drop(erasure)
        except (sqlite3.Error, OSError) as error:
            log.warning("an erasure waits for the local files: %s", type(error).__name__)

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        """One state of the database for all that is read: a version and its own content, never another's."""
        with self._database.read() as session:
            if not self._database.is_sqlite:
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    def _take(self, copy: Copy) -> None:
        if copy.config_version < self.current.config_version and self.current.experiments:
            log.warning("the config version went back from %d", self.current.config_version)
        self._keys.load(copy.keys)
        self._sources.load(copy.sources)
        snapshot = build(copy, compiled=self._compiled)
        frozen = _frozen(snapshot)
        if frozen or _frozen(self.current):
            # before the swap: a freeze is served when it is known who was enrolled
            self._follower.enrol(frozen, snapshot.config_version)
        self.current = snapshot
        write_copy(self._path, copy)

    def _load_copy(self) -> None:
        copy = read_copy(self._path)
        if copy is not None:
            self._keys.load(copy.keys)
            self._sources.load(copy.sources)
            self.current = build(copy, compiled=self._compiled)
        self._follower.load(_frozen(self.current))


def _frozen(snapshot: Snapshot) -> dict[str, Frozen]:
    """Experiments that take no new units."""
    return {
        served.key: Frozen(unit_rule(served.rules), served.frozen_at_us)
        for served in snapshot.listed
        if served.state == "frozen" and served.frozen_at_us is not None
    }
