"""The local files of identity: a SQLite file of links and enrolled units, and the table of canonical ids.

    DATA_DIR/identity/current         name of the folder in use
    DATA_DIR/identity/<name>/         links.sqlite3 and ids

All workers of a data folder share them. Everything in them can be read again from the ledger, so a broken,
missing or foreign index is replaced by a new folder and never repaired; whoever has the old one open keeps it
until it looks again.
"""

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.leftovers import are_left
from app.serving.id_table import IdTable, TableFull, create
from app.serving.links import SCHEMA, Links

log = logging.getLogger("offerlab")
FORMAT: Final = 2
LINKS_FILE: Final = "links.sqlite3"
IDS_FILE: Final = "ids"
BUSY_TIMEOUT_SECONDS: Final = 2.0
CACHE_KIB: Final = 8_000
_REST = """
CREATE TABLE reached (seq INTEGER NOT NULL, digest BLOB, config_version INTEGER NOT NULL);
CREATE TABLE frozen (experiment INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,
                     unit TEXT NOT NULL, frozen_at_us INTEGER NOT NULL);
CREATE TABLE enrolled (n INTEGER PRIMARY KEY AUTOINCREMENT, experiment INTEGER NOT NULL,
                       unit INTEGER NOT NULL, UNIQUE (unit, experiment));
INSERT INTO reached VALUES (0, NULL, 0);
"""


