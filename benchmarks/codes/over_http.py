"""64 clients redeem different codes, by `wrk`: group commit against the service with a commit per request."""

from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.ingest.pairs import CLIENTS, DONE, HEAD, Run, both, load, report
from tests.faults.services import Mortal
from tests.support.codes import code, offer, with_codes
from tests.support.live import ADMIN_KEY

SECONDS = 4
ROUNDS = 3
POOL = 60_000
_SCRIPT = (
    """
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
  return wrk.format('POST', '/api/v1/codes/redeem', HEAD, body)
end
""".replace("HEAD", HEAD)
    + DONE
)


@dataclass
class Till:
    """A service with a pool of codes, and how many of them are used."""

    service: Mortal
    codes: Path
    used: int = 0

    def load(self, script: Path) -> Run:
        """One run."""
        found = load(script, self.service, SECONDS, str(self.codes), str(self.used), "o-")
        self.used += found.requests + 2 * CLIENTS  # those on their way when it ended as well
        return found


def _open(service: Mortal, codes: Path) -> Till:
    """Define, fill a pool, take it away."""
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", headers=headers, timeout=300) as client:
        made = with_codes("redeem", offer(code=code()))
        client.post("/api/v1/experiments", json=made).raise_for_status()
        client.post("/api/v1/experiments/redeem/start", json={}).raise_for_status()
        wanted = {"variant": "treatment", "count": POOL, "batch": "bench"}
        client.post("/api/v1/experiments/redeem/codes/pool", json=wanted).raise_for_status()
        taken = client.get("/api/v1/experiments/redeem/codes.csv?batch=bench")
    codes.write_bytes(taken.content)
    return Till(service, codes)


def measure(folder: Path) -> None:
    """Load both in turn and print the ratios."""
    script = folder / "load.lua"
    script.write_text(_SCRIPT)
    with both(folder) as services:
        tills = [_open(service, folder / f"{place}.csv") for place, service in enumerate(services)]
        pairs = [[till.load(script) for till in tills] for _ in range(ROUNDS + 1)]
    report(f"redeem over HTTP, {CLIENTS} clients, different codes", "redemptions/s", pairs[1:])
