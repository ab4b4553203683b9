"""The database locked, stopped or killed for a minute: assignment goes on, nothing acknowledged is lost."""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from sqlalchemy import create_engine, text

from app.database import migrate
from benchmarks.edge.open_loop import Answered, Stream, errors, latencies, percentile_ms, run_load
from benchmarks.edge.over_http import Shop, shop
from benchmarks.edge.processes import tree
from benchmarks.edge.table import Figure, Plan
from benchmarks.edge.traffic import new_events, questions
from tests.support.postgres import folder_of, running_server, start

PER_SECOND, EVENTS_PER_SECOND = 100, 40
MOST_TIMES, MOST_RECOVERY_SECONDS, MOST_REFUSAL_SECONDS = 2.0, 5.0, 2.5
UNAVAILABLE = 503


@dataclass(slots=True)
class Course:
    """What happened around a fault.

    Attributes:
        questions: the answers of assignment; `events`: those of ingestion.
        began: moment of the fault by `perf_counter`; `ended`: of its end.
    """

    questions: list[Answered] = field(default_factory=list)
    events: list[Answered] = field(default_factory=list)
    began: float = 0.0
    ended: float = 0.0


async def _run(
    made: Shop, plan: Plan, course: Course, begin: Callable[[], None], end: Callable[[], None]
) -> None:
    before, during, after = plan.pick(30, 5), plan.pick(60, 8), plan.pick(20, 8)
    asked, told = questions(made, PER_SECOND), new_events(made, EVENTS_PER_SECOND, 1, "fault")

    async def fault() -> None:
        await asyncio.sleep(before)
        await asyncio.to_thread(begin)
        course.began = perf_counter()
        await asyncio.sleep(during)
        await asyncio.to_thread(end)
        course.ended = perf_counter()

    streams: list[Stream] = [asked, told]
    await asyncio.gather(fault(), *(stream.run(before + during + after) for stream in streams))
    course.questions, course.events = asked.answered, told.answered


def _acknowledged(course: Course) -> int:
    return sum(one.status == 200 and json.loads(one.body)["accepted"] == 1 for one in course.events)


def _figure(what: str, course: Course, stored: int) -> Figure:
    calm = [one for one in course.questions if one.due < course.began]
    hard = [one for one in course.questions if course.began <= one.due < course.ended]
    refused = [one for one in course.events if one.status != 200]
    other = sum(one.status != UNAVAILABLE for one in refused)
    slow = max((one.seconds for one in refused), default=0.0)
    again = [one.due + one.seconds - course.ended for one in course.events if one.status == 200]
    recovery = min((late for late in again if late > 0), default=float("inf"))
    times = percentile_ms(hard, 0.99) / percentile_ms(calm, 0.99)
    known = _acknowledged(course)
    failed = errors(course.questions)
    return Figure(
        f"{what} for {course.ended - course.began:.0f} s: {PER_SECOND} questions and {EVENTS_PER_SECOND} "
        "events a second",
        f"{failed} assignment errors; {latencies(calm)} before, {latencies(hard)} meanwhile = {times:.2f} × "
        f"in p99; {len(refused)} events refused with 503 within {slow:.1f} s, {other} otherwise; first one "
        f"stored {recovery:.1f} s after the end; {known:,} acknowledged, {stored:,} of them in the ledger",
        f"0 errors, p99 within {MOST_TIMES:g} ×, back within {MOST_RECOVERY_SECONDS:g} s, nothing lost",
        failed == other == 0
        and times <= MOST_TIMES
        and recovery <= MOST_RECOVERY_SECONDS
        and slow <= MOST_REFUSAL_SECONDS
        and stored == known,
    )


def _stored(url: str, course: Course) -> int:
    """How many of the acknowledged events the ledger holds, each once (event ids are unique in it)."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT event_id FROM events WHERE event_id LIKE 'fault-%'"))
        held = [str(row[0]) for row in rows]
    engine.dispose()
    if len(held) != len({*held}):
        raise SystemExit("an event is stored twice")
    if len(held) < _acknowledged(course):
        return len(held)
    return _acknowledged(course)  # what was stored without an answer in time is a duplicate when sent again


class _Lock:
    """An exclusive transaction of a foreign process's kind on a SQLite database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: sqlite3.Connection | None = None

    def begin(self) -> None:
        """Take the lock."""
        self._held = sqlite3.connect(self._path, isolation_level=None, timeout=30, check_same_thread=False)
        self._held.execute("BEGIN EXCLUSIVE")

    def end(self) -> None:
        """Let it go."""
        if self._held is not None:
            self._held.execute("ROLLBACK")
            self._held.close()


def _signal_all(postmaster: int, number: signal.Signals) -> None:
    for pid in tree(postmaster):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def _postgres(plan: Plan, name: str) -> Iterator[tuple[Shop, str]]:
    with running_server() as url:
        migrate(url)
        with shop(plan.folder / name, {"OFFERLAB_DATABASE_URL": url}) as made:
            yield made, url


def _postmaster(url: str) -> int:
    return int((folder_of(url) / "data" / "postmaster.pid").read_text().split()[0])


def measure(plan: Plan) -> Iterator[Figure]:
    """SQLite locked; PostgreSQL stopped, so that it accepts and never answers; PostgreSQL killed."""
    course, folder = Course(), plan.folder / "locked"
    with shop(folder) as made:
        lock = _Lock(folder / "offerlab.sqlite3")
        run_load(_run(made, plan, course, lock.begin, lock.end))
    yield _figure(
        "SQLite locked by somebody else", course, _stored(f"sqlite:///{folder / 'offerlab.sqlite3'}", course)
    )
    course = Course()
    with _postgres(plan, "stopped") as (made, url):
        server = _postmaster(url)
        stop, go = signal.SIGSTOP, signal.SIGCONT
        run_load(_run(made, plan, course, lambda: _signal_all(server, stop), lambda: _signal_all(server, go)))
        yield _figure("PostgreSQL stopped (SIGSTOP)", course, _stored(url, course))
    course = Course()
    with _postgres(plan, "killed") as (made, url):
        server = _postmaster(url)
        run_load(
            _run(
                made, plan, course, lambda: _signal_all(server, signal.SIGKILL), lambda: start(folder_of(url))
            )
        )
        yield _figure("PostgreSQL killed (SIGKILL)", course, _stored(url, course))
