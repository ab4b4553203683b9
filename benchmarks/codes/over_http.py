"""64 clients redeem different codes, by `wrk`: group commit against the service with a commit per request."""

import json
import shutil
import statistics
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.faults.services import Mortal, mortal
from tests.support.codes import code, offer, with_codes
from tests.support.live import ADMIN_KEY

CLIENTS = 64
SECONDS = 4
ROUNDS = 3
POOL = 60_000
_SCRIPT = """
local codes, at, name = {}, 0, ''
function init(args)
  at, name = tonumber(args[2]), args[3]
  for line in io.lines(args[1]) do
    local code = line:match('^(%w+),treatment')
    if code then codes[#codes + 1] = code end
  end
end
function request()
  at = at + 1
  local body = '{"code":"' .. codes[at] .. '","visitor_id":"v-' .. at .. '","order_id":"' .. name .. at
    .. '","discount_minor":500}'
  local head = {['X-API-Key'] = '%s', ['Content-Type'] = 'application/json'}
  return wrk.format('POST', '/api/v1/codes/redeem', head, body)
end
function done(summary, latency, requests)
  io.write(string.format('RESULT {"requests":%%d,"microseconds":%%d,"p99":%%d,"refused":%%d}\\n',
    summary.requests, summary.duration, latency:percentile(99), summary.errors.status))
end
""".replace("%s", ADMIN_KEY).replace("%%", "%")


@dataclass
class Till:
    """A service with a pool of codes, and how many of them are used."""

    service: Mortal
    codes: Path
    used: int = 0

    def load(self, script: Path) -> tuple[float, float]:
        """One run: redemptions per second, and the slowest hundredth in milliseconds."""
        url = f"http://127.0.0.1:{self.service.port}"
        told = ["--", str(self.codes), str(self.used), "o-"]
        command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "-s", str(script), url, *told]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.partition("RESULT ")[2].splitlines()[0])
        self.used += found["requests"] + 2 * CLIENTS  # those on their way when it ended as well
        redeemed = found["requests"] - found["refused"]
        return redeemed / found["microseconds"] * 1e6, found["p99"] / 1e3


def _open(service: Mortal, folder: Path) -> Till:
    """Start, define, fill a pool, take it away."""
    service.start()
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", headers=headers, timeout=300) as client:
        made = with_codes("redeem", offer(code=code()))
        client.post("/api/v1/experiments", json=made).raise_for_status()
        client.post("/api/v1/experiments/redeem/start", json={}).raise_for_status()
        wanted = {"variant": "treatment", "count": POOL, "batch": "bench"}
        client.post("/api/v1/experiments/redeem/codes/pool", json=wanted).raise_for_status()
        taken = client.get("/api/v1/experiments/redeem/codes.csv?batch=bench")
    (folder / "codes.csv").write_bytes(taken.content)
    return Till(service, folder / "codes.csv")


def measure(folder: Path) -> None:
    """Load both in turn and print the ratios."""
    if shutil.which("wrk") is None:
        raise SystemExit("the load generator is missing: apt-get install -y wrk")
    script = folder / "load.lua"
    script.write_text(_SCRIPT)
    with ExitStack() as stack:
        tills: list[Till] = []
        for name, planted in (("grouped", ()), ("each", ("commit per request",))):
            (folder / name).mkdir()
            service = stack.enter_context(mortal(folder / name, planted))
            tills.append(_open(service, folder / name))
        rounds = [[till.load(script) for till in tills] for _ in range(ROUNDS + 1)][1:]
    for place, what in enumerate(("redemptions/s", "p99, ms")):
        ours, theirs = ([pair[side][place] for pair in rounds] for side in (0, 1))
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        middle = f"{statistics.median(ours):,.0f} against {statistics.median(theirs):,.0f}"
        print(
            f"redeem over HTTP, {CLIENTS} clients, different codes, {what}: {middle} with a commit each"
            f" = {statistics.median(ratios):.2f}× ({min(ratios):.2f} … {max(ratios):.2f})"
        )
