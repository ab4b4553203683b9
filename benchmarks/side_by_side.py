"""Times two pieces of work in turn and gives the ratio round by round."""

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """CPU seconds per call of both sides, and their ratio per round."""

    ours: float
    reference: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of the rounds' ratios."""
        return statistics.median(self.ratios)


def compare(
    ours: Callable[[], object],
    reference: Callable[[], object],
    rounds: int = 9,
    clock: Callable[[], float] = time.process_time,
) -> Pair:
    """Run A B A B … and compare CPU seconds (or the clock given), after one warm-up of each."""
    ours()
    reference()
    pairs = []
    for _ in range(rounds):
        first = clock()
        ours()
        second = clock()
        reference()
        pairs.append((second - first, clock() - second))
    return Pair(
        statistics.median(pair[0] for pair in pairs),
        statistics.median(pair[1] for pair in pairs),
        tuple(mine / theirs for mine, theirs in pairs),
    )


def report(what: str, pair: Pair, calls: int, unit: str = "µs") -> None:
    """One line: both sides per call, the ratio with its range."""
    scale = 1e6 / calls
    low, high = min(pair.ratios), max(pair.ratios)
    print(
        f"{what}: {pair.ours * scale:.1f} {unit} against {pair.reference * scale:.1f} {unit} = "
        f"{pair.ratio:.2f}× ({low:.2f} … {high:.2f})"
    )


def machine() -> str:
    """What ran it."""
    return f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}"
