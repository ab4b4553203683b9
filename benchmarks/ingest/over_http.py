"""64 clients with one event each, by `wrk`: group commit against the service with a commit per request."""

from pathlib import Path

from benchmarks.ingest.pairs import CLIENTS, DONE, HEAD, both, load, report

SECONDS = 5
ROUNDS = 5
_SCRIPT = (
    """
local base, at = 0, 0
function init(args) base = args[1] end
function request()
  at = at + 1
  local id = base .. '-' .. string.format('%08d', at)
  local body = '{"events":[{"event_id":"' .. id .. '","type":"order","occurred_at":"2026-01-06T10:00:00Z",'
    .. '"visitor_id":"v-' .. id .. '","order_id":"o-' .. id .. '","currency":"RUB","items_minor":150000,'
    .. '"discount_minor":0,"shipping_minor":0}]}'
  return wrk.format('POST', '/api/v1/events', HEAD, body)
end
""".replace("HEAD", HEAD)
    + DONE
)


def measure(folder: Path) -> None:
    """Load both in turn and print the ratios."""
    script = folder / "load.lua"
    script.write_text(_SCRIPT)
    with both(folder) as services:
        pairs = [
            [load(script, service, SECONDS, f"r{number}") for service in services]
            for number in range(ROUNDS + 1)
        ]
    report(f"ingest over HTTP, {CLIENTS} clients × 1 event", "events/s", pairs[1:])
