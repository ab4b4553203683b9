"""A change of configuration under load: every answer is of one version, and soon all are of the new one."""

import asyncio
import json
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import httpx

from benchmarks.edge.open_loop import CONNECTIONS, Answered, Stream, errors, run_load
from benchmarks.edge.over_http import Shop, shop
from benchmarks.edge.shop import EXPERIMENTS
from benchmarks.edge.table import Figure, Plan
from benchmarks.edge.traffic import EXPOSED, questions

PER_SECOND, WORKERS = 300, 2
MOST_SECONDS = 2.0
CHANGED = f"experiment-{EXPOSED:02d}"


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        at: when its answer came, by `perf_counter`.
        state: of the experiment then.
    """

    at: float
    state: str


async def _change(made: Shop, plan: Plan, changes: list[Change]) -> None:
    headers = {"authorization": f"Bearer {made.live.admin_key}"}
    async with httpx.AsyncClient(base_url=made.live.url, headers=headers, timeout=30) as http:
        for number in range(plan.pick(10, 3)):
            await asyncio.sleep(3.7)  # not a multiple of the poll
            action, state = (("resume", "running"), ("pause", "paused"))[number % 2 == 0]
            answer = await http.post(f"/api/v1/experiments/{CHANGED}/{action}", json={})
            answer.raise_for_status()
            changes.append(Change(perf_counter(), state))


def _seen(one: Answered) -> tuple[int, bool]:
    """Config version of an answer, and whether the changed experiment is paused in it."""
    found = json.loads(one.body)
    if "flags" in found:
        flag = next(flag for flag in found["flags"] if flag["key"] == CHANGED)
        inside = {flag["metadata"]["config_version"] for flag in found["flags"]}
        if inside != {found["metadata"]["config_version"]} or len(found["flags"]) != EXPERIMENTS:
            raise SystemExit(f"an answer is of several versions: {inside}")
        return found["metadata"]["config_version"], flag["metadata"]["assignmentReason"] == "PAUSED"
    item = next(item for item in found["assignments"] if item["experiment"] == CHANGED)
    return found["config_version"], item["reason"] == "PAUSED"


def _torn(answered: list[Answered]) -> int:
    """Answers that tell of a state that is not their version's: one version, one state, for everybody."""
    states: dict[int, list[bool]] = defaultdict(list)
    for one in answered:
        version, is_paused = _seen(one)
        states[version].append(is_paused)
    return sum(min(sum(told), len(told) - sum(told)) for told in states.values())


def _slowest(answered: list[Answered], changes: list[Change]) -> float:
    """How long after a change an answer to a question asked then still was old."""
    worst = 0.0
    for number, change in enumerate(changes):
        until = changes[number + 1].at - 1.0 if number + 1 < len(changes) else float("inf")
        for one in answered:
            if change.at <= one.due < until and _seen(one)[1] != (change.state == "paused"):
                worst = max(worst, one.due - change.at)
    return worst


def _workers(made: Shop) -> list[int]:
    return [pid for pid in made.pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def _connect_to_each(asked: Stream, workers: list[int]) -> None:
    """As many connections to each worker: the others are held meanwhile, or one might take them all."""
    for worker in workers:
        others = [pid for pid in workers if pid != worker]
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            await asked.connect(CONNECTIONS)
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)


def measure(plan: Plan) -> Iterator[Figure]:
    """Pause and resume one of fifty experiments again and again, with two workers."""
    changes: list[Change] = []
    with shop(plan.folder / "change", None, "--workers", str(WORKERS)) as made:
        asked = questions(made, PER_SECOND)

        workers = _workers(made)

        async def work() -> None:
            await _connect_to_each(asked, workers)
            seconds = plan.pick(10, 3) * 3.7 + 4
            await asyncio.gather(_change(made, plan, changes), asked.run(seconds))

        run_load(work())
    if len(workers) != WORKERS:
        raise SystemExit(f"there are {len(workers)} workers, not {WORKERS}")
    failed = errors(asked.answered)
    good = [one for one in asked.answered if one.status == 200]
    torn, slowest = _torn(good), _slowest(good, changes)
    versions = len({_seen(one)[0] for one in good})
    yield Figure(
        f"{len(changes)} changes of configuration under {PER_SECOND} questions a second, {WORKERS} workers",
        f"{len(good):,} answers of {versions} versions, {torn} of them neither old nor new, {failed} errors; "
        f"the last question answered as before was asked {slowest:.2f} s after its change was confirmed",
        f"wholly old or new, everywhere within {MOST_SECONDS:g} s",
        torn == 0 and failed == 0 and slowest <= MOST_SECONDS and versions == len(changes) + 1,
    )
