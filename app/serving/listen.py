"""Hearing of a change at once: PostgreSQL's NOTIFY. Whoever hears nothing polls every second all the same."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from app.serving.config import CHANNEL

log = logging.getLogger("offerlab")
HEAR_SECONDS: Final = 0.5
CONNECT_AGAIN_SECONDS: Final = 1.0


class ConfigListener:
    """A thread with a connection of its own; it connects again when that breaks.

    Args:
        url: SQLAlchemy address of a PostgreSQL database.
        wake: called after each change, and when it hears again after a break: something may have been missed.
    """

    def __init__(self, url: str, wake: Callable[[], None]) -> None:
        self._dsn = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._wake = wake
        self._was_cut_off = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="config-listener", daemon=True)

    def start(self) -> None:
        """Start listening."""
        self._thread.start()

    def stop(self) -> None:
        """Stop within about half a second."""
        self._stopped.set()
        self._thread.join(4 * HEAR_SECONDS)

    def _run(self) -> None:
        import psycopg

        while not self._stopped.is_set():
            try:
                with _connected(self._dsn) as connection:
                    self._hear(connection)
            except (psycopg.Error, OSError) as error:
                self._was_cut_off = True
                log.warning("no word of changes from the database (%s); polling", type(error).__name__)
            self._stopped.wait(CONNECT_AGAIN_SECONDS)

    def _hear(self, connection: Any) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        if self._was_cut_off:
            self._wake()
        while not self._stopped.is_set():
            for _ in connection.notifies(timeout=HEAR_SECONDS, stop_after=1):
                self._wake()


def _connected(dsn: str) -> Any:
    """A connection that notices within 20 seconds that the other side is gone."""
    import psycopg

    return psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=2,
        keepalives=1,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=2,
        application_name="offerlab config listener",
    )
