"""How often the test finds what is (not) there: many draws of a shop through the looks of a plan."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from stats.cells import Cells, EntryCell, EventCell, MomentCell
from stats.looks import LookBook
from stats.plan import AnalysisPlan, Kind, Metric
from stats.shoppers import Shop, Shoppers, draw

ARMS = ("control", "treatment")
KINDS: dict[str, Kind] = {
    "conversion_rate": "proportion",
    "revenue_per_unit": "mean",
    "repeat_buyers_per_unit": "proportion",
    "repeat_purchase_rate": "survival",
}
_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """How one simulated test ended.

    Attributes:
        side: `upper` (treatment proven better), `lower` (worse) or None.
        stop: share of the plan in hand when it ended.
        day: shop day of the end, counted from the first day of entry.
    """

    side: Literal["upper", "lower"] | None
    stop: float
    day: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What many runs found.

    Attributes:
        runs: number of runs.
        better: share in which the treatment was proven better.
        worse: share in which it was proven worse.
        monte_carlo_error: standard error of `better` + `worse`.
        mean_stop: mean share of the plan at the end.
        false_positive_limit: share of A/A runs with a claim that a test of this alpha exceeds in one study of
            a thousand; a claim share above it says that the test is broken.
    """

    runs: int
    better: float
    worse: float
    monte_carlo_error: float
    mean_stop: float
    false_positive_limit: float


def plan_of_shop(shop: Shop, metric: str, *, alpha: float = 0.05, look_days: str = "weekly") -> AnalysisPlan:
    """The plan under which a shop's units are read.

    Args:
        shop: its traffic says how many units are planned.
        metric: `conversion_rate`, `revenue_per_unit`, `repeat_buyers_per_unit` or `repeat_purchase_rate`.
        alpha: two-sided type-I error, in (0, 1).
        look_days: `weekly` or `daily`.

    Raises:
        ValueError: the metric is none of these, or alpha is outside its range.
    """
    if metric not in KINDS:
        raise ValueError(f"metric is {metric!r}; it must be one of {', '.join(KINDS)}")
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha is {alpha}; it must lie between 0 and 1")
    entering = shop.conversion if KINDS[metric] == "survival" else 1.0  # buyers enter, else visitors
    return AnalysisPlan(
        experiment="simulated",
        version=1,
        variants=ARMS,
        control=ARMS[0],
        weights=(0.5, 0.5),
        metrics=(Metric(metric, "primary", KINDS[metric], shop.window_days),),
        alpha=alpha,
        planned_units=max(1, round(shop.units_a_day * shop.days * entering)),
        settle_days=shop.settle_days,
        min_days=min(14, shop.days),
        look_days="daily" if look_days == "daily" else "weekly",
    )


def runs_of(
    shop: Shop, plan: AnalysisPlan, runs: int, seed: int, drawn: Callable[[int], Shoppers] | None = None
) -> Iterator[Run]:
    """Simulate tests one after another.

    Args:
        shop: what is drawn.
        plan: of `plan_of_shop`.
        runs: how many, ≥ 1.
        seed: the same seed gives the same runs.
        drawn: gives the shoppers of a run in place of `draw`, for resampling a real order log.

    Raises:
        ValueError: `runs` is below 1.
    """
    if runs < 1:
        raise ValueError(f"runs is {runs}; it must be at least 1")
    for number in range(runs):
        shoppers = drawn(number) if drawn else draw(shop, [seed, number])
        yield one_run(shop, plan, shoppers)


def one_run(shop: Shop, plan: AnalysisPlan, shoppers: Shoppers) -> Run:
    """Close day after day until something is proven or everything has matured."""
    cells = cells_of(shop, plan.metrics[0], shoppers)
    book = LookBook(plan)
    last = shop.days + shop.window_days + shop.settle_days
    fraction = 0.0
    for day in range(last):
        for look in book.close(day, cells, final=day >= shop.days):
            fraction = look.fraction
            if look.crossed:
                return Run(look.crossed, look.fraction, day)
    return Run(None, fraction, last - 1)


def findings(runs: list[Run], alpha: float) -> Findings:
    """Shares over runs, with their Monte-Carlo error.

    >>> findings([Run("upper", 0.5, 9), Run(None, 1.0, 20)], 0.05).better
    0.5
    """
    count = len(runs)
    better = sum(run.side == "upper" for run in runs) / count
    worse = sum(run.side == "lower" for run in runs) / count
    claimed = better + worse
    return Findings(
        runs=count,
        better=better,
        worse=worse,
        monte_carlo_error=math.sqrt(claimed * (1 - claimed) / count),
        mean_stop=sum(run.stop for run in runs) / count,
        false_positive_limit=float(_binomial_quantile(0.999, count, alpha)) / count,
    )


