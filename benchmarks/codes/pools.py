"""A pool made, taken away, and a shop's own file imported: seconds and memory of the service, by size."""

import time
from pathlib import Path

import httpx

from tests.support.codes import code, offer, with_codes
from tests.support.live import Live, live_service

_READ = "text/csv"


def _memory(live: Live) -> float:
    """Most memory that the service has had, in MB."""
    status = Path(f"/proc/{live.process.pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1000


def _run(live: Live, client: httpx.Client, count: int) -> None:
    where = "/api/v1/experiments/pools/codes"
    before, started = _memory(live), time.perf_counter()
    wanted = {"variant": "treatment", "count": count, "batch": f"pool-{count}"}
    client.post(f"{where}/pool", json=wanted).raise_for_status()
    made, started = time.perf_counter() - started, time.perf_counter()
    size = 0
    with client.stream("GET", f"{where}.csv?batch=pool-{count}") as answer:
        for part in answer.iter_bytes():
            size += part.count(b"\n")
    taken, started = time.perf_counter() - started, time.perf_counter()
    lines = (f"SHOP-{count}-{number:07}\n".encode() for number in range(count))
    headers = {"content-type": _READ}
    body = iter([b"code\n", *(b"".join(next(lines) for _ in range(1000)) for _ in range(count // 1000))])
    sent = client.post(f"{where}?variant=control&batch=own-{count}", content=body, headers=headers).json()
    imported = time.perf_counter() - started
    if size != count + 1 or sent["added"] != count:
        raise RuntimeError(f"{size} lines, {sent}")
    print(
        f"{count:,} codes: pool made in {made:.1f} s, taken away in {taken:.1f} s, own codes imported in"
        f" {imported:.1f} s; most memory of the service {before:.0f} → {_memory(live):.0f} MB"
    )


def measure(folder: Path, counts: tuple[int, ...]) -> None:
    """Each size once, in a service of its own."""
    for count in counts:
        (folder / str(count)).mkdir()
        with live_service(folder / str(count)) as live, live.client() as client:
            client.timeout = httpx.Timeout(1800)
            made = with_codes("pools", offer(code=code()))
            client.post("/api/v1/experiments", json=made).raise_for_status()
            client.post("/api/v1/experiments/pools/start", json={}).raise_for_status()
            _run(live, client, count)
