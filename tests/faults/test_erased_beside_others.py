"""After an erasure other processes open and close the database beside the service: nothing is lost.

SQLite's locks are the process's. Whoever opens and closes the file beside SQLite in the same process gives
them up, and the next one who closes the database takes the log away from under the service.
"""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.leftovers import are_left, holds
from app.serving import index_file
from tests.faults.services import mortal
from tests.support.live import ADMIN_KEY

ORDER = {"type": "order", "occurred_at": "2026-01-06T10:00:00Z", "currency": "RUB", "items_minor": 1000}
HEADERS = {"authorization": f"Bearer {ADMIN_KEY}"}


def sent(http: httpx.Client, number: int, visitor_id: str) -> int:
    """How many of one order were accepted."""
    ids = {"event_id": f"e-{number}", "order_id": f"o-{number}", "visitor_id": visitor_id}
    event = ORDER | {"discount_minor": 0, "shipping_minor": 0} | ids
    accepted: int = http.post("/api/v1/events", json={"events": [event]}).json()["accepted"]
    return accepted


def kept(folder: Path, *planted: str) -> int:
    """Orders that are there after an erasure, a look from outside, five more orders, a kill and a start."""
    path = folder / "offerlab.sqlite3"
    with mortal(folder, planted) as service:
        service.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", headers=HEADERS, timeout=60) as http:
            assert sent(http, 0, "alice-the-first") == 1
            assert http.delete("/api/v1/visitors/alice-the-first").json()["finished"]
            outside = sqlite3.connect(path)
            outside.execute("SELECT count(*) FROM events").fetchone()
            outside.close()
            assert sum(sent(http, number, "bob-the-second") for number in range(1, 6)) == 5
        service.kill()
        service.start()
        reader = sqlite3.connect(path)
        found: int = reader.execute("SELECT count(*) FROM events WHERE type = 'order'").fetchone()[0]
        whole = reader.execute("PRAGMA integrity_check").fetchone()[0]
        reader.close()
    assert whole == "ok" or planted
    return found


def test_orders_after_an_erasure_outlive_a_visitor_of_the_database_and_a_kill(tmp_path: Path) -> None:
    assert kept(tmp_path) == 6


@pytest.mark.long
def test_the_check_shows_a_service_that_opens_its_database_itself(tmp_path: Path) -> None:
    assert kept(tmp_path, "opens the database itself") < 6


@pytest.mark.parametrize("text", ["alice-the-first", "élan-the-second", "smile-of-\ud83d"])
def test_the_search_finds_what_is_there_and_nothing_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pages"
    path.write_bytes(b"\0" * 5000 + text.encode("utf-8", "surrogatepass") + b"\0" * 5000)
    assert are_left(path, ["nobody-at-all", text * 3 + "!"]) is False
    assert are_left(path, ["nobody-at-all", text]) is True
    assert are_left(tmp_path / "gone", ["nobody-at-all"]) is True


LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM reached").fetchone()
connection.close()
"""


@pytest.mark.parametrize("planted", [False, True], ids=["sound", "opens the file itself"])
def test_what_a_worker_forgets_leaves_the_others_the_log_of_the_index(
    tmp_path: Path, planted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if planted:
        monkeypatch.setattr(index_file, "are_left", lambda path, texts: holds(path, list(texts)))
    index = index_file.IndexFile(tmp_path)
    index.forget(["alice-the-first"], [])
    with index.transaction():
        index.note_erased(7)  # in the log, not in the file yet
    path = tmp_path / index_file.LINKS_FILE
    subprocess.run([sys.executable, "-c", LOOK, str(path)], check=True)
    assert path.with_name(f"{path.name}-wal").exists() == (not planted)
    index.close()
