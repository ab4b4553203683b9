"""What was measured, what was wanted, and whether it was reached."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Echo = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        what: in words.
        measured: both sides, and their ratio with its range.
        goal: in words.
        met: whether it was reached.
    """

    what: str
    measured: str
    goal: str
    met: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done.

    Attributes:
        folder: for everything that is written.
        quick: a short run, to see that it works.
    """

    folder: Path
    quick: bool

    def pick(self, full: int, quick: int) -> int:
        """A number of seconds, rounds or requests."""
        return quick if self.quick else full


def spread(ratios: Sequence[float], form: str = "{:.2f}") -> str:
    """Median and range."""
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    return f"{form.format(middle)} ({form.format(low)} … {form.format(high)})"


def print_table(figures: Sequence[Figure]) -> None:
    """As Markdown, ready for results.md."""
    print("\n| what | measured | goal | met |\n|---|---|---|---|")
    for one in figures:
        print(f"| {one.what} | {one.measured} | {one.goal} | {'yes' if one.met else '**no**'} |")
