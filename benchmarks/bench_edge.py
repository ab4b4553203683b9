"""Assignment at the edge: what it costs beside others, and what it does under load and when things break.

`--quick` shortens every part; `--only=http,faults` picks parts.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks.edge import (
    against_growthbook,
    against_unleash,
    change,
    faults,
    over_http,
    under_ingest,
)
from benchmarks.edge.table import Figure, Plan, print_table
from benchmarks.side_by_side import machine

PARTS: dict[str, Callable[[Plan], Iterator[Figure]]] = {
    "growthbook": against_growthbook.measure,
    "http": over_http.measure,
    "unleash": against_unleash.measure,
    "ingest": under_ingest.measure,
    "faults": faults.measure,
    "change": change.measure,
}


def _versions() -> str:
    packages = ("uvicorn", "uvloop", "httptools", "msgspec", "fnv-hash-fast", "growthbook", "numpy", "numba")
    return ", ".join(f"{name} {version(name)}" for name in packages)


def _wrk() -> str:
    if shutil.which("wrk") is None:
        raise SystemExit("the load generator is missing: apt-get install -y wrk")
    told = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return " ".join((told.stdout + told.stderr).split()[:2])


def main() -> None:
    """Run the parts and print the table."""
    options = sys.argv[1:]
    picked = [name for one in options if one.startswith("--only=") for name in one[7:].split(",")]
    if unknown := sorted({*picked} - {*PARTS}):
        raise SystemExit(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    processors = len(os.sched_getaffinity(0))
    print(f"{machine()} {platform.release()}, {processors} processors, {_wrk()}, {_versions()}")
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="edge-", ignore_cleanup_errors=True) as folder:
        plan = Plan(Path(folder), "--quick" in options)
        for name in picked or PARTS:
            print(f"part {name}", flush=True)
            for figure in PARTS[name](plan):
                print(f"  {figure.what}: {figure.measured} (goal {figure.goal})", flush=True)
                figures.append(figure)
    print_table(figures)


if __name__ == "__main__":
    main()
