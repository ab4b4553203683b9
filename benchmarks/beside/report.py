"""Times both sides in turns and prints one line."""

from collections.abc import Callable

from benchmarks.beside.sums import Answer, largest_gap, metrics, ours
from benchmarks.side_by_side import compare

EQUAL = 1e-6


def beside(name: str, theirs: Callable[[], list[Answer]]) -> None:
    """Check equal numbers, then CPU time per 1,000 metrics.

    Raises:
        SystemExit: the numbers differ by more than a relative 1e-6.
    """
    given = metrics()
    gap = largest_gap(ours(given), theirs())
    pair = compare(theirs, lambda: ours(given), rounds=5)
    print(
        f"| {name} | {gap:.1e} | {pair.ours * 1e3:.1f} | {pair.reference * 1e3:.1f} | "
        f"{pair.ratio:.1f}× ({min(pair.ratios):.1f} … {max(pair.ratios):.1f}) |",
        flush=True,
    )
    if gap > EQUAL:
        raise SystemExit(f"{name}: numbers differ by a relative {gap:.1e}")
