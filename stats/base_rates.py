"""Base rates of a shop from its own orders, read as a test would read them: what planning starts from.

A customer enters on the day of the first order of the period. Sums count the days 0 … window after it, of
customers who could be watched so long; the repeat rate is Kaplan–Meier's, so all customers count.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats.arguments import check_positive, check_whole
from stats.caps import CAP_BUYERS, nearest_rank_cap
from stats.one_look import Baseline
from stats.repeat_purchase import SurvivalCurve

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]
METRICS = (
    "conversion_rate",
    "orders_per_unit",
    "revenue_per_unit",
    "repeat_buyers_per_unit",
    "repeat_purchase_rate",
    "orders_per_customer",
    "average_order_value",
)
_FEWEST = 2


@dataclass(frozen=True)
class OrderHistory:
    """Orders of a period, sorted by customer and time.

    Attributes:
        starts: place of each customer's first order, and the number of orders at the end.
        days: shop day of each order.
        items_minor: basket of each order, minor units.
        first_day: first shop day of the period.
        last_day: last shop day of the period.
    """

    starts: _Ints
    days: _Ints
    items_minor: _Ints
    first_day: int
    last_day: int

    @property
    def lengths(self) -> _Ints:
        """Orders of each customer."""
        return np.diff(self.starts)

    @property
    def entry_day(self) -> _Ints:
        """Day of each customer's first order."""
        return self.days[self.starts[:-1]]

    @property
    def ages(self) -> _Ints:
        """Days since the customer's first order, per order."""
        return self.days - np.repeat(self.entry_day, self.lengths)


@dataclass(frozen=True)
class BaseRates:
    """What a window of days after the first order holds.

    Attributes:
        window_days: w.
        buyers: customers who could be watched w days.
        entry_days: days over which they entered.
        orders: orders of each of them within the window.
        further_orders: those of them on a later day than the first one.
        money_minor: money of each of them within the window, capped.
        cap_minor: the cap.
        order_value_minor: mean basket within the window, not capped.
        order_value_sd_minor: delta-method spread of it, per buyer.
        repeat_rate: share that orders again on days 1 … w, by Kaplan–Meier; None where undefined.
        buyers_at_risk: customers behind the repeat rate.
        median_gap_days: median days between two orders of a customer; None without a second order.
    """

    window_days: int
    buyers: int
    entry_days: int
    orders: _Ints
    further_orders: _Ints
    money_minor: _Ints
    cap_minor: int
    order_value_minor: float
    order_value_sd_minor: float
    repeat_rate: float | None
    buyers_at_risk: int
    median_gap_days: float | None

    @property
    def buyers_a_day(self) -> float:
        """New buyers a day."""
        return self.buyers / self.entry_days

    def per_unit(self, values: _Floats | _Ints, visitors_a_day: float | None) -> tuple[float, float]:
        """Mean and standard deviation per unit: per visitor where visitors are known, else per buyer."""
        units = self.units(visitors_a_day)
        mean = float(values.sum()) / units
        squares = float(((values - mean) ** 2).sum()) + (units - self.buyers) * mean**2
        return mean, math.sqrt(squares / (units - 1))

    def units(self, visitors_a_day: float | None) -> float:
        """Units that entered: visitors where they are known, else buyers.

        Raises:
            ValueError: fewer visitors than buyers.
        """
        if visitors_a_day is None:
            return float(self.buyers)
        check_positive(units_a_day=visitors_a_day)
        if visitors_a_day < self.buyers_a_day:
            raise ValueError(
                f"units_a_day is {visitors_a_day:g}, fewer than the {self.buyers_a_day:.4g} buyers a day "
                "of the log"
            )
        return visitors_a_day * self.entry_days

    def orders_per_unit(self, visitors_a_day: float | None) -> float:
        """Mean orders per visitor, or per buyer where visitors are not known."""
        return float(self.orders.sum()) / self.units(visitors_a_day)

    def baseline(self, metric: str, visitors_a_day: float | None) -> Baseline:
        """Control of a test on one metric of the catalogue.

        Args:
            metric: one of `METRICS`.
            visitors_a_day: visitors who enter a day, buying or not; None plans on buyers.

        Raises:
            ValueError: the log cannot say it (conversion without visitors), or has nobody to say it of.
        """
        if metric == "repeat_purchase_rate":
            return self._repeat()
        if metric == "orders_per_customer":
            return self._further()
        if metric == "average_order_value":
            return Baseline(self.order_value_minor, self._spread(visitors_a_day), "ratio")
        if metric == "revenue_per_unit":
            mean, sd = self.per_unit(self.money_minor, visitors_a_day)
            return Baseline(mean, sd, "mean")
        if metric == "orders_per_unit":
            mean, sd = self.per_unit(self.orders, visitors_a_day)
            return Baseline(mean, sd, "count")
        if metric == "conversion_rate" and visitors_a_day is None:
            raise ValueError("units_a_day is missing: an order log knows no visitors, conversion needs them")
        fewest = 1 if metric == "conversion_rate" else _FEWEST
        return Baseline(float((self.orders >= fewest).sum()) / self.units(visitors_a_day))

    def _repeat(self) -> Baseline:
        if self.repeat_rate is None or not 0.0 < self.repeat_rate < 1.0:
            raise ValueError("repeat_rate cannot be read from the log: nobody, or everybody, ordered again")
        return Baseline(self.repeat_rate, kind="repeat")

    def _further(self) -> Baseline:
        mean = float(self.further_orders.mean())
        if mean == 0.0:
            raise ValueError("orders_per_customer cannot be read from the log: nobody ordered again")
        return Baseline(mean, float(self.further_orders.std(ddof=1)), "count")

    def _spread(self, visitors_a_day: float | None) -> float:
        """The spread per unit: visitors without an order add nothing to a ratio, and thin it out."""
        return self.order_value_sd_minor * math.sqrt(self.units(visitors_a_day) / self.buyers)


