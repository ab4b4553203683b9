"""Drives the shoppers of one trial through it: define, assign, claim, shop, send, close the looks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.practice.door import BATCH, Door, Stopped
from app.practice.reminding import Sender
from app.practice.till import HttpTill
from app.practice.trials import ZONE, Trial
from app.practice.visits import Shopper
from assignment.hashing import bucket

_TOGETHER: Final = 200  # shoppers who are at the service at the same time, unless days matter
_HEARD_SECONDS: Final = 2.0  # every worker knows a new experiment by then
_SEED_BITS: Final = 64
_HALF: Final = 0.5
SIDE_BY_SIDE: Final = "each offer is tried on invented shoppers of its own"
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What all trials of a run share.

    Attributes:
        door: the service.
        seed: the same seed gives the same shoppers in the same arms.
        suffix: of the experiments' keys and everybody's ids.
        now: the present moment.
    """

    door: Door
    seed: int
    suffix: str
    now: datetime

    def key(self, trial: Trial) -> str:
        """Of the trial's experiment."""
        return f"practice-{trial.name}{self.suffix}"

    def hash_seed(self, trial: Trial) -> str:
        """Of the hash; tells as well whether an experiment is of this run."""
        name = int.from_bytes(trial.name.encode(), "big")
        mixed = (self.seed * 0x9E3779B97F4A7C15 + name * 0xC2B2AE3D27D4EB4F) % 2**_SEED_BITS
        return f"{mixed:016x}"

    def midnight(self) -> datetime:
        """The first moment of today in the shop's zone."""
        local = self.now.astimezone(ZoneInfo(ZONE))
        return local.replace(hour=0, minute=0, second=0, microsecond=0)


def prepare(run: Run, trials: Sequence[Trial]) -> None:
    """Define and start the experiments, and give every worker of the service the time to hear of them.

    Args:
        run: door, seed and suffix.
        trials: those to come.

    Raises:
        Stopped: a key belongs to something else, or the service refused.
    """
    started = [_opened(run, trial) for trial in trials]
    if any(started):
        run.door.pause(_HEARD_SECONDS)


def drive(run: Run, trial: Trial, progress: Progress) -> str:
    """Bring one prepared trial to its last look; what a run of the same seed has done is not done again.

    Args:
        run: door, seed and suffix.
        trial: the test.
        progress: told how many more shoppers are done.

    Returns:
        The key of its experiment.

    Raises:
        Stopped: the service refused.
    """
    key = run.key(trial)
    made = run.door.call("GET", f"/api/v1/experiments/{key}")
    if _is_complete(run, key):
        progress(trial.units)
        return key
    start = datetime.fromisoformat(made["starts_at"])
    for events in _visits(run, trial, start, progress):
        run.door.send(events)
    last = (start + timedelta(days=_days(trial) - 1)).astimezone(ZoneInfo(ZONE)).date()
    run.door.call("POST", f"/api/v1/experiments/{key}/looks", {"through": last.isoformat()})
    return key


def _days(trial: Trial) -> int:
    return max(trial.total_days, trial.entry_days)


def _opened(run: Run, trial: Trial) -> bool:
    """Whether the experiment was started just now; what an earlier run has opened is left as it is."""
    key, seed = run.key(trial), run.hash_seed(trial)
    answer = run.door.ask("GET", f"/api/v1/experiments/{key}")
    if answer.is_success:
        found: dict[str, Any] = answer.json()
        if found["seed"] != seed:
            raise Stopped(f"there is an experiment {key} that is not of this seed; choose another --suffix")
    else:
        start = run.midnight() - timedelta(days=_days(trial))
        stock = _stock(run, trial) if trial.stock else None
        body = trial.definition(key, seed, start.isoformat(), stock)
        found = run.door.call("POST", "/api/v1/experiments", body)
    if found["status"] == "draft":
        run.door.call("POST", f"/api/v1/experiments/{key}/start", {"override_conflicts": SIDE_BY_SIDE})
        return True
    if found["status"] not in {"running", "frozen"}:
        raise Stopped(f"the experiment {key} is {found['status']}; choose another --suffix")
    return False


