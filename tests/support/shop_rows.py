"""Rows of made-up shoppers, and the cells that counting them row by row gives."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stats.cells import Cells, EntryCell, EventCell, MomentCell

FIRST_DAY = 20_000


@dataclass(frozen=True)
class Shopper:
    """One exposed unit: whether it bought, how much it spent, how many orders, when it came back."""

    variant: str
    cohort_day: int
    bought: int = 0
    spent: int = 0
    orders: int = 0
    triggered: bool = True
    back_at_age: int | None = None
    crossed_over: bool = False
    raw_spent: int | None = None


def shoppers(  # noqa: PLR0913 - the knobs of a shop
    seed: int,
    days: int,
    a_day: int,
    rates: dict[str, float],
    *,
    spend_factor: dict[str, float] | None = None,
    back_hazard: dict[str, float] | None = None,
    weights: Sequence[float] | None = None,
) -> list[Shopper]:
    """Shoppers of a steady shop: conversion by variant, log-normal spend, a constant hazard of a return."""
    rng = np.random.default_rng(seed)
    names = list(rates)
    found = []
    for day in range(FIRST_DAY, FIRST_DAY + days):
        for which in rng.choice(len(names), size=a_day, p=weights):
            name = names[which]
            bought = int(rng.random() < rates[name])
            factor = (spend_factor or {}).get(name, 1.0)
            spent = bought * int(1000 * factor * rng.lognormal(0.0, 0.8))
            orders = bought * int(1 + rng.poisson(0.2))
            hazard = (back_hazard or {}).get(name, 0.01)
            back = int(rng.geometric(hazard))
            found.append(Shopper(name, day, bought, spent, orders, back_at_age=back))
    return found


def moment_cells(rows: Sequence[Shopper], labels: dict[str, str]) -> list[MomentCell]:
    """Cells of some metrics; `labels` maps a label to `bought`, `spent`, `orders` or `value_per_order`."""
    cells = []
    for label, column in labels.items():
        filed: dict[tuple[str, int], list[Shopper]] = defaultdict(list)
        for row in rows:
            filed[row.variant, row.cohort_day].append(row)
        for (variant, day), group in sorted(filed.items()):
            cells.append(_moment_cell(label, column, variant, day, group))
    return cells


def _moment_cell(label: str, column: str, variant: str, day: int, group: list[Shopper]) -> MomentCell:
    ratio = column == "value_per_order"
    x = [row.spent if ratio else int(getattr(row, column)) for row in group]
    y = [row.orders if ratio else 0 for row in group]
    raw = [
        row.raw_spent if column == "spent" and row.raw_spent is not None else v
        for row, v in zip(group, x, strict=True)
    ]
    return MomentCell(
        label,
        variant,
        day,
        len(group),
        sum(v != 0 for v in x),
        sum(x),
        sum(v * v for v in x),
        sum(raw),
        sum(y),
        sum(v * v for v in y),
        sum(a * b for a, b in zip(x, y, strict=True)),
    )


def entry_cells(rows: Sequence[Shopper]) -> list[EntryCell]:
    """Entries by variant and cohort day."""
    filed: dict[tuple[str, int], list[Shopper]] = defaultdict(list)
    for row in rows:
        filed[row.variant, row.cohort_day].append(row)
    return [
        EntryCell(v, day, len(g), sum(r.triggered for r in g), sum(r.crossed_over for r in g))
        for (v, day), g in sorted(filed.items())
    ]


def event_cells(rows: Sequence[Shopper], label: str, window_days: int) -> list[EventCell]:
    """First events of triggered shoppers, known on the day they happen."""
    counts: dict[tuple[str, int, int], int] = defaultdict(int)
    for row in rows:
        if row.triggered and row.back_at_age is not None and row.back_at_age <= window_days:
            counts[row.variant, row.cohort_day, row.back_at_age] += 1
    return [EventCell(label, v, day, age, day + age, n) for (v, day, age), n in sorted(counts.items())]


def shop_cells(
    rows: Sequence[Shopper], labels: dict[str, str], survival: tuple[str, int] | None = None
) -> Cells:
    """All cells of a shop."""
    events = event_cells(rows, *survival) if survival else []
    return Cells(entry_cells(rows), moment_cells(rows, labels), events)
