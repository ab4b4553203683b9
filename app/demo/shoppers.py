"""Simulated shoppers for the two labelled demo experiments: one start date gives one set of events."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

REUSE_KEY = "promo-code-reuse"
THRESHOLD_KEY = "threshold-1000-3000"
SIMULATED_KEYS = frozenset({REUSE_KEY, THRESHOLD_KEY})
UNITS = 9000  # over all days; those of the first four weeks have a closed window
PLANNED_UNITS = 5000
WINDOW_DAYS = 14
SETTLE_DAYS = 7
TOTAL_DAYS = 28 + WINDOW_DAYS + SETTLE_DAYS
MARGIN_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class Habit:
    """How the shoppers of one variant behave.

    Attributes:
        buys: probability of a first order in the window.
        again: probability that a buyer orders once more, some days later.
        basket_median_minor: median basket; baskets are log-normal with sigma 0.55.
        discount_share: share of the basket taken off, or 0.
        discount_minor: fixed amount taken off, or 0.
        threshold_minor: smallest basket that earns the discount.
        again_discounted: whether the second order gets the discount too.
    """

    buys: float
    again: float
    basket_median_minor: int
    discount_share: float = 0.0
    discount_minor: int = 0
    threshold_minor: int = 0
    again_discounted: bool = False


HABITS: dict[str, dict[str, Habit]] = {
    REUSE_KEY: {
        "single-use": Habit(0.22, 0.18, 180_000, discount_share=0.10, threshold_minor=100_000),
        "reusable": Habit(0.25, 0.34, 180_000, 0.10, threshold_minor=100_000, again_discounted=True),
    },
    THRESHOLD_KEY: {
        "threshold-3000": Habit(0.10, 0.15, 170_000, discount_minor=50_000, threshold_minor=300_000),
        "threshold-1000": Habit(0.14, 0.15, 170_000, 0.0, 50_000, 100_000, again_discounted=True),
    },
}


def _code(uses: int | None) -> dict[str, Any]:
    return {
        "issue": "per_visitor",
        "uses_per_customer": uses,
        "uses_total": None,
        "valid_days": 7,
        "bound": False,
    }


def _plan(primary: object, **more: object) -> dict[str, Any]:
    return {
        "primary": primary,
        "window_days": WINDOW_DAYS,
        "settle_days": SETTLE_DAYS,
        "secondary": ["conversion_rate", "orders_per_unit", "revenue_per_unit", "average_order_value"],
        "alpha": 0.05,
        "power": 0.8,
        "mde": 0.15,
        "planned_units": PLANNED_UNITS,
        "min_days": 14,
    } | more


def reuse_definition(starts_at: str) -> dict[str, Any]:
    """Single-use against reusable code."""
    offer = {"kind": "percent_off", "percent": 10, "min_order_minor": 100_000, "currency": "RUB"}
    return {
        "key": REUSE_KEY,
        "name": "Single-use or reusable code (simulated)",
        "hypothesis": "A code that may be used again brings buyers back.",
        "unit": "visitor",
        "seed": "00c0de5ca1ab1e00",
        "variants": [
            {"key": "single-use", "weight": 0.5, "control": True, "offer": offer | {"code": _code(1)}},
            {"key": "reusable", "weight": 0.5, "offer": offer | {"code": _code(None)}},
        ],
        "economics": {"currency": "RUB", "margin_share": MARGIN_SHARE},
        "plan": _plan(
            {"key": "repeat_buyers_per_unit", "days": WINDOW_DAYS},
            guardrails=[{"metric": "profit_per_unit", "non_inferiority_margin": 0.1}],
        ),
        "starts_at": starts_at,
        "timezone": "Europe/Moscow",
    }


def threshold_definition(starts_at: str) -> dict[str, Any]:
    """1000 ₽ against 3000 ₽: the lower one sells more, the higher one earns more."""
    offer = {"kind": "amount_off", "amount_minor": 50_000, "currency": "RUB"}
    return {
        "key": THRESHOLD_KEY,
        "name": "500 ₽ off from 1000 ₽ or from 3000 ₽ (simulated)",
        "hypothesis": "A lower threshold sells more.",
        "unit": "visitor",
        "seed": "7e57ab1e00000003",
        "variants": [
            {
                "key": "threshold-3000",
                "weight": 0.5,
                "control": True,
                "offer": offer | {"min_order_minor": 300_000},
            },
            {"key": "threshold-1000", "weight": 0.5, "offer": offer | {"min_order_minor": 100_000}},
        ],
        "economics": {"currency": "RUB", "margin_share": MARGIN_SHARE},
        "plan": _plan(
            "conversion_rate", secondary=["orders_per_unit", "revenue_per_unit", "average_order_value"]
        ),
        "starts_at": starts_at,
        "timezone": "Europe/Moscow",
    }


class Shopper:
    """One simulated visitor: when it came, and what it will do under a variant."""

    def __init__(self, key: str, number: int, start: datetime) -> None:
        import numpy as np

        self.key = key
        self.visitor_id = f"{key}-{number:05d}"
        self.rng = np.random.default_rng([len(key), number])
        self.until = (start + timedelta(days=TOTAL_DAYS)).isoformat()
        day = int(self.rng.integers(TOTAL_DAYS))
        self.seen_at = start + timedelta(days=day, seconds=int(self.rng.integers(9 * 3600, 21 * 3600)))

    def events(self, variant: str) -> Iterator[dict[str, Any]]:
        """Its exposure, and its orders inside the window and so far, as the shop would send them."""
        return (event for event in self._events(variant) if event["occurred_at"] < self.until)

    def _events(self, variant: str) -> Iterator[dict[str, Any]]:
        habit = HABITS[self.key][variant]
        yield self._event("exposure", "exposure", self.seen_at) | {"experiment": self.key, "variant": variant}
        if self.rng.random() >= habit.buys:
            return
        first_at = self.seen_at + timedelta(minutes=int(self.rng.exponential(600)) % 4000)
        yield self._order(1, first_at, habit, discounted=True)
        if self.rng.random() < habit.again:
            again_at = first_at + timedelta(days=int(self.rng.integers(1, WINDOW_DAYS - 4)))
            yield self._order(2, again_at, habit, discounted=habit.again_discounted)

    def _order(self, number: int, at: datetime, habit: Habit, *, discounted: bool) -> dict[str, Any]:
        items = round(habit.basket_median_minor * math.exp(0.55 * self.rng.standard_normal()))
        discount = _discount(habit, items) if discounted else 0
        return self._event(f"order-{number}", "order", at) | {
            "order_id": f"{self.visitor_id}-{number}",
            "currency": "RUB",
            "items_minor": items,
            "discount_minor": discount,
            "shipping_minor": 0,
        }

    def _event(self, suffix: str, kind: str, at: datetime) -> dict[str, Any]:
        return {
            "event_id": f"{self.visitor_id}-{suffix}",
            "type": kind,
            "occurred_at": at.isoformat(),
            "visitor_id": self.visitor_id,
        }


def _discount(habit: Habit, items: int) -> int:
    if items < habit.threshold_minor:
        return 0
    return habit.discount_minor or round(items * habit.discount_share)
