"""The index of links: time to build, memory, and one look-up, with ten million links; a plain dict beside it.

    ./dev bench bench_identity            (about ten minutes; another number of links: --links 1000000)

Each measurement runs in a process of its own, so that its memory is its own; times are of the processor.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from app.serving.id_table import IdTable
from app.serving.index_file import IndexFile
from app.serving.read_anew import begun, finished, staged

LINKS = 10_000_000
COMPARED = 1_000_000
LOOKUPS = 200_000
ROUNDS = 5
ROWS = 100_000
MORE = 20_000


def visitor(number: int) -> str:
    """36 characters, like a UUID."""
    return f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}-{number:019d}"


def customer(number: int) -> str:
    """Ten visitors for seven customers."""
    return f"customer-{number * 7 // 10}"


def links(first: int, last: int) -> Iterator[tuple[str, str, int, str]]:
    """Links as the ledger gives them."""
    for number in range(first, last):
        moment = 1_780_000_000_000_000 + number * 48_271 % 2_147_483_647
        yield visitor(number), customer(number), moment, f"0197b2a4-{number:027d}"


def memory_mb() -> dict[str, float]:
    """Resident memory of this process: its own, and mapped files that the system may take back."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {name: int(found[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile", "VmHWM")}


def lookup_us(find: Callable[[str], object], count: int) -> float:
    """Median over rounds of the processor time of one look-up, microseconds."""
    rng, figures = Random(1), []
    for _ in range(ROUNDS):
        asked = [customer(rng.randrange(count)) for _ in range(LOOKUPS)]
        begin = time.process_time()
        for one in asked:
            find(one)
        figures.append((time.process_time() - begin) / LOOKUPS * 1e6)
    return sorted(figures)[ROUNDS // 2]


def build(folder: Path, count: int) -> None:
    """Build an index as a replica does that starts without one, from rows already read."""
    begin = time.process_time()
    connection = begun(folder)
    for first in range(0, count, ROWS):
        staged(connection, links(first, min(first + ROWS, count)))
    finished(connection, folder, (count, b"x" * 32))
    sorting_mb = memory_mb()["VmHWM"]
    file = IndexFile(folder)
    seconds, whole_mb = time.process_time() - begin, memory_mb()["VmHWM"]
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    print(
        f"build: {seconds:.0f} s ({seconds / count * 1e6:.1f} µs a link), most memory {sorting_mb:.0f} MB,"
        f" with the mapped table while it is written {whole_mb:.0f} MB"
    )
    print(f"files: {sum(sizes.values()) / count:.0f} bytes a link, of them ids {sizes['ids'] / count:.0f}")
    follow(file, count)


def follow(file: IndexFile, count: int) -> None:
    """Add some more links, one transaction, as a poll does."""
    begin = time.process_time()
    with file.transaction():
        changes = file.links.take(links(count, count + MORE))
        file.advance(count + MORE, None, changes.customers)
    print(f"following: {(time.process_time() - begin) / MORE * 1e6:.0f} µs a new link")


def restart(folder: Path, _count: int) -> None:
    """Open the index that is there."""
    before, begin = memory_mb(), time.process_time()
    IndexFile(folder)
    print(
        f"restart: {(time.process_time() - begin) * 1000:.1f} ms, own memory"
        f" +{memory_mb()['RssAnon'] - before['RssAnon']:.1f} MB"
    )


def look_up(folder: Path, count: int) -> None:
    """Look customers up in the table."""
    before = memory_mb()
    table = IdTable(folder / "ids")
    microseconds = lookup_us(table.find, count)
    own, mapped = (memory_mb()[name] - before[name] for name in ("RssAnon", "RssFile"))
    print(
        f"look-up among {count:,}: {microseconds:.2f} µs; own memory +{own:.1f} MB, mapped +{mapped:.0f} MB"
    )


def compare(folder: Path, count: int) -> None:
    """The same links in a dict of texts."""
    table = IdTable(folder / "ids")
    before = memory_mb()["RssAnon"]
    plain = {one[1]: one[0] for one in links(0, count)}
    own = memory_mb()["RssAnon"] - before
    ours, theirs = lookup_us(table.find, count), lookup_us(plain.get, count)
    print(
        f"among {count:,}: ours {ours:.2f} µs, a dict {theirs:.2f} µs = {ours / theirs:.1f};"
        f" the dict takes {own:.0f} MB, {own * 2**20 / count:.0f} bytes a link (customer → visitor only)"
    )


STEPS = {"build": build, "restart": restart, "look_up": look_up, "compare": compare}


def main() -> None:
    parser = argparse.ArgumentParser(description="measure the index of links")
    parser.add_argument("--links", type=int, default=LINKS)
    parser.add_argument("--step", choices=STEPS)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.step is not None:
        STEPS[asked.step](asked.folder, asked.links)
        return
    with tempfile.TemporaryDirectory() as folder:
        plan: list[tuple[str, int, tuple[str, ...]]] = [
            ("compared", min(COMPARED, asked.links), ("build", "compare"))
        ]
        plan.append(("all", asked.links, ("build", "restart", "look_up")))
        for name, count, steps in plan:
            print(f"{count:,} links", flush=True)
            for step in steps:
                where = ("--folder", str(Path(folder) / name), "--links", str(count))
                subprocess.run([sys.executable, __file__, "--step", step, *where], check=True)


if __name__ == "__main__":
    main()
