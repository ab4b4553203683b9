"""Cumulative readings of another system, seen as cells: every reading is the whole experiment so far."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from stats.cell_view import CellView
from stats.cells import Cells, EntryCell
from stats.summaries import Moments

Address = tuple[str, str]  # label of a metric, variant


class CumulativeView(CellView):
    """Readings by number instead of cohort days; the last one up to a number holds all units so far.

    A span that starts later than the first reading has no moments: readings are not sums over disjoint units,
    because a unit's value may still grow between two of them.

    Args:
        entries: newly exposed units by variant and reading, for the sample ratio.
        readings: (reading number, moments so far) by metric label and variant, numbers rising.
    """

    def __init__(
        self, entries: Sequence[EntryCell], readings: Mapping[Address, Sequence[tuple[int, Moments]]]
    ) -> None:
        super().__init__(Cells(entries))
        self._numbers = {address: [number for number, _ in found] for address, found in readings.items()}
        self._readings = {address: [moments for _, moments in found] for address, found in readings.items()}

    def moments(self, label: str, variant: str, last_day: int, first_day: int | None = None) -> Moments:
        """The last reading up to number `last_day`; nothing for a span with a start of its own."""
        place = bisect_right(self._numbers.get((label, variant), []), last_day)
        if place == 0 or first_day is not None:
            return Moments()
        return self._readings[label, variant][place - 1]
