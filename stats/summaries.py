"""Sufficient statistics that add up: exact integers in, means and variances out.

Sums stay Python integers until the last division, so nothing is lost to cancellation at any size of money.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import accumulate

from stats.cells import EntryCell, MomentCell


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over units of one metric in one arm; moments of disjoint units add, of nested ones subtract.

    Attributes:
        units: n.
        buyers: units with a value other than 0 (ratios: or a denominator other than 0).
        total: Σx of capped values.
        squares: Σx² of capped values.
        raw_total: Σx of uncapped values.
        denominator: Σy (ratios; else 0).
        denominator_squares: Σy².
        cross: Σxy.
        unusable: units whose value cannot be known.

    >>> day_1, day_2 = Moments(units=2, buyers=1, total=4, squares=16), Moments(units=1, total=2, squares=4)
    >>> both = day_1 + day_2
    >>> both.mean, both.m2, both.variance
    (2.0, 8.0, 4.0)
    """

    units: int = 0
    buyers: int = 0
    total: int = 0
    squares: int = 0
    raw_total: int = 0
    denominator: int = 0
    denominator_squares: int = 0
    cross: int = 0
    unusable: int = 0

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, name) + getattr(other, name) for name in _NAMES))

    def __sub__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, name) - getattr(other, name) for name in _NAMES))

    @property
    def mean(self) -> float | None:
        """Σx / n of capped values; None without units."""
        return self.total / self.units if self.units else None

    @property
    def raw_mean(self) -> float | None:
        """Σx / n of uncapped values; None without units."""
        return self.raw_total / self.units if self.units else None

    @property
    def m2(self) -> float | None:
        """Σ(x − mean)² = (nΣx² − (Σx)²) / n, rounded once; None without units."""
        return self._n_m2 / self.units if self.units else None

    @property
    def variance(self) -> float | None:
        """Sample variance of one unit, M2 / (n − 1); None under two units."""
        return self._n_m2 / (self.units * (self.units - 1)) if self.units > 1 else None

    @property
    def _n_m2(self) -> int:
        return self.units * self.squares - self.total**2


def check_sums(moments: Moments) -> None:
    """Refuse sums that no units can have: fewer than none, Σx² below (Σx)² / n, anything that is no number.

    >>> check_sums(Moments(units=2, total=4, squares=7))
    Traceback (most recent call last):
    ...
    ValueError: squares is 7; for a total of 4 over 2 units it must be a number of 8.0 or more
    """
    units, total, squares = moments.units, moments.total, moments.squares
    if not units >= 0:
        raise ValueError(f"units is {units}; it must be 0 or more")
    if not units * squares >= total * total:
        least = total * total / units if units else 0
        raise ValueError(
            f"squares is {squares}; for a total of {total} over {units} units"
            f" it must be a number of {least} or more"
        )


_NAMES = tuple(f.name for f in fields(Moments))


def moments_of(cell: MomentCell) -> Moments:
    """The sums of one cell without its address."""
    return Moments(*(getattr(cell, name) for name in _NAMES))


@dataclass(frozen=True)
class CumulativeMoments:
    """Moments of one arm by cohort day, summed from the first cohort on: any span is one subtraction.

    Attributes:
        days: cohort days, rising.
        sums: moments of all cohorts up to and including each day.
    """

    days: tuple[int, ...] = ()
    sums: tuple[Moments, ...] = ()

    @classmethod
    def from_cells(cls, cells: Iterable[MomentCell]) -> "CumulativeMoments":
        """Cells of one metric and variant, in any order; cells of one cohort day are added up."""
        by_day: dict[int, Moments] = {}
        for cell in cells:
            by_day[cell.cohort_day] = by_day.get(cell.cohort_day, Moments()) + moments_of(cell)
        days = tuple(sorted(by_day))
        return cls(days, tuple(accumulate(by_day[day] for day in days)))

    def between(self, first_day: int | None, last_day: int) -> Moments:
        """Moments of cohorts with first_day ≤ cohort day ≤ last_day (None: from the start).

        >>> cells = [MomentCell("m", "a", day, 1, 1, day, day * day, day) for day in (1, 2, 5)]
        >>> CumulativeMoments.from_cells(cells).between(2, 4).total
        2
        """
        upto = bisect_right(self.days, last_day)
        before = 0 if first_day is None else bisect_left(self.days, first_day)
        if upto <= before:
            return Moments()
        return self.sums[upto - 1] - (self.sums[before - 1] if before else Moments())


@dataclass(frozen=True, slots=True)
class EntryTotals:
    """Units that entered one variant over a span of cohort days; totals of disjoint spans add.

    Attributes:
        units: exposed units.
        triggered: of them, those with a paid order at or before t0.
        crossed_over: of them, those later exposed to another variant.
        merged: of them, those exposed under two ids of one person.
    """

    units: int = 0
    triggered: int = 0
    crossed_over: int = 0
    merged: int = 0

    def __add__(self, other: "EntryTotals") -> "EntryTotals":
        return EntryTotals(
            self.units + other.units,
            self.triggered + other.triggered,
            self.crossed_over + other.crossed_over,
            self.merged + other.merged,
        )


@dataclass(frozen=True)
class EntryDays:
    """Entries of one variant by cohort day.

    Attributes:
        days: cohort days, rising.
        totals: counts on each day.
    """

    days: tuple[int, ...] = ()
    totals: tuple[EntryTotals, ...] = ()

    @classmethod
    def from_cells(cls, cells: Iterable[EntryCell]) -> "EntryDays":
        """Cells of one variant, in any order; cells of one cohort day are added up."""
        by_day: dict[int, EntryTotals] = {}
        for cell in cells:
            known = by_day.get(cell.cohort_day, EntryTotals())
            by_day[cell.cohort_day] = known + EntryTotals(*cell[2:])
        days = tuple(sorted(by_day))
        return cls(days, tuple(by_day[day] for day in days))

    def between(self, first_day: int | None, last_day: int) -> EntryTotals:
        """Totals of cohorts with first_day ≤ cohort day ≤ last_day (None: from the start).

        >>> cells = [EntryCell("a", day, 10, 0, 0) for day in (1, 2, 5)]
        >>> EntryDays.from_cells(cells).between(2, 4).units
        10
        """
        start = 0 if first_day is None else bisect_left(self.days, first_day)
        return sum(self.totals[start : bisect_right(self.days, last_day)], EntryTotals())
