"""Processes that are measured: where they run, what they have cost, how they are started."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_SECONDS = 120.0
_UTIME, _STIME, _PARENT = 11, 12, 1  # fields behind the command's name in /proc/PID/stat


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError):  # it has ended meanwhile
                parents.setdefault(int(_stat(int(path.name))[_PARENT]), []).append(int(path.name))
    found = [pid]
    for one in found:
        found.extend(parents.get(one, []))
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time that processes have used so far, all threads."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            fields = _stat(pid)
            ticks += int(fields[_UTIME]) + int(fields[_STIME])
    return ticks / TICKS_PER_SECOND


def halves() -> tuple[set[int], set[int]]:
    """Processors for the servers and for the load; the same ones where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    middle = (len(usable) + 1) // 2
    return set(usable[:middle]), set(usable[middle:]) or set(usable)


@contextmanager
def pinned(processors: set[int]) -> Iterator[None]:
    """This process and what it starts meanwhile run on these processors only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def started(
    command: Sequence[str | Path],
    url: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server on the servers' processors, wait until `url` answers, stop it at the end."""
    with log.open("wb") as output, pinned(halves()[0]):
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, **(environment or {})},
            cwd=cwd,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(process, url, log)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=20)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5).status_code < 500:
                return
        time.sleep(0.1)  # polling another process, not timing anything
    raise RuntimeError(f"it did not start: {log.read_text(errors='replace')[-3000:]}")
