"""Seeded shoppers: a weekly rhythm, baskets with whales, codes that leak, refunds, orders pulled forward."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_Flags = NDArray[np.bool_]
WEEK = 7
_LAG_DAYS = 2.0  # mean days from entry to the first order
_REFUND_LAG_DAYS = 4.0
_WHALE_FACTOR = 15.0


@dataclass(frozen=True, slots=True)
class Shop:
    """How a shop and its two arms behave.

    Attributes:
        units_a_day: visitors a day over both arms, ≥ 2, on an average day.
        days: days of entry, ≥ 1.
        weekend_factor: traffic of days 6 and 7 of each week against the others, > 0.
        conversion: share of control that orders, in (0, 1).
        again: share of buyers that orders once more within `again_days`, in [0, 1).
        again_days: mean days until the second order, > 0.
        basket_minor: median basket, minor units, > 0.
        basket_sigma: sigma of the log-normal basket, ≥ 0.
        whale_share: share of units whose baskets are fifteen times as large, in [0, 1].
        refund_share: share of orders refunded in full some days later, in [0, 1].
        uplift: relative rise of conversion in the treatment, > −1.
        again_uplift: relative rise of `again` in the treatment, > −1.
        pull_forward: share by which the treatment shortens the wait for second orders inside `window_days`,
            in [0, 1): orders move, none is added.
        discount_share: taken off the treatment's baskets, in [0, 1).
        leakage: share of control's buyers that uses a code of the treatment, in [0, 1].
        window_days: w, the days a unit is watched.
        settle_days: days until orders are final.
    """

    units_a_day: int = 400
    days: int = 28
    weekend_factor: float = 0.6
    conversion: float = 0.08
    again: float = 0.2
    again_days: float = 20.0
    basket_minor: int = 180_000
    basket_sigma: float = 0.6
    whale_share: float = 0.01
    refund_share: float = 0.05
    uplift: float = 0.0
    again_uplift: float = 0.0
    pull_forward: float = 0.0
    discount_share: float = 0.0
    leakage: float = 0.0
    window_days: int = 30
    settle_days: int = 7

    def __post_init__(self) -> None:
        for name in ("again", "whale_share", "refund_share", "pull_forward", "discount_share", "leakage"):
            _within(name, getattr(self, name), 0.0, 1.0)
        for name, low, high in (
            ("units_a_day", 2, 1e7),
            ("days", 1, 730),
            ("weekend_factor", 0.01, 100),
            ("conversion", 1e-6, 1 - 1e-6),
            ("again_days", 0.01, 1e4),
            ("basket_minor", 1, 1e12),
            ("basket_sigma", 0.0, 3.0),
            ("uplift", -1.0, 1 / self.conversion - 1 if self.conversion > 0 else 0.0),
            ("again_uplift", -1.0, 1 / self.again - 1 if self.again > 0 else 1e6),
            ("window_days", 1, 730),
            ("settle_days", 0, 730),
        ):
            _within(name, getattr(self, name), low, high)


@dataclass(frozen=True, slots=True)
class Shoppers:
    """One draw of a shop; every array has one entry per unit, or per order.

    Attributes:
        entry: days since the start at which each unit entered, rising fractions of days.
        treated: whether each unit is in the treatment.
        order_unit: unit of each order.
        order_at: days since the start.
        items_minor: basket before discount.
        discount_minor: taken off.
        refund_at: days since the start; infinity where nothing was refunded.
        leaked: whether the order used a code of the other arm.
    """

    entry: _Floats
    treated: _Flags
    order_unit: _Ints
    order_at: _Floats
    items_minor: _Ints
    discount_minor: _Ints
    refund_at: _Floats
    leaked: _Flags

    @property
    def net_minor(self) -> _Ints:
        """Money kept of each order."""
        return np.where(np.isfinite(self.refund_at), 0, self.items_minor - self.discount_minor)


def draw(shop: Shop, seed: int | list[int]) -> Shoppers:
    """Draw all shoppers of a shop.

    Args:
        shop: how it behaves.
        seed: of numpy's default generator; the same seed gives the same shoppers.

    >>> one, same = draw(Shop(days=3), 7), draw(Shop(days=3), 7)
    >>> bool((one.order_at == same.order_at).all())
    True
    """
    rng = np.random.default_rng(seed)
    entry = _entries(shop, rng)
    treated = rng.random(entry.size) < 0.5  # noqa: PLR2004 - two equal arms
    buys = rng.random(entry.size) < shop.conversion * np.where(treated, 1 + shop.uplift, 1.0)
    first = np.flatnonzero(buys)
    first_at = entry[first] + rng.exponential(_LAG_DAYS, first.size)
    comes_back = rng.random(first.size) < shop.again * np.where(treated[first], 1 + shop.again_uplift, 1.0)
    wait = _waits(shop, rng, treated[first])
    unit = np.concatenate([first, first[comes_back]])
    at = np.concatenate([first_at, (first_at + wait)[comes_back]])
    return _with_money(shop, rng, entry, treated, unit, at)


def _entries(shop: Shop, rng: np.random.Generator) -> _Floats:
    rhythm = np.where(np.arange(shop.days) % WEEK >= WEEK - 2, shop.weekend_factor, 1.0)
    expected = shop.units_a_day * rhythm / rhythm.mean()
    counts = rng.poisson(expected)
    day = np.repeat(np.arange(shop.days), counts)
    return np.sort(day + rng.random(day.size))


def _waits(shop: Shop, rng: np.random.Generator, treated: _Flags) -> _Floats:
    """Days until the second order; moving an order inside the window adds none to it."""
    wait = rng.exponential(shop.again_days, treated.size)
    moved = treated & (wait <= shop.window_days)
    return np.where(moved, wait * (1 - shop.pull_forward), wait)


def _with_money(  # noqa: PLR0913, PLR0917 - the parts of a draw
    shop: Shop, rng: np.random.Generator, entry: _Floats, treated: _Flags, unit: _Ints, at: _Floats
) -> Shoppers:
    order = np.argsort(at, kind="stable")
    unit, at = unit[order], at[order]
    whale = (rng.random(entry.size) < shop.whale_share)[unit]
    basket = shop.basket_minor * np.exp(shop.basket_sigma * rng.standard_normal(unit.size))
    items = np.maximum(1, np.rint(basket * np.where(whale, _WHALE_FACTOR, 1.0))).astype(np.int64)
    leaked = ~treated[unit] & (rng.random(unit.size) < shop.leakage)
    discount = np.where(treated[unit] | leaked, np.floor(items * shop.discount_share), 0).astype(np.int64)
    back = rng.random(unit.size) < shop.refund_share
    refund_at = np.where(back, at + rng.exponential(_REFUND_LAG_DAYS, unit.size), math.inf)
    return Shoppers(entry, treated, unit, at, items, discount, refund_at, leaked)


def _within(name: str, value: Any, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; it must lie between {low:g} and {high:g}")
