"""Fifty experiments over HTTP, through uvicorn: the server's processor time against a static answer's."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from benchmarks.edge.processes import halves, pinned, started, tree
from benchmarks.edge.shop import EXPERIMENTS, Person, open_shop, people
from benchmarks.edge.table import Figure, Plan, spread
from benchmarks.edge.wrk import Load, Run
from tests.support.live import ROOT, Live, free_port, live_service

PEOPLE = 5_000
OFREP, ASSIGNMENTS = "/ofrep/v1/evaluate/flags", "/api/v1/assignments"
NOT_MODIFIED = 304
KNOWN_EVERYWHERE_SECONDS = 2.0
"""Every worker knows a new key or state by then."""
MOST_CPU, LEAST_SPEED = 3.0, 0.45


@dataclass(frozen=True, slots=True)
class Shop:
    """The running service with its fifty experiments.

    Attributes:
        live: its process.
        keys: by kind.
    """

    live: Live
    keys: dict[str, str]

    @property
    def pids(self) -> list[int]:
        """Its processes."""
        return tree(self.live.process.pid)

    def headers(self, kind: str) -> dict[str, str]:
        """Headers of a request with a key of this kind."""
        return {"Authorization": f"Bearer {self.keys[kind]}", "Content-Type": "application/json"}


@contextmanager
def shop(folder: Path, environment: dict[str, str] | None = None, *arguments: str) -> Iterator[Shop]:
    """Start the service on the servers' processors and open the experiments."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with pinned(halves()[0]):
            live = stack.enter_context(live_service(folder, environment, arguments))
        with live.client() as http:
            keys = open_shop(http)
        time.sleep(KNOWN_EVERYWHERE_SECONDS)
        yield Shop(live, keys)


@dataclass(frozen=True, slots=True)
class Door:
    """One way to ask about all experiments.

    Attributes:
        what: in words.
        path: of the request.
        kind: of the key.
    """

    what: str
    path: str
    kind: str

    def body(self, person: Person) -> bytes:
        """A question about somebody."""
        return person.ofrep() if self.path == OFREP else person.assignments()


def _checked_size(made: Shop, door: Door, body: bytes) -> int:
    """Size of one answer, which must be about every experiment and match its own ETag."""
    url, headers = f"{made.live.url}{door.path}", made.headers(door.kind)
    answer = httpx.post(url, content=body, headers=headers).raise_for_status()
    found = answer.json()
    if len(found.get("flags") or found.get("assignments")) != EXPERIMENTS:
        raise SystemExit(f"{door.path} does not answer about {EXPERIMENTS} experiments")
    if door.path == OFREP:
        again = httpx.post(url, content=body, headers={**headers, "If-None-Match": answer.headers["etag"]})
        if again.status_code != NOT_MODIFIED:
            raise SystemExit(f"{door.path} does not know its own ETag")
    return len(answer.content)


def _rounds(plan: Plan, made: Shop, door: Door, everybody: list[Person]) -> list[tuple[Run, Run]]:
    bodies = [door.body(person) for person in everybody]
    load, port = Load(plan.folder, bodies, made.headers(door.kind)), free_port()
    size = _checked_size(made, door, bodies[0])
    command = [sys.executable, "-m", "benchmarks.edge.static", str(port), str(size)]
    here, seconds = f"http://127.0.0.1:{port}", plan.pick(6, 2)
    with started(command, here, plan.folder / "static.log", cwd=ROOT) as static:
        ours = (f"{made.live.url}{door.path}", seconds, made.pids)
        limit = (f"{here}{door.path}", seconds, tree(static.pid))
        load.run(*ours)  # warm
        load.run(*limit)
        return [(load.run(*ours), load.run(*limit)) for _ in range(plan.pick(7, 2))]


DOORS = (
    Door("OFREP bulk, srv key", OFREP, "srv"),
    Door("OFREP bulk, pub key", OFREP, "pub"),
    Door("assignments, srv key", ASSIGNMENTS, "srv"),
)


def _figures(what: str, rounds: list[tuple[Run, Run]]) -> list[Figure]:
    cpu = [ours.cpu_each / static.cpu_each for ours, static in rounds]
    speed = [ours.per_second / static.per_second for ours, static in rounds]
    sides = list(zip(*rounds, strict=True))
    cpu_of = [median(run.cpu_each for run in side) for side in sides]
    speed_of = [median(run.per_second for run in side) for side in sides]
    ours, static = rounds[0]
    size = f"{ours.bytes_each / 1000:.1f} kB, the static one {static.bytes_each / 1000:.1f}"
    return [
        Figure(
            f"{what}: server CPU against a static answer of the same size",
            f"{cpu_of[0]:.0f} µs against {cpu_of[1]:.0f} µs = {spread(cpu)}; {size}",
            f"≤ {MOST_CPU:g}",
            median(cpu) <= MOST_CPU,
        ),
        Figure(
            f"{what}: requests per second against that limit",
            f"{speed_of[0]:,.0f} against {speed_of[1]:,.0f} = {spread(speed)}",
            f"≥ {LEAST_SPEED:g}",
            median(speed) >= LEAST_SPEED,
        ),
    ]


def measure(plan: Plan) -> Iterator[Figure]:
    """OFREP's bulk evaluation with either key, and the assignments door."""
    everybody = list(people(PEOPLE))
    with shop(plan.folder / "http") as made:
        for door in DOORS:
            yield from _figures(door.what, _rounds(plan, made, door, everybody))
