"""Starting, killing and judging services in fault tests."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.database import Database
from tests.faults.shop import Shop
from tests.support.live import ADMIN_KEY, ROOT, free_port

START_SECONDS = 240.0


@dataclass
class Mortal:
    """A service that is killed and started again on one port."""

    port: int
    starter: subprocess.Popen[str]
    process_id: int = 0

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert self.starter.stdin is not None
        assert self.starter.stdout is not None
        self.starter.stdin.write("\n")
        self.starter.stdin.flush()
        self.process_id = int(self.starter.stdout.readline())
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)  # waiting for another process, not timing anything
        raise RuntimeError("the service did not start")

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        if not self.process_id:
            return
        with suppress(ProcessLookupError):  # it may have died by itself
            os.kill(self.process_id, signal.SIGKILL)
        while Path(f"/proc/{self.process_id}").exists():
            time.sleep(0.005)  # as above
        self.process_id = 0


@contextmanager
def mortal(
    data_dir: Path, planted: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Mortal]:
    """A service with these bugs planted; it does not run yet."""
    port = free_port()
    settings = {
        "OFFERLAB_DATA_DIR": str(data_dir),
        "OFFERLAB_ADMIN_KEY": ADMIN_KEY,
        "OFFERLAB_SECRET": "s" * 32,
        **(environment or {}),
    }
    command = [sys.executable, "-m", "tests.faults.starter", str(port), *planted]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | settings, stdin=pipe, stdout=pipe, text=True
    ) as starter:
        assert starter.stdout is not None
        if starter.stdout.readline() != "ready\n":
            raise RuntimeError("the starter did not start")
        service = Mortal(port, starter)
        try:
            yield service
        finally:
            service.kill()
            starter.terminate()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a database holds of what was acknowledged.

    Attributes:
        lost: numbers of orders that were acknowledged and are not there.
        doubled: numbers that are there more than once.
        has_gaps: whether `seq` is not 1, 2, 3 …
        stored: how many orders are there.
    """

    lost: set[int]
    doubled: set[int]
    has_gaps: bool
    stored: int


def judge(url: str, shop: Shop) -> Judgement:
    """Read the database as it lies."""
    database = Database(url)
    connection = database.raw_connection()
    rows = connection.execute("SELECT seq, order_id, items_minor FROM events ORDER BY seq").fetchall()
    connection.close()
    database.close()
    counts = Counter(int(order_id.removeprefix("o-")) for _, order_id, _ in rows)
    return Judgement(
        lost=shop.acknowledged - counts.keys(),
        doubled={number for number, count in counts.items() if count > 1},
        has_gaps=[row[0] for row in rows] != list(range(1, len(rows) + 1)),
        stored=len(rows),
    )


def check_whole(path: Path) -> None:
    """SQLite's own check of a file."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def put_back(image: Path, data_dir: Path) -> None:
    """What was on the disk becomes what is there, as after a power cut."""
    for path in data_dir.glob("offerlab.sqlite3*"):
        path.unlink()
    for path in image.glob("offerlab.sqlite3*"):
        shutil.copy(path, data_dir / path.name)
