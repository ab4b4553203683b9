"""Base rates from an order log; oracles: a plain loop over customers, statsmodels' Kaplan–Meier."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from stats.base_rates import OrderHistory, base_rates

WINDOW, FIRST, LAST = 20, 100, 189


def made_up(customers: int = 400) -> tuple[OrderHistory, dict[int, list[tuple[int, int]]]]:
    rng = np.random.default_rng(11)
    log = {
        name: sorted(
            (int(day), int(rng.integers(1, 900)) * 100)
            for day in rng.integers(FIRST, LAST + 1, rng.integers(1, 5))
        )
        for name in range(customers)
    }
    starts = np.cumsum([0, *(len(orders) for orders in log.values())])
    rows = np.array([order for orders in log.values() for order in orders])
    return OrderHistory(starts, rows[:, 0], rows[:, 1], FIRST, LAST), log


def test_sums_are_those_of_a_loop_over_customers() -> None:
    history, log = made_up()
    rates = base_rates(history, WINDOW, cap_minor=120_000)
    watched = [orders for orders in log.values() if orders[0][0] + WINDOW <= LAST]
    inside = [[o for o in orders if o[0] <= orders[0][0] + WINDOW] for orders in watched]
    assert rates.orders.tolist() == [len(orders) for orders in inside]
    money = [min(120_000, sum(amount for _, amount in orders)) for orders in inside]
    assert rates.money_minor.tolist() == money
    assert rates.buyers_a_day == len(watched) / (LAST - WINDOW - FIRST + 1)
    visitors = 50.0
    units = round(visitors * rates.entry_days)
    whole = np.concatenate([money, np.zeros(units - len(money))])
    found = rates.baseline("revenue_per_unit", visitors)
    assert found.mean == pytest.approx(whole.mean())
    assert found.sd == pytest.approx(whole.std(ddof=1))
    assert rates.baseline("conversion_rate", visitors).mean == pytest.approx(len(watched) / units)
    twice = sum(len(orders) > 1 for orders in inside)
    assert rates.baseline("repeat_buyers_per_unit", None).mean == pytest.approx(twice / len(watched))
    further = [sum(day > orders[0][0] for day, _ in orders) for orders in inside]
    planned = rates.baseline("orders_per_customer", None)
    assert planned.mean == pytest.approx(np.mean(further))
    assert planned.sd == pytest.approx(np.std(further, ddof=1))
    gaps = [b[0] - a[0] for orders in log.values() for a, b in pairwise(orders)]
    assert rates.median_gap_days == np.median([gap for gap in gaps if gap > 0])


def test_the_repeat_rate_is_kaplan_meier() -> None:
    history, log = made_up()
    times, happened = [], []
    for orders in log.values():
        later = [day - orders[0][0] for day, _ in orders if day > orders[0][0]]
        followed = min(LAST - orders[0][0], WINDOW)
        happened.append(bool(later) and later[0] <= followed)
        times.append(later[0] if happened[-1] else followed)
    curve = SurvfuncRight(np.array(times), np.array(happened, dtype=int))
    assert base_rates(history, WINDOW).repeat_rate == pytest.approx(1 - curve.surv_prob[-1], abs=1e-12)


def test_an_order_value_has_the_spread_of_the_delta_method() -> None:
    history, _ = made_up()
    rates = base_rates(history, WINDOW, cap_minor=10**9)
    x, y = rates.money_minor.astype(float), rates.orders.astype(float)
    ratio, moments = x.sum() / y.sum(), np.cov(x, y)
    variance = (moments[0, 0] - 2 * ratio * moments[0, 1] + ratio**2 * moments[1, 1]) / y.mean() ** 2
    per_buyer = rates.baseline("average_order_value", None)
    assert per_buyer.mean == pytest.approx(ratio)
    assert per_buyer.sd == pytest.approx(math.sqrt(variance))
    # visitors without an order only thin the buyers out
    spread, sd = rates.baseline("average_order_value", 100 * rates.buyers_a_day).sd, per_buyer.sd
    assert spread is not None
    assert sd is not None
    assert spread == pytest.approx(10 * sd)


def test_the_cap_is_the_second_largest_of_the_first_thousand() -> None:
    rng = np.random.default_rng(12)
    days = np.sort(rng.integers(0, 50, 1500))
    money = rng.integers(1, 10**6, 1500)
    history = OrderHistory(np.arange(1501), days, money, 0, 60)
    found = base_rates(history, 5)
    assert found.cap_minor == np.sort(money[:1000])[-2]
    assert base_rates(
        OrderHistory(np.arange(1501), days, money, 0, 60), 5, threshold_minor=10**6
    ).cap_minor == (3 * 10**6)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda rates: rates.baseline("conversion_rate", None), "units_a_day is missing"),
        (lambda rates: rates.baseline("conversion_rate", 0.5), "fewer than"),
        (lambda _: base_rates(made_up()[0], 90), "watched 90 days"),
        (lambda _: base_rates(made_up()[0], 0), "window_days"),
    ],
)
def test_what_a_log_cannot_say_is_refused(call: Any, said: str) -> None:
    rates = base_rates(made_up()[0], WINDOW)
    with pytest.raises(ValueError, match=said):
        call(rates)
