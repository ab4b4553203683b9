"""The one place where the service is wired together."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from app.access.service import KeyRing
from app.clock import Clock, SystemClock
from app.codes.service import TermsBook, giving_back
from app.database import Database
from app.erasure.log import ErasureLog
from app.erasure.service import tidy
from app.idempotency.service import AnswerBook
from app.leaving import told_to_leave
from app.ledger.service import Ledger
from app.serving.keeping_up import KeepingUp
from app.serving.snapshot import SnapshotHolder
from app.settings import Settings
from app.sources.service import SourceBook

log = logging.getLogger("offerlab")
LOOK_INTERVAL_SECONDS = 60.0
TIDY_INTERVAL_SECONDS = 60.0


@dataclass
class Services:
    """What every door may use.

    Attributes:
        settings: the settings in force.
        database: connections.
        clock: the time.
        keys: API keys in memory.
        sources: sources of webhooks in memory.
        snapshots: running experiments in memory.
        codes: terms of codes in memory.
        ledger: the group-commit writer.
        answers: of calls that named themselves.
        erasures: seals the ids of people who were erased.
    """

    settings: Settings
    database: Database
    clock: Clock
    keys: KeyRing
    sources: SourceBook
    snapshots: SnapshotHolder
    codes: TermsBook
    ledger: Ledger
    answers: AnswerBook
    erasures: ErasureLog
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    keeping_up: KeepingUp | None = None

    def start(self) -> None:
        """Load the first snapshot, start the writer and the background loops (needs a running event loop)."""
        self.snapshots.start()
        self.ledger.start()
        self.keeping_up = KeepingUp(self.database, self.snapshots)
        self.keeping_up.start()
        loops = (self._close_looks_forever(), self._tidy_forever())
        self.tasks = [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        """Stop the loops, drain the writer, close the database."""
        for task in self.tasks:
            task.cancel()
        for task in self.tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self.ledger.close)
        if self.keeping_up is not None:
            await asyncio.to_thread(self.keeping_up.stop)
        self.snapshots.close()
        self.database.close()

    async def _close_looks_forever(self) -> None:
        from app.results.service import close_due_days

        while True:
            await asyncio.sleep(LOOK_INTERVAL_SECONDS)
            try:
                await asyncio.to_thread(close_due_days, self)
            except Exception:
                log.exception("closing looks failed; trying again in a minute")

    async def _tidy_forever(self) -> None:
        while True:
            await asyncio.sleep(TIDY_INTERVAL_SECONDS)
            try:
                await asyncio.to_thread(self._tidy)
            except SQLAlchemyError as error:
                log.warning("the database is away (%s); tidying in a minute", type(error).__name__)

    def _tidy(self) -> None:
        self.answers.sweep()
        tidy(self.database, self.erasures, self.clock.now_us())


def wire(settings: Settings, clock: Clock | None = None) -> Services:
    """Build the services of one process; nothing runs yet."""
    clock = clock or SystemClock()
    database = Database(settings.url)
    keys, sources = KeyRing(), SourceBook(settings)
    snapshots = SnapshotHolder(database, keys, sources, settings, clock)
    codes, erasures = TermsBook(snapshots), ErasureLog(settings)
    ledger = Ledger(database, clock, followers=[giving_back(codes.terms)])
    answers = AnswerBook(database, settings, clock)
    return Services(settings, database, clock, keys, sources, snapshots, codes, ledger, answers, erasures)


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[Services]:
    """The services, started and stopped around a block."""
    with told_to_leave():
        services.start()
        try:
            yield services
        finally:
            await services.stop()
