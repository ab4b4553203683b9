"""Two services side by side, one with group commit and one with a commit per request, loaded in turn."""

import json
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.faults.services import Mortal, mortal
from tests.support.live import ADMIN_KEY

CLIENTS = 64
DONE = """
function done(summary, latency, requests)
  io.write(string.format('RESULT {"requests":%d,"microseconds":%d,"p99":%d,"refused":%d}\\n',
    summary.requests, summary.duration, latency:percentile(99), summary.errors.status))
end
"""
HEAD = f"{{['X-API-Key'] = '{ADMIN_KEY}', ['Content-Type'] = 'application/json'}}"
"""Headers of a request, in the words of a script for `wrk`."""


class Run(NamedTuple):
    """One run: answers of success per second, the slowest hundredth in milliseconds, requests in all."""

    per_second: float
    p99_ms: float
    requests: int


@contextmanager
def both(folder: Path) -> Iterator[tuple[Mortal, Mortal]]:
    """The two services, started: group commit first."""
    if shutil.which("wrk") is None:
        raise SystemExit("the load generator is missing: apt-get install -y wrk")
    with ExitStack() as stack:
        started = []
        for name, planted in (("grouped", ()), ("each", ("commit per request",))):
            (folder / name).mkdir()
            service = stack.enter_context(mortal(folder / name, planted))
            service.start()
            started.append(service)
        yield started[0], started[1]


def load(script: Path, service: Mortal, seconds: int, *told: str) -> Run:
    """One run of `wrk`; `told` are the arguments of the script."""
    url = f"http://127.0.0.1:{service.port}"
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "-s", str(script), url, "--", *told]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.partition("RESULT ")[2].splitlines()[0])
    succeeded = found["requests"] - found["refused"]  # a disk that stalls for two seconds makes a 503
    return Run(succeeded / found["microseconds"] * 1e6, found["p99"] / 1e3, found["requests"])


def report(what: str, unit: str, pairs: Sequence[Sequence[Run]]) -> None:
    """Print the medians of both and the ratio, of the speed and of the slowest hundredth."""
    for name, place in ((unit, 0), ("p99, ms", 1)):
        ours, theirs = ([pair[side][place] for pair in pairs] for side in (0, 1))
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        print(
            f"{what}, {name}: {statistics.median(ours):,.0f} against {statistics.median(theirs):,.0f}"
            f" with a commit per request = {statistics.median(ratios):.2f}×"
            f" ({min(ratios):.2f} … {max(ratios):.2f})"
        )
