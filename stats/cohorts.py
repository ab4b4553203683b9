"""Cohorts of one arm, and how far each has been followed: what every curve with censoring starts from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


class _OfCohort(Protocol):
    @property
    def cohort_day(self) -> int: ...


CellT = TypeVar("CellT", bound=_OfCohort)


@dataclass(frozen=True)
class Cohorts:
    """Triggered units by cohort day.

    Attributes:
        window_days: ages 1 … window_days count.
        days: cohort days, rising.
        units: triggered units of each cohort.
    """

    window_days: int
    days: Integers
    units: Integers

    def followed(
        self, day: int, settle_days: int, first_day: int | None = None, last_day: int | None = None
    ) -> Integers:
        """Last age each cohort was followed to, 0 … window_days.

        Args:
            day: D, last closed day; cohort c is followed to age min(window, D − c − settle_days).
            settle_days: days that cancellations get before an age counts as followed.
            first_day: earliest cohort day, or None; earlier ones count as not followed.
            last_day: latest cohort day, or None.

        >>> Cohorts(7, np.array([0, 3]), np.array([10, 20])).followed(8, 2).tolist()
        [6, 3]
        """
        ages: Integers = np.clip(day - settle_days - self.days, 0, self.window_days)
        if first_day is not None:
            ages = np.where(self.days >= first_day, ages, 0)
        if last_day is not None:
            ages = np.where(self.days <= last_day, ages, 0)
        return ages

    def followed_days(self, day: int, settle_days: int) -> int:
        """Unit-days of follow-up seen on a day: grows exactly when new information can have come."""
        return int((self.followed(day, settle_days) * self.units).sum())


def entered(triggered: Mapping[int, int]) -> tuple[Integers, Integers]:
    """(cohort days, rising; triggered units of each).

    >>> entered({5: 2, 3: 1})
    (array([3, 5]), array([1, 2]))
    """
    days = sorted(triggered)
    return np.array(days, dtype=np.int64), np.array([triggered[day] for day in days], dtype=np.int64)


def placed(cells: Iterable[CellT], triggered: Mapping[int, int], what: str) -> Iterator[tuple[int, CellT]]:
    """Each cell with the index of its cohort.

    Args:
        cells: of one metric and variant.
        triggered: cohort day → triggered units.
        what: they count, for the error.

    Raises:
        ValueError: a cell of a cohort without entries.
    """
    place = {day: index for index, day in enumerate(sorted(triggered))}
    for cell in cells:
        if cell.cohort_day not in place:
            raise ValueError(f"{what} in cohort day {cell.cohort_day}, which has no entries")
        yield place[cell.cohort_day], cell
