"""A shop's own order log under simulated tests: would this test have worked on our last quarter?"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import numpy as np
from numpy.typing import NDArray

from app.analyze.files import read_sheet
from app.clock import day_number, day_start_us, shop_day
from app.errors import Invalid
from stats.base_rates import OrderHistory
from stats.shoppers import Shop, Shoppers

FEWEST_CUSTOMERS = 100
_DAY_US = 86_400_000_000
_QUARTER_US = 900_000_000  # every zone's offset of today is whole quarters of an hour


@dataclass(frozen=True, slots=True)
class Period:
    """The shop days of a log that count.

    Attributes:
        since: first day, or None from the first order on.
        until: last day, itself included, or None to the last order.
        timezone: IANA zone in which days are cut.
    """

    since: date | None = None
    until: date | None = None
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse an unknown zone, and a period that ends before it starts."""
        if self.timezone not in available_timezones():
            raise Invalid(f"{self.timezone!r} is no time zone", "unknown_timezone", "timezone")
        if self.since and self.until and self.until < self.since:
            detail = f"the period ends on {self.until}, before its start {self.since}"
            raise Invalid(detail, "empty_period", "until")

    def bounds_us(self) -> tuple[float, float]:
        """First moment inside, and first one after it."""
        start, end = -math.inf, math.inf
        if self.since is not None:
            start = day_start_us(day_number(self.since.isoformat()), self.timezone)
        if self.until is not None:
            end = day_start_us(day_number(self.until.isoformat()) + 1, self.timezone)
        return start, end


@dataclass(frozen=True)
class OrderLog:
    """Orders sorted by customer and time.

    Attributes:
        starts: place of each customer's first order, and the number of orders at the end.
        days: days since the customer's first order, per order.
        items_minor: basket of each order.
        at_us: moment of each order, microseconds since 1970 UTC.
        period: the days that were read.
    """

    starts: NDArray[np.int64]
    days: NDArray[np.float64]
    items_minor: NDArray[np.int64]
    at_us: NDArray[np.int64]
    period: Period

    def history(self) -> OrderHistory:
        """The log in shop days; where the period is open it ends with the last order."""
        zone = self.period.timezone
        quarters, place = np.unique(self.at_us // _QUARTER_US, return_inverse=True)
        quarter_days = [shop_day(int(quarter) * _QUARTER_US, zone) for quarter in quarters]
        days = np.array(quarter_days, dtype=np.int64)[place]
        first = int(days.min()) if self.period.since is None else day_number(self.period.since.isoformat())
        last = int(days.max()) if self.period.until is None else day_number(self.period.until.isoformat())
        return OrderHistory(self.starts, days, self.items_minor, first, last)

    def resampler(self, shop: Shop, seed: int) -> Callable[[int], Shoppers]:
        """Give the shoppers of run k: customers drawn with replacement, each with all of its orders.

        Arrivals, arms and conversion are the shop's; what a buyer orders, and when again, is the log's.
        `uplift` adds buyers to the treatment; `again_uplift` and `pull_forward` change nothing here.
        """
        return lambda number: self._draw(shop, np.random.default_rng([seed, number, 1]))

    def _draw(self, shop: Shop, rng: np.random.Generator) -> Shoppers:
        count = int(rng.poisson(shop.units_a_day * shop.days))
        entry = np.sort(rng.random(count) * shop.days)
        treated = rng.random(count) < 0.5  # noqa: PLR2004 - two equal arms
        buyers = np.flatnonzero(rng.random(count) < shop.conversion * np.where(treated, 1 + shop.uplift, 1.0))
        customers = rng.integers(0, self.starts.size - 1, buyers.size)
        lengths = self.starts[customers + 1] - self.starts[customers]
        unit = np.repeat(buyers, lengths)
        inner = np.arange(unit.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        place = np.repeat(self.starts[customers], lengths) + inner
        at = entry[unit] + self.days[place]
        order = np.argsort(at, kind="stable")
        unit, place, at = unit[order], place[order], at[order]
        none = np.zeros(unit.size, dtype=np.int64)
        never = np.full(unit.size, np.inf)
        return Shoppers(entry, treated, unit, at, self.items_minor[place], none, never, none.astype(bool))


def read_log(path: Path, period: Period | None = None) -> OrderLog:
    """Read a file of orders.

    Args:
        path: CSV or Parquet with `unit_id, occurred_at, items_minor`.
        period: the days that count; a customer's first order is the first one inside.

    Raises:
        Invalid: a column or a cell cannot be read, money is negative, or there are under 100 customers.
    """
    period = period or Period()
    start, end = period.bounds_us()
    rows = sorted(row for row in _rows(path) if start <= row[1] < end)
    names = np.array([row[0] for row in rows], dtype=object)
    starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]])) if rows else np.zeros(0, int)
    if starts.size < FEWEST_CUSTOMERS:
        raise Invalid(
            f"{path.name} has {starts.size} customers; {FEWEST_CUSTOMERS} are needed", "too_few", "unit_id"
        )
    at = np.array([row[1] for row in rows], dtype=np.int64)
    lengths = np.diff(np.append(starts, len(rows)))
    since = (at - np.repeat(at[starts], lengths)) / _DAY_US
    items = np.array([row[2] for row in rows], dtype=np.int64)
    return OrderLog(np.append(starts, len(rows)), since, items, at, period)


def _rows(path: Path) -> list[tuple[str, int, int]]:
    """Customer, moment and basket of every row; the first cell that cannot be one of them is refused."""
    sheet = read_sheet(path)
    sheet.need(("unit_id", "occurred_at", "items_minor"))
    units, moments = sheet.texts("unit_id").to_pylist(), sheet.moments("occurred_at").to_pylist()
    items = sheet.integers("items_minor").to_pylist()
    rows: list[tuple[str, int, int]] = []
    for place, (unit, moment, amount) in enumerate(zip(units, moments, items, strict=True)):
        found: tuple[Any, ...] = (unit, moment, amount)
        if None in found or amount < 0:
            column = ("unit_id", "occurred_at", "items_minor")[found.index(None) if None in found else 2]
            raise sheet.refuse(column, place, "is empty, unreadable or below 0")
        rows.append((unit, moment, amount))
    return rows
