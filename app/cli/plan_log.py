"""Base rates of `offerlab plan` from the shop's own order log: which were taken, and from which days."""

from dataclasses import dataclass
from typing import Any

from app.clock import day_iso
from app.simulate.order_log import Period, read_log
from stats.base_rates import BaseRates, OrderHistory, base_rates

_WINDOW_DAYS = 30
_BUYERS_ONLY = ("repeat_purchase_rate", "orders_per_customer")


@dataclass(frozen=True)
class LogFindings:
    """What a log gave.

    Attributes:
        filled: options by name, with the log's values where none was given.
        document: the JSON object that says what was taken and what the log says besides.
        median_gap_days: median days between two orders of a customer.
    """

    filled: dict[str, Any]
    document: dict[str, Any]
    median_gap_days: float | None


def read_base_rates(given: dict[str, Any]) -> LogFindings | None:
    """Read `--orders` and fill the options that were not given; None without `--orders`.

    Raises:
        Invalid: the file, or a period of it, cannot be read.
        ValueError: the log cannot say what the metric needs.
    """
    if given["orders"] is None:
        alone = [name for name in ("since", "until", "cap_minor", "margin_share") if given[name] is not None]
        if alone:
            name = "from" if alone[0] == "since" else alone[0].replace("_", "-")
            raise ValueError(f"--{name} is about an order log; --orders is missing")
        return None
    since, until = (given[name] and given[name].date() for name in ("since", "until"))
    history = read_log(given["orders"], Period(since, until, given["timezone"])).history()
    window_days = _WINDOW_DAYS if given["window_days"] is None else given["window_days"]
    rates = base_rates(
        history, window_days, cap_minor=given["cap_minor"], threshold_minor=given["min_order_minor"]
    )
    taken = _taken(given, rates)
    filled = {name: taken.get(name, given[name]) for name in _FILLED} | {"window_days": window_days}
    filled["kind"] = given["kind"] or _baseline(given, rates).kind
    return LogFindings(filled, _document(given, history, rates, taken), rates.median_gap_days)


_FILLED = ("mean", "sd", "units_a_day", "orders_per_unit", "margin_minor")


def _visitors(given: dict[str, Any]) -> float | None:
    """Visitors a day, where the units are visitors: those whom the log cannot know."""
    visitors: float | None = given["units_a_day"]
    return None if given["metric"] in _BUYERS_ONLY else visitors


def _baseline(given: dict[str, Any], rates: BaseRates) -> Any:
    return rates.baseline(given["metric"], _visitors(given))


def _orders_per_unit(given: dict[str, Any], rates: BaseRates) -> float:
    """Orders that the offer could add to: a test of repeat purchase starts after the first one."""
    found = rates.orders_per_unit(_visitors(given))
    return found - 1 if given["metric"] in _BUYERS_ONLY else found


def _taken(given: dict[str, Any], rates: BaseRates) -> dict[str, float]:
    """The log's values of the options that were not given."""
    baseline = _baseline(given, rates)
    share = given["margin_share"]
    if share is not None and not 0 < share <= 1:
        raise ValueError(f"--margin-share is {share}; it must lie above 0 and at most 1")
    found = {
        "mean": baseline.mean,
        "sd": baseline.sd,
        "units_a_day": rates.buyers_a_day,
        "orders_per_unit": _orders_per_unit(given, rates),
        "margin_minor": None if share is None else share * rates.order_value_minor,
    }
    return {name: value for name, value in found.items() if value is not None and given[name] is None}


def _document(
    given: dict[str, Any], history: OrderHistory, rates: BaseRates, taken: dict[str, float]
) -> dict[str, Any]:
    visitors = _visitors(given)
    money = rates.per_unit(rates.money_minor, visitors)
    return {
        "metric": given["metric"],
        "unit": "buyer" if visitors is None else "visitor",
        "from": day_iso(history.first_day),
        "until": day_iso(history.last_day),
        "window_days": rates.window_days,
        "orders": int(history.days.size),
        "customers": int(history.starts.size - 1),
        "customers_watched": rates.buyers,
        "taken": {"control" if name == "mean" else name: value for name, value in taken.items()},
        "conversion_rate": None if visitors is None else rates.baseline("conversion_rate", visitors).mean,
        "orders_per_unit": _orders_per_unit(given, rates),
        "money_per_unit_minor": money[0],
        "money_sd_minor": money[1],
        "cap_minor": rates.cap_minor,
        "average_order_minor": rates.order_value_minor,
        "repeat_rate": rates.repeat_rate,
        "buyers_a_day": rates.buyers_a_day,
        "median_gap_days": rates.median_gap_days,
    }
