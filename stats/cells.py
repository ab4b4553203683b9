"""Integer sufficient statistics that an engine counts and every estimate is made from.

Cells are filed by variant and cohort day, so any `as_of` is a sum over cohort days: no rescan.
All sums are exact Python integers; two engines must agree on them digit for digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from stats.offers.cells import OfferCells


class EntryCell(NamedTuple):
    """Units that entered on one cohort day.

    Attributes:
        variant: variant of the unit's first exposure.
        cohort_day: shop day of the first exposure, days since 1970-01-01.
        units: units exposed.
        triggered: of them, those with a paid, uncancelled order at or before t0.
        crossed_over: of them, those later exposed to another variant too.
        merged: of them, those exposed under two ids that turned out to be one person.
    """

    variant: str
    cohort_day: int
    units: int
    triggered: int
    crossed_over: int
    merged: int = 0


class MomentCell(NamedTuple):
    """Sums of one per-unit metric over the units of one cohort day, inside the fixed window.

    Attributes:
        metric: label of the metric (`Metric.label`); an unknown margin adds `#lo` and `#hi`.
        variant: variant of the unit's first exposure.
        cohort_day: days since 1970-01-01.
        units: units of the cohort (zeros included).
        buyers: units with a value other than 0 (ratios: or a denominator other than 0).
        total: Σx of capped values (the raw value where the metric has no cap).
        squares: Σx² of capped values.
        raw_total: Σx of uncapped values.
        denominator: Σy (ratios; else 0).
        denominator_squares: Σy² (ratios; else 0).
        cross: Σxy (ratios; else 0).
        unusable: units whose money cannot be known (currency without a rate, unknown margin).
    """

    metric: str
    variant: str
    cohort_day: int
    units: int
    buyers: int
    total: int
    squares: int
    raw_total: int
    denominator: int = 0
    denominator_squares: int = 0
    cross: int = 0
    unusable: int = 0


class EventCell(NamedTuple):
    """Changes in the number of units whose first counted order has a given age (Kaplan–Meier).

    At shop day D the number of first events at age a in a cohort is the sum of `change` over `known_day` ≤ D.
    A later cancellation takes an event back (−1) and may move it to a later order (+1).

    Attributes:
        metric: label of the metric.
        variant: variant of the unit's first exposure.
        cohort_day: days since 1970-01-01.
        age: age of the event in shop days, 1 … window.
        known_day: shop day from which the change is known.
        change: how many units were added (or taken away).
    """

    metric: str
    variant: str
    cohort_day: int
    age: int
    known_day: int
    change: int


class RecurrenceCell(NamedTuple):
    """Changes in the number of orders at one age, or of pairs of one unit's orders: mean cumulative function.

    At shop day D the orders at age a of a cohort are the sum of `change` over `known_day` ≤ D and `other_age`
    −1; with an `other_age` b ≥ a the sum is Σ over units of orders at a × orders at b.

    Attributes:
        metric: label of the metric.
        variant: variant of the unit's first exposure.
        cohort_day: days since 1970-01-01.
        age: age of the orders in shop days, 1 … window.
        other_age: an age not below `age`, or −1.
        known_day: shop day from which the change is known.
        change: how many were added (or taken away by a cancellation).
    """

    metric: str
    variant: str
    cohort_day: int
    age: int
    other_age: int
    known_day: int
    change: int


@dataclass(frozen=True)
class Cells:
    """What an engine returns.

    Attributes:
        entries: one per variant and cohort day.
        moments: one per metric, variant and cohort day (only for cohorts that have matured by the day asked).
        events: the changes behind Kaplan–Meier curves (orders at or before the day asked).
        recurrences: the changes behind mean cumulative functions, likewise.
        notes: counts for the trust banner, for example `orders_without_margin`.
        offers: what was counted about the offers, where it was asked.
    """

    entries: Sequence[EntryCell]
    moments: Sequence[MomentCell] = ()
    events: Sequence[EventCell] = ()
    recurrences: Sequence[RecurrenceCell] = ()
    notes: dict[str, int] = field(default_factory=dict)
    offers: OfferCells | None = None
