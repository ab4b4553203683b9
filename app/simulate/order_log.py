"""A shop's own order log under simulated tests: would this test have worked on our last quarter?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analyze.files import read_sheet
from app.errors import Invalid
from stats.shoppers import Shop, Shoppers

FEWEST_CUSTOMERS = 100
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class OrderLog:
    """Orders sorted by customer and time.

    Attributes:
        starts: place of each customer's first order, and the number of orders at the end.
        days: days since the customer's first order, per order.
        items_minor: basket of each order.
    """

    starts: NDArray[np.int64]
    days: NDArray[np.float64]
    items_minor: NDArray[np.int64]

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


def read_log(path: Path) -> OrderLog:
    """Read a file of orders.

    Args:
        path: CSV or Parquet with `unit_id, occurred_at, items_minor`.

    Raises:
        Invalid: a column or a cell cannot be read, money is negative, or there are under 100 customers.
    """
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
    rows.sort()
    names = np.array([row[0] for row in rows], dtype=object)
    starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]])) if rows else np.zeros(0, int)
    if starts.size < FEWEST_CUSTOMERS:
        raise Invalid(
            f"{path.name} has {starts.size} customers; {FEWEST_CUSTOMERS} are needed", "too_few", "unit_id"
        )
    at = np.array([row[1] for row in rows], dtype=np.int64)
    lengths = np.diff(np.append(starts, len(rows)))
    since = (at - np.repeat(at[starts], lengths)) / _DAY_US
    return OrderLog(np.append(starts, len(rows)), since, np.array([row[2] for row in rows], dtype=np.int64))
