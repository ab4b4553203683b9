"""Changes under load, several workers and replicas. Oracle: what the database said at each config version.

Every answer must be wholly of the version that it names, and no answer that begins two seconds after a change
may be of an older one. Two planted bugs show that the check can fail.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.database import Database
from app.serving.config import bump, current_version
from app.serving.listen import ConfigListener
from tests.support.inprocess import SIDE_BY_SIDE, definition
from tests.support.live import ADMIN_KEY, Live, live_service

KEYS = ("first", "second")
VISIBLE_SECONDS = 2.0
CLIENTS = 3
UNKNOWN = -1
"""Version of an answer that refuses: the worker has not heard of the experiments."""
States = tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """One answer: when it was asked for, the version it names, whether each experiment assigned."""

    asked_at: float
    version: int
    states: States


@dataclass(frozen=True)
class Change:
    """One change, as the database has it."""

    done_at: float
    version: int
    states: States


def wrong(seen: Sequence[Seen], changes: Sequence[Change]) -> list[str]:
    """What is wrong with the answers."""
    expected = {change.version: change.states for change in changes}
    found = []
    for one in seen:
        if one.version == UNKNOWN:
            found.append("stale: a worker does not know the experiments")
            continue
        if expected.get(one.version) != one.states:
            found.append(f"mixed: version {one.version} with {one.states}")
        newest = max((c.version for c in changes if c.done_at + VISIBLE_SECONDS <= one.asked_at), default=0)
        if one.version < newest:
            found.append(f"stale: version {one.version} after {newest}")
    return found


async def _ask(url: str) -> Seen:
    """One request on a connection of its own, so that every worker gets some."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps({"visitor_id": "v-1", "experiments": KEYS}).encode()
    head = f"POST /api/v1/assignments HTTP/1.1\r\nHost: x\r\nX-API-Key: {ADMIN_KEY}\r\nConnection: close\r\n"
    asked_at = time.monotonic()
    writer.write(
        f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    document = json.loads(answer.partition(b"\r\n\r\n")[2])
    if "assignments" not in document:
        return Seen(asked_at, UNKNOWN, ())
    states = tuple(str(item["reason"]) for item in document["assignments"])
    return Seen(asked_at, document["config_version"], states)


async def _load(urls: Sequence[str], changing: "asyncio.Future[list[Change]]") -> list[Seen]:
    seen: list[Seen] = []

    async def client(number: int) -> None:
        end = None
        while end is None or time.monotonic() < end:
            seen.append(await _ask(urls[(number + len(seen)) % len(urls)]))
            if end is None and changing.done():
                end = changing.result()[-1].done_at + VISIBLE_SECONDS + 1

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return seen


def _change(lives: Sequence[Live], database: Database, times: int) -> list[Change]:
    """Pause and resume, now on this replica, now on the other."""
    states = dict.fromkeys(KEYS, "SPLIT")
    changes = [_now(database, states)]
    for number in range(times):
        key = KEYS[number // 2 % 2]
        action = "pause" if states[key] == "SPLIT" else "resume"
        with lives[number % len(lives)].client() as http:
            http.post(f"/api/v1/experiments/{key}/{action}", json={}).raise_for_status()
        states[key] = "PAUSED" if action == "pause" else "SPLIT"
        changes.append(_now(database, states))
    return changes


def _now(database: Database, states: dict[str, str]) -> Change:
    with database.read() as session:
        return Change(time.monotonic(), current_version(session), tuple(states.values()))


async def _observe(lives: Sequence[Live], url: str, times: int) -> tuple[list[Seen], list[Change]]:
    database = Database(url)
    changing = asyncio.ensure_future(asyncio.to_thread(_change, lives, database, times))
    seen = await _load([live.url for live in lives], changing)
    database.close()
    return seen, await changing


def _prepare(live: Live) -> None:
    with live.client() as http:
        for key in KEYS:
            http.post("/api/v1/experiments", json=definition(key=key)).raise_for_status()
            http.post(f"/api/v1/experiments/{key}/start", json=SIDE_BY_SIDE).raise_for_status()


@contextmanager
def services(
    url: str, folders: Sequence[Path], workers: int, environment: dict[str, str] | None = None
) -> Iterator[list[Live]]:
    """Replicas on one database, the first of them prepared; the others start after it."""
    with ExitStack() as stack:
        lives = []
        for folder in folders:
            folder.mkdir()
            settings = {"OFFERLAB_DATABASE_URL": url, **(environment or {})}
            arguments = ("--workers", str(workers))
            lives.append(stack.enter_context(live_service(folder, settings, arguments)))
            if len(lives) == 1:
                _prepare(lives[0])
        _wait_until_all_know(lives, url)
        yield lives


def _wait_until_all_know(lives: Sequence[Live], url: str) -> None:
    database = Database(url)
    version = _now(database, {}).version
    database.close()
    deadline = time.monotonic() + 20
    time.sleep(VISIBLE_SECONDS)  # one worker may take every connection; the others know by then, as promised
    for live in lives:
        known = 0
        while known < 20 and time.monotonic() < deadline:
            known = known + 1 if asyncio.run(_version(live.url)) >= version else 0


async def _version(url: str) -> int:
    try:
        return (await _ask(url)).version
    except (KeyError, ValueError):  # the experiments are not known here yet
        return 0


def test_two_workers_on_sqlite_answer_of_one_version_and_know_a_change_within_two_seconds(
    sqlite_url: str, tmp_path: Path
) -> None:
    with services(sqlite_url, [tmp_path / "one"], workers=2) as lives:
        seen, changes = asyncio.run(_observe(lives, sqlite_url, times=6))
        answered = _with_a_new_key(lives[0])
    assert wrong(seen, changes) == []
    assert len({one.version for one in seen}) >= 3
    assert seen[-1].version == changes[-1].version
    assert {status for seconds, status in answered if seconds >= VISIBLE_SECONDS} == {200}


def _with_a_new_key(live: Live) -> list[tuple[float, int]]:
    """Seconds since a key was made, and what a request with it was answered, by whichever worker."""
    with live.client() as http:
        made = http.post("/api/v1/keys", json={"kind": "pub", "name": "new"}).json()
    begin = time.monotonic()
    headers = {"x-api-key": made["key"], "connection": "close"}
    asked = {"visitor_id": "v", "experiments": list(KEYS)}
    answered: list[tuple[float, int]] = []
    while len(answered) < 20 or answered[-1][0] < VISIBLE_SECONDS + 0.5:
        seconds = time.monotonic() - begin
        answer = httpx.post(f"{live.url}/api/v1/assignments", json=asked, headers=headers)
        answered.append((seconds, answer.status_code))
    return answered


@pytest.mark.long
def test_two_replicas_of_two_workers_on_postgresql_do_so_too(postgres_url: str, tmp_path: Path) -> None:
    with services(postgres_url, [tmp_path / "one", tmp_path / "two"], workers=2) as lives:
        seen, changes = asyncio.run(_observe(lives, postgres_url, times=6))
    assert wrong(seen, changes) == []
    assert len({one.version for one in seen}) >= 3
    assert seen[-1].version == changes[-1].version


BUGS = {
    "mixed": """
import dataclasses, app.serving.snapshot as s
real = s.read_database
s.read_database = lambda session: dataclasses.replace(
    found := real(session), config_version=found.config_version - 1)
""",
    "stale": """
import app.serving.keeping_up as k
k.POLL_SECONDS = 3600.0
""",
}


@pytest.mark.long
@pytest.mark.parametrize("bug", sorted(BUGS))
def test_the_check_finds_a_planted_bug(sqlite_url: str, tmp_path: Path, bug: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(BUGS[bug])  # every process of the service runs it first
    planted = {"PYTHONPATH": str(tmp_path)}
    with services(sqlite_url, [tmp_path / "one"], workers=2, environment=planted) as lives:
        seen, changes = asyncio.run(_observe(lives, sqlite_url, times=3))
    assert any(line.startswith(bug) for line in wrong(seen, changes))


def test_a_listener_hears_a_change_at_once_and_again_after_its_connection_was_cut(postgres_url: str) -> None:
    heard = threading.Event()
    database = Database(postgres_url)
    listener = ConfigListener(postgres_url, heard.set)
    listener.start()
    try:
        for _ in range(2):
            deadline = time.monotonic() + 20
            while not heard.is_set() and time.monotonic() < deadline:
                with database.write() as session:
                    bump(session)
                heard.wait(0.2)
            assert heard.is_set()
            with database.raw_connection() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'offerlab config listener' AND datname = current_database()"
                )
            heard.clear()
    finally:
        listener.stop()
        database.close()