def is_broken(error: Exception) -> bool:
    """Whether the file itself is damaged (not: locked, full, unreadable)."""
    return getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class IndexFile:
    """One opened index.

    Args:
        folder: made when missing.

    Raises:
        sqlite3.Error: not a database, or not one of this format.
        OSError: no space, no right.

    Attributes:
        folder: where it lies.
        links: who is whose customer.
        table: canonical ids, for the hot path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = _connect(folder / LINKS_FILE)
        self.execute = self._connection.execute
        self.executemany = self._connection.executemany
        self.links = Links(self._connection)
        weakref.finalize(self, self._connection.close)
        with self.transaction():
            self._check_format()
        self.table = self._opened_table()

    def close(self) -> None:
        """Close the SQLite file; the table stays readable for whoever holds it."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """The one writer among all workers; what it read before counts no more."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def reached(self) -> tuple[int, bytes | None]:
        """The `seq` up to which the ledger was read, and the digest of that row."""
        seq, digest = self.execute("SELECT seq, digest FROM reached").fetchone()
        return int(seq), digest

    def advance(self, seq: int, digest: bytes | None, customers: Iterable[int]) -> None:
        """In a transaction: note how far the ledger was read, and show changed customers to the hot path."""
        before, _ = self.reached()
        self.execute("UPDATE reached SET seq = ?, digest = ?", (seq, digest))
        self.refresh_table()
        if self.table.stands_at(before):
            with contextlib.suppress(TableFull):
                self.table.write(self.links.canonical(customers), seq)
                return
        self._build_table(seq)

    def erased(self) -> int:
        """Number of the last erasure that was followed here."""
        return int(self.execute("PRAGMA application_id").fetchone()[0])

    def note_erased(self, number: int) -> None:
        """In a transaction: note that erasures up to this one were followed."""
        self.execute(f"PRAGMA application_id = {number}")

    def refresh_table(self) -> None:
        """Take the table that another worker has put in place."""
        if (self.folder / IDS_FILE).stat().st_ino != self.table.inode:
            self.table = IdTable(self.folder / IDS_FILE)

    def forget(self, visitor_ids: Iterable[str], customer_ids: Iterable[str]) -> None:
        """Take ids out so that no byte of them stays in any file; all visitors of a customer go with it."""
        gone, customers = {*visitor_ids}, [*customer_ids]
        with self.transaction():
            for customer_id in customers:
                gone.update(self.links.visitors_of(customer_id))
            changed = {key for one in gone for key in self.links.forget(one).customers}
            self.advance(*self.reached(), changed)
        self.table.wipe(gone)
        self._scrub({*gone, *customers})

    def _scrub(self, gone: Iterable[str]) -> None:
        """Deleted rows are overwritten, moved ones may not be: look, and write the file anew if need be."""
        self._empty_log()
        if are_left(self.folder / LINKS_FILE, gone):
            self.execute("VACUUM")
            self._empty_log()

    def _empty_log(self) -> None:
        if self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise sqlite3.OperationalError("another process reads the identity index; forget again")

    def _check_format(self) -> None:
        found = self.execute("PRAGMA user_version").fetchone()[0]
        if found == FORMAT:
            return
        if found or self.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise sqlite3.DatabaseError(f"identity index of format {found}, this version writes {FORMAT}")
        for statement in (SCHEMA + _REST).split(";"):
            self.execute(statement)
        self.execute(f"PRAGMA user_version = {FORMAT}")

    def _opened_table(self) -> IdTable:
        try:
            table = IdTable(self.folder / IDS_FILE)
            if table.stands_at(self.reached()[0]):
                return table
        except (OSError, ValueError):
            pass
        with self.transaction():
            return self._build_table(self.reached()[0])

    def _build_table(self, seq: int) -> IdTable:
        ids = " FROM customers c JOIN visitors v ON v.visitor = c.visitor"
        sizes = "SELECT count(*), coalesce(sum(length(CAST(v.id AS BLOB))), 0)"
        customers, id_bytes = self.execute(sizes + ids).fetchone()
        content = self.execute("SELECT c.customer, v.id" + ids)
        create(self.folder / IDS_FILE, customers, id_bytes, content, seq)
        self.table = IdTable(self.folder / IDS_FILE)
        return self.table


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
    )
    for pragma in (
        "synchronous=OFF",  # what is lost while it is made is made again
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "secure_delete=ON",
        f"cache_size=-{CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


class IndexHome:
    """The folder in which indexes lie, one of them in use.

    Args:
        folder: of the data; where it cannot be written, a temporary folder of this process takes its place.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, used: IndexFile | None) -> IndexFile:
        """The index in use: the one at hand if it still is; made when there is none or it is damaged."""
        name = self._current()
        if used is not None and used.folder.name == name:
            return used
        if name is not None:
            try:
                return IndexFile(self.folder / name)
            except sqlite3.Error as error:
                log.warning("the identity index is damaged (%s); it is read from the ledger again", error)
        return self.replace(name)

    def replace(self, name: str | None) -> IndexFile:
        """A new, empty index instead of a named one, unless another worker was faster."""
        self._make()
        with self._locked("lock"):
            now = self._current()
            if now is not None and now != name:
                return IndexFile(self.folder / now)
            made = IndexFile(self.new_folder())
            self.use(made.folder)
        return made

    def new_folder(self) -> Path:
        """Where another index may be built."""
        return self.folder / secrets.token_hex(8)

    def use(self, folder: Path) -> None:
        """Make a finished index the one in use and remove the one before."""
        before = self._current()
        aside = self.folder / f".current-{secrets.token_hex(8)}"
        aside.write_text(folder.name, encoding="ascii")
        aside.replace(self.folder / "current")
        if before is not None and before != folder.name:
            shutil.rmtree(self.folder / before, ignore_errors=True)

    def tidy(self) -> None:
        """Remove what a build has left that did not come to its end; only while no other is building."""
        with self._locked("lock"):
            used = self._current()
            for folder in self.folder.iterdir():
                if folder.is_dir() and folder.name != used:
                    shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def building(self) -> Iterator[bool]:
        """Only one worker at a time builds an index; whether it is this one."""
        try:
            with self._locked("building", fcntl.LOCK_NB):
                yield True
        except BlockingIOError:
            yield False

    @contextmanager
    def _locked(self, name: str, more: int = 0) -> Iterator[None]:
        with (self.folder / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | more)
            yield

    def links_path(self) -> Path | None:
        """The file of links in use, or None when there is none."""
        name = self._current()
        return None if name is None else self.folder / name / LINKS_FILE

    def _current(self) -> str | None:
        try:
            name = (self.folder / "current").read_text(encoding="ascii")
        except OSError:
            return None
        return name if (self.folder / name / LINKS_FILE).exists() else None

    def _make(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self.folder = Path(tempfile.mkdtemp(prefix="offerlab-identity-"))
            log.warning("the data folder cannot be written (%s); identity lies in %s", error, self.folder)