def _stock(run: Run, trial: Trial) -> int:
    """So many pieces that the last is claimed in the middle of the last day: one for each treated shopper."""
    key, seed = run.key(trial), run.hash_seed(trial)
    last = trial.units - trial.units // trial.entry_days // 2
    return sum(bucket(seed, f"{key}-{number:05d}") >= _HALF for number in range(last))


def _is_complete(run: Run, key: str) -> bool:
    """Whether an earlier run came to its last step, the closing of the days."""
    return bool(run.door.call("GET", f"/api/v1/experiments/{key}/results")["looks"])


def _visits(run: Run, trial: Trial, start: datetime, progress: Progress) -> Iterator[list[dict[str, Any]]]:
    """Events in batches, shoppers in the order in which they come."""
    key = run.key(trial)
    till = HttpTill(run.door, key, run.now)
    waiting: list[dict[str, Any]] = []
    passed_on: list[str] = []
    sender = Sender(run.door, key, till) if trial.messages else None
    for numbers in _groups(trial):
        come = [Shopper(trial, key, number, start, run.seed) for number in numbers]
        entered = _assigned(run, come)
        _claimed(run, trial, entered)
        passed_on += [one.code for one in entered if one.code and one.variant != trial.control]
        _pass_on(entered, passed_on)
        for told in run.door.each(lambda one: one.story(till), entered):
            waiting += told
        if sender is not None:
            yield waiting
            waiting = sender.messages(entered)
        while len(waiting) >= BATCH:
            yield waiting[:BATCH]
            del waiting[:BATCH]
        progress(len(come))
    if sender is not None:
        waiting += sender.messages([])
    if waiting:
        yield waiting


def _groups(trial: Trial) -> Iterator[range]:
    """Numbers of shoppers who come together: so many at once, or those of a day where messages follow."""
    if trial.messages:
        cuts = [-(-day * trial.units // trial.entry_days) for day in range(trial.entry_days + 1)]
        yield from map(range, cuts, cuts[1:])
        return
    for first in range(0, trial.units, _TOGETHER):
        yield range(first, min(first + _TOGETHER, trial.units))


def _assigned(run: Run, come: Sequence[Shopper]) -> list[Shopper]:
    """Those who are in the test, with their variants; after a freeze nobody new is."""
    answers = run.door.each(lambda one: _assignment(run, one), come)
    for shopper, answer in zip(come, answers, strict=True):
        if not answer["in_experiment"] and answer["reason"] != "FROZEN":
            raise Stopped(f"{shopper.customer_id} is not in {shopper.key}: {answer['reason']}")
        shopper.variant = answer["variant"]
    return [one for one in come if one.variant is not None]


def _assignment(run: Run, shopper: Shopper) -> dict[str, Any]:
    body = shopper.request() | {"experiments": [shopper.key]}
    answer: dict[str, Any] = run.door.call("POST", "/api/v1/assignments", body)["assignments"][0]
    return answer


def _claimed(run: Run, trial: Trial, entered: Sequence[Shopper]) -> None:
    """A code for everybody whose offer has one; the last pieces of a stock are given one by one, in order."""
    due = [one for one in entered if (trial.offers[str(one.variant)] or {}).get("code")]
    ends = trial.stock and any(one.number > trial.units - 2 * _TOGETHER for one in due)
    codes = [_claim(run, one) for one in due] if ends else run.door.each(lambda one: _claim(run, one), due)
    for shopper, code in zip(due, codes, strict=True):
        shopper.code = code


def _claim(run: Run, shopper: Shopper) -> str | None:
    """The shopper's code; None when the stock is gone."""
    at = (shopper.seen_at + timedelta(minutes=1)).isoformat()
    body = shopper.request() | {"experiment": shopper.key, "occurred_at": at}
    answer = run.door.ask("POST", "/api/v1/codes/claim", body)
    if answer.is_success:
        return str(answer.json()["code"])
    if answer.json().get("code") == "budget":
        return None
    raise Stopped(f"POST /api/v1/codes/claim: {answer.status} {answer.json().get('detail')}")


def _pass_on(entered: Sequence[Shopper], codes: Sequence[str]) -> None:
    """Somebody's code for each who uses one that was passed on."""
    for shopper in entered:
        if codes and shopper.habit.passes:
            shopper.found = codes[shopper.number * 7919 % len(codes)]