def cells_of(shop: Shop, metric: Metric, shoppers: Shoppers) -> Cells:
    """The cells an engine would count of these shoppers; shop days are counted from the first one."""
    day = np.floor(shoppers.entry).astype(np.int64)
    if metric.kind == "survival":
        return _survival_cells(shop, metric, shoppers)
    value = _values(shop, metric, shoppers, day)
    entries: list[EntryCell] = []
    moments: list[MomentCell] = []
    for arm, variant in enumerate(ARMS):
        mine = shoppers.treated == bool(arm)
        units = _per_day(day[mine], None, shop.days)
        total = _per_day(day[mine], value[mine], shop.days)
        buyers = _per_day(day[mine], (value[mine] > 0).astype(np.int64), shop.days)
        squares = _squares(day[mine], value[mine], shop.days)
        for d in range(shop.days):
            entries.append(EntryCell(variant, d, int(units[d]), 0, 0))
            sums = (int(buyers[d]), int(total[d]), squares[d], int(total[d]))
            moments.append(MomentCell(metric.label, variant, d, int(units[d]), *sums))
    return Cells(entries, moments)


def _values(shop: Shop, metric: Metric, shoppers: Shoppers, day: _Ints) -> _Ints:
    """The metric of each unit over ages 0 … w."""
    unit, at = shoppers.order_unit, np.floor(shoppers.order_at).astype(np.int64)
    inside = at - day[unit] <= shop.window_days
    if metric.key == "revenue_per_unit":
        return np.rint(np.bincount(unit[inside], shoppers.net_minor[inside], day.size)).astype(np.int64)
    if metric.key == "repeat_buyers_per_unit":  # orders on two different shop days
        pairs = np.unique(np.column_stack([unit[inside], at[inside]]), axis=0)
        return (np.bincount(pairs[:, 0], minlength=day.size) > 1).astype(np.int64)
    return (np.bincount(unit[inside], minlength=day.size) > 0).astype(np.int64)


def _survival_cells(shop: Shop, metric: Metric, shoppers: Shoppers) -> Cells:
    """Buyers enter with their first order; the next one on a later day is the event, known at once."""
    unit, at = shoppers.order_unit, np.floor(shoppers.order_at).astype(np.int64)
    first_unit, place = np.unique(unit, return_index=True)
    entered = at[place]
    second = at > entered[np.searchsorted(first_unit, unit)]
    second &= ~_seen_before(unit, second)
    age = at[second] - entered[np.searchsorted(first_unit, unit[second])]
    cells: list[EntryCell] = []
    events: list[EventCell] = []
    for arm, variant in enumerate(ARMS):
        mine = shoppers.treated[first_unit] == bool(arm)
        for d, count in zip(*np.unique(entered[mine], return_counts=True), strict=True):
            if d < shop.days:
                cells.append(EntryCell(variant, int(d), int(count), int(count), 0))
        found = (shoppers.treated[unit[second]] == bool(arm)) & (age >= 1) & (age <= shop.window_days)
        for when, wait in zip(at[second][found], age[found], strict=True):
            if when - wait < shop.days:
                events.append(EventCell(metric.label, variant, int(when - wait), int(wait), int(when), 1))
    return Cells(cells, (), events)


def _seen_before(unit: _Ints, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a masked order has an earlier masked one of the same unit."""
    places = np.flatnonzero(mask)
    _, first = np.unique(unit[places], return_index=True)
    again = np.ones(places.size, dtype=bool)
    again[first] = False
    found = np.zeros(unit.size, dtype=bool)
    found[places[again]] = True
    return found


def _per_day(day: _Ints, weights: _Ints | None, days: int) -> Any:
    return np.rint(np.bincount(day, weights, days)).astype(np.int64)


def _squares(day: _Ints, value: _Ints, days: int) -> list[int]:
    """Σx² by day in Python integers: money squared leaves 64 bits."""
    sums = [0] * days
    positive = value > 0
    for d, x in zip(day[positive].tolist(), value[positive].tolist(), strict=True):
        sums[d] += x * x
    return sums


def _binomial_quantile(share: float, count: int, probability: float) -> int:
    """Smallest k with P(X ≤ k) ≥ share."""
    low, high = -1, count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if special.bdtr(middle, count, probability) >= share else (middle, high)
    return high
