"""The threads that keep a process up with its database: the configuration, and the ledger's links."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from app.database import Database
from app.serving.listen import ConfigListener
from app.serving.snapshot import SnapshotHolder

log = logging.getLogger("offerlab")
POLL_SECONDS: Final = 1.0
STOP_SECONDS: Final = 5.0


class Repeating:
    """A thread that does something every second, and at once when woken, whatever happens.

    Args:
        name: of the thread.
        work: what it does.
    """

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self._work = work
        self._woken = threading.Event()
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Do it now."""
        self._woken.set()

    def stop(self) -> None:
        """Let the work at hand end, but do not wait for ever: a stopped database server never answers."""
        self._is_open = False
        self._woken.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while True:
            self._woken.wait(POLL_SECONDS)
            self._woken.clear()
            if not self._is_open:
                return
            try:
                self._work()
            except SQLAlchemyError as error:
                log.warning("the database is away (%s); serving the last snapshot", type(error).__name__)
            except Exception:
                log.exception("%s failed; trying again", self._thread.name)


class KeepingUp:
    """Follows one database until it is stopped.

    Args:
        database: to listen to.
        snapshots: what is kept up.
    """

    def __init__(self, database: Database, snapshots: SnapshotHolder) -> None:
        look = Repeating("config", snapshots.look)
        listener = [] if database.is_sqlite else [ConfigListener(database.url, look.wake)]
        self._threads: list[Repeating | ConfigListener] = [
            *listener,
            look,
            Repeating("identity", snapshots.follow),
        ]

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop them; blocks for some seconds at most."""
        for thread in self._threads:
            thread.stop()
