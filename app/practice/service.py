"""Trying the offers of practice on a running service, as the rest of the program sees it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from app.practice.door import Door, Stopped
from app.practice.driving import Progress, Run, drive, prepare
from app.practice.judging import Finding, judge
from app.practice.trials import TRIALS, Trial

__all__ = ["TRIALS", "Door", "Finding", "Progress", "Run", "Stopped", "Trial", "chosen", "try_offers"]

_SUFFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,40}")


def chosen(names: str) -> list[Trial]:
    """Trials by their names, comma-separated, or all.

    Raises:
        Stopped: one is unknown.

    >>> [trial.name for trial in chosen("gift,threshold")]
    ['gift', 'threshold']
    """
    if names == "all":
        return list(TRIALS.values())
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in TRIALS]
    if unknown or not wanted:
        raise Stopped(
            f"no such offer: {', '.join(unknown) or 'none was named'}; there are {', '.join(TRIALS)}"
        )
    return [TRIALS[name] for name in dict.fromkeys(wanted)]


def run_of(door: Door, seed: int, suffix: str, now_us: int) -> Run:
    """What all trials share.

    Args:
        door: the service.
        seed: of shoppers and arms.
        suffix: of keys and ids.
        now_us: the present moment, microseconds since 1970 UTC.

    Raises:
        Stopped: the seed is below 0, or the suffix cannot stand in a key.
    """
    if seed < 0:
        raise Stopped(f"--seed is {seed}; it must be 0 or more")
    if not _SUFFIX.fullmatch(suffix):
        raise Stopped("--suffix may have up to 40 letters, digits, dots, dashes and underscores")
    return Run(door, seed, suffix, datetime.fromtimestamp(now_us / 1e6, tz=UTC))


def try_offers(run: Run, trials: Sequence[Trial], progress: Progress) -> list[Finding]:
    """Drive every trial to its last look and judge what the service says.

    Args:
        run: door, seed and suffix.
        trials: in the order in which they are tried.
        progress: told how many more shoppers are done.

    Raises:
        Stopped: the service is not there, refuses, or has experiments of these keys that are not of this run.
    """
    prepare(run, trials)
    return [_tried(run, trial, progress) for trial in trials]


def _tried(run: Run, trial: Trial, progress: Progress) -> Finding:
    key = drive(run, trial, progress)
    document = run.door.call("GET", f"/api/v1/experiments/{key}/results")
    shown = run.door.call("GET", f"/api/v1/experiments/{key}")
    return judge(trial, document, shown["status"])
