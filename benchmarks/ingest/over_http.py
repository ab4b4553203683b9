"""64 clients with one event each, by `wrk`: group commit against the service with a commit per request."""

import json
import shutil
import statistics
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.faults.services import Mortal, mortal
from tests.support.live import ADMIN_KEY

CLIENTS = 64
SECONDS = 5
ROUNDS = 5
_SCRIPT = """
local base, at = 0, 0
function init(args) base = args[1] end
function request()
  at = at + 1
  local id = base .. '-' .. string.format('%08d', at)
  local body = '{"events":[{"event_id":"' .. id .. '","type":"order","occurred_at":"2026-01-06T10:00:00Z",'
    .. '"visitor_id":"v-' .. id .. '","order_id":"o-' .. id .. '","currency":"RUB","items_minor":150000,'
    .. '"discount_minor":0,"shipping_minor":0}]}'
  local head = {['X-API-Key'] = '%s', ['Content-Type'] = 'application/json'}
  return wrk.format('POST', '/api/v1/events', head, body)
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%%d,"microseconds":%%d,"p99":%%d,"refused":%%d}\\n',
    summary.requests, summary.duration, latency:percentile(99), e.status))
end
""".replace("%s", ADMIN_KEY).replace("%%", "%")


@dataclass(frozen=True, slots=True)
class Run:
    """One run: acknowledged events per second, and the slowest hundredth in milliseconds."""

    per_second: float
    p99_ms: float


def _load(script: Path, service: Mortal, name: str) -> Run:
    url = f"http://127.0.0.1:{service.port}/api/v1/events"
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "-s", str(script), url, "--", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.partition("RESULT ")[2].splitlines()[0])
    acknowledged = told["requests"] - told["refused"]  # a disk that stalls for two seconds makes a 503
    return Run(acknowledged / told["microseconds"] * 1e6, told["p99"] / 1e3)


def measure(folder: Path) -> None:
    """Load both in turn and print the ratios."""
    if shutil.which("wrk") is None:
        raise SystemExit("the load generator is missing: apt-get install -y wrk")
    script = folder / "load.lua"
    script.write_text(_SCRIPT)
    with ExitStack() as stack:
        services: list[Mortal] = []
        for name, planted in (("grouped", ()), ("each", ("commit per request",))):
            (folder / name).mkdir()
            service = stack.enter_context(mortal(folder / name, planted))
            service.start()
            services.append(service)
        pairs = [
            [_load(script, service, f"r{number}") for service in services] for number in range(ROUNDS + 1)
        ]
    _report(pairs[1:])


def _report(pairs: list[list[Run]]) -> None:
    grouped, each = ([pair[place] for pair in pairs] for place in (0, 1))
    speeds = [ours.per_second / theirs.per_second for ours, theirs in pairs]
    slowest = [ours.p99_ms / theirs.p99_ms for ours, theirs in pairs]
    for what, ratios, values in (
        ("events/s", speeds, [[run.per_second for run in runs] for runs in (grouped, each)]),
        ("p99, ms", slowest, [[run.p99_ms for run in runs] for runs in (grouped, each)]),
    ):
        ours, theirs = (statistics.median(one) for one in values)
        middle = statistics.median(ratios)
        print(
            f"ingest over HTTP, {CLIENTS} clients × 1 event, {what}: {ours:,.0f} against {theirs:,.0f}"
            f" with a commit per request = {middle:.2f}× ({min(ratios):.2f} … {max(ratios):.2f})"
        )