def base_rates(
    history: OrderHistory, window_days: int, *, cap_minor: int | None = None, threshold_minor: int = 0
) -> BaseRates:
    """Read the base rates of a window.

    Args:
        history: the orders.
        window_days: w, ≥ 1.
        cap_minor: cap on a customer's money; None takes that of the first 1,000 customers, as the looks do.
        threshold_minor: largest order from which an offer holds: the cap stays above three times it.

    Raises:
        ValueError: under two customers could be watched so long.

    >>> days, items = np.array([0, 3, 1, 2, 9]), np.array([100, 300, 200, 400, 400])
    >>> found = base_rates(OrderHistory(np.array([0, 2, 3, 5]), days, items, 0, 9), 5)
    >>> found.buyers, found.entry_days, found.orders.tolist(), found.buyers_a_day, found.median_gap_days
    (3, 5, [2, 1, 1], 0.6, 5.0)
    >>> found.baseline("orders_per_customer", None).mean  # one of three ordered once more
    0.3333333333333333
    """
    check_whole(1, window_days=window_days)
    entry_days = history.last_day - window_days - history.first_day + 1
    watched = history.entry_day + window_days <= history.last_day
    buyers = int(watched.sum())
    if entry_days < 1 or buyers < _FEWEST:
        raise ValueError(
            f"the log has {buyers} customers who were watched {window_days} days; give it more days, or a "
            "shorter window"
        )
    counted = np.repeat(watched, history.lengths) & (history.ages <= window_days)
    orders = _sums(history, counted.astype(np.int64))[watched]
    further = _sums(history, (counted & (history.ages > 0)).astype(np.int64))[watched]
    money = _sums(history, np.where(counted, history.items_minor, 0))[watched]
    cap = cap_minor or _cap(history.entry_day[watched], money, threshold_minor)
    curve = _curve(history, window_days)
    arm = curve.arm()
    value, spread = _order_value(orders, money)
    return BaseRates(
        window_days=window_days,
        buyers=buyers,
        entry_days=entry_days,
        orders=orders,
        further_orders=further,
        money_minor=np.minimum(money, cap),
        cap_minor=cap,
        order_value_minor=value,
        order_value_sd_minor=spread,
        repeat_rate=None if arm is None else arm.mean,
        buyers_at_risk=curve.units,
        median_gap_days=_median_gap(history),
    )


def _sums(history: OrderHistory, values: _Ints) -> _Ints:
    return np.add.reduceat(values, history.starts[:-1])


def _cap(entry_day: _Ints, money: _Ints, threshold_minor: int) -> int:
    first = np.argsort(entry_day, kind="stable")[:CAP_BUYERS]
    return nearest_rank_cap(money[first].tolist(), threshold_minor)


def _order_value(orders: _Ints, money: _Ints) -> tuple[float, float]:
    """Σx / Σy and the spread of (x − R·y) / mean of y, per buyer."""
    ratio = float(money.sum()) / float(orders.sum())
    residual = money - ratio * orders
    return ratio, math.sqrt(float((residual**2).sum()) / (orders.size - 1)) / float(orders.mean())


def _curve(history: OrderHistory, window_days: int) -> SurvivalCurve:
    """First orders on a later day than the first one, of all customers, as far as each was watched."""
    ages, never = history.ages, np.iinfo(np.int64).max
    again = np.minimum.reduceat(np.where(ages > 0, ages, never), history.starts[:-1])
    followed = np.minimum(history.last_day - history.entry_day, window_days)
    happened = again <= followed
    each = np.arange(1, window_days + 1)
    left = np.bincount(np.where(happened, again, followed) + 1, minlength=window_days + 2)
    at_risk = followed.size - np.cumsum(left)[each]
    events = np.bincount(again[happened], minlength=window_days + 1)[each]
    return SurvivalCurve(int((followed > 0).sum()), at_risk, events)


def _median_gap(history: OrderHistory) -> float | None:
    """Over pairs of orders of a customer on different days."""
    same = np.ones(history.days.size, dtype=np.bool_)
    same[history.starts[:-1]] = False
    gaps = np.diff(history.days, prepend=0)[same]
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if gaps.size else None
