"""Cells filed for reading: any span of cohorts of any arm in one step."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from stats.cells import Cells, EntryCell, EventCell, MomentCell, RecurrenceCell
from stats.plan import Metric
from stats.recurrence import RecurrenceTriangle
from stats.repeat_purchase import EventTriangle
from stats.summaries import CumulativeMoments, EntryDays, EntryTotals, Moments

_Cell = TypeVar("_Cell", EntryCell, MomentCell, EventCell, RecurrenceCell)


class CellView:
    """Read-only index over `Cells`; made once per set of cells and used for many days.

    Attributes:
        notes: the engine's counts for the trust banner.
        cohort_days: every cohort day with entries, rising.
    """

    def __init__(self, cells: Cells) -> None:
        self.notes = dict(cells.notes)
        self._entries = {
            variant: EntryDays.from_cells(found) for variant, found in _filed(cells.entries, _variant).items()
        }
        self._moments = {
            address: CumulativeMoments.from_cells(found)
            for address, found in _filed(cells.moments, _address).items()
        }
        self._events = _filed(cells.events, _address)
        self._recurrences = _filed(cells.recurrences, _address)
        self._followed: dict[tuple[str, str, int], RecurrenceTriangle] = {}
        self._triangles: dict[tuple[str, str, int], EventTriangle] = {}
        self.cohort_days = tuple(sorted({cell.cohort_day for cell in cells.entries if cell.units}))

    @property
    def first_cohort_day(self) -> int | None:
        """Day of the first entry into any variant, or None before it."""
        return self.cohort_days[0] if self.cohort_days else None

    @property
    def last_cohort_day(self) -> int | None:
        """Day of the last entry into any variant, or None before the first."""
        return self.cohort_days[-1] if self.cohort_days else None

    def entries(self, variant: str, last_day: int, first_day: int | None = None) -> EntryTotals:
        """Units that entered a variant from `first_day` (None: the start) to `last_day`."""
        return self._entries.get(variant, EntryDays()).between(first_day, last_day)

    def moments(self, label: str, variant: str, last_day: int, first_day: int | None = None) -> Moments:
        """Moments of the cohorts from `first_day` (None: the start) to `last_day`."""
        return self._moments.get((label, variant), CumulativeMoments()).between(first_day, last_day)

    def triangle(self, label: str, variant: str, window_days: int) -> EventTriangle:
        """Triggered units and first events of one arm."""
        address = (label, variant, window_days)
        if address not in self._triangles:
            cells = self._events.get((label, variant), [])
            self._triangles[address] = EventTriangle.from_cells(window_days, self._triggered(variant), cells)
        return self._triangles[address]

    def followed(self, metric: Metric, variant: str) -> EventTriangle | RecurrenceTriangle:
        """Triggered units of one arm and what a followed metric counts of them."""
        if metric.kind == "survival":
            return self.triangle(metric.label, variant, metric.window_days)
        return self.recurrence(metric.label, variant, metric.window_days)

    def recurrence(self, label: str, variant: str, window_days: int) -> RecurrenceTriangle:
        """Triggered units and all their orders of one arm."""
        address = (label, variant, window_days)
        if address not in self._followed:
            cells = self._recurrences.get((label, variant), [])
            made = RecurrenceTriangle.from_cells(window_days, self._triggered(variant), cells)
            self._followed[address] = made
        return self._followed[address]

    def _triggered(self, variant: str) -> dict[int, int]:
        """Cohort day → units with an order at entry."""
        entered = self._entries.get(variant, EntryDays())
        return {day: t.triggered for day, t in zip(entered.days, entered.totals, strict=True)}


def _filed(cells: Iterable[_Cell], address: Callable[[_Cell], Any]) -> dict[Any, list[_Cell]]:
    found: dict[Any, list[_Cell]] = defaultdict(list)
    for cell in cells:
        found[address(cell)].append(cell)
    return dict(found)


def _variant(cell: EntryCell) -> str:
    return cell.variant


def _address(cell: MomentCell | EventCell | RecurrenceCell) -> tuple[str, str]:
    return cell.metric, cell.variant
