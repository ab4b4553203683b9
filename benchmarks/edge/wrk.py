"""Closed-loop load by `wrk`, each request about somebody else; its own cost is in another process."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.edge.processes import cpu_seconds, halves, pinned

CONNECTIONS = 16
_SCRIPT = """
local requests, at = {}, 0
function init(args)
  local head = {}
  for line in io.lines(args[2]) do
    local name, value = line:match("^([^:]+): (.*)$")
    head[name] = value
  end
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, head, body)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"microseconds":%d,"bytes":%d,"p99":%d,"errors":%d}\\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run against one server.

    Attributes:
        requests: how many were answered.
        seconds: in how much time.
        cpu: seconds of processor time the server used for them.
        bytes_each: size of an answer, head included.
    """

    requests: int
    seconds: float
    cpu: float
    bytes_each: float

    @property
    def cpu_each(self) -> float:
        """Server's processor microseconds per request."""
        return self.cpu / self.requests * 1e6

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return self.requests / self.seconds


class Load:
    """Requests to be sent again and again.

    Args:
        folder: for the script and the bodies.
        bodies: one JSON text per request.
        headers: of each request.
    """

    def __init__(self, folder: Path, bodies: Sequence[bytes], headers: Mapping[str, str]) -> None:
        if shutil.which("wrk") is None:
            raise SystemExit("the load generator is missing: apt-get install -y wrk")
        self._script, self._bodies, self._heads = (folder / name for name in ("load.lua", "bodies", "heads"))
        self._script.write_text(_SCRIPT)
        self._bodies.write_bytes(b"\n".join(bodies) + b"\n")
        lines = [f"{name}: {value}\n" for name, value in headers.items()]
        self._heads.write_text("".join(lines))

    def run(self, url: str, seconds: int, pids: Sequence[int]) -> Run:
        """Load a server for a while; `pids` are its processes.

        Raises:
            RuntimeError: an answer was not a success.
        """
        arguments = ("--", self._bodies, self._heads)
        before = cpu_seconds(pids)
        with pinned(halves()[1]):
            done = subprocess.run(
                [*("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", self._script), url, *arguments],
                capture_output=True,
                text=True,
                check=True,
                timeout=seconds + 60,
            )
        cpu = cpu_seconds(pids) - before
        told = json.loads(done.stdout.partition("RESULT ")[2].splitlines()[0])
        if told["errors"] or not told["requests"]:
            raise RuntimeError(f"the load met errors: {done.stdout}")
        return Run(told["requests"], told["microseconds"] / 1e6, cpu, told["bytes"] / told["requests"])
