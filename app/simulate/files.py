"""One draw of shoppers as the files of `offerlab analyze events`."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from stats.shoppers import Shop, Shoppers, draw
from stats.studies import ARMS, KINDS, plan_of_shop

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
_MARGIN_SHARE = 0.35


def write_files(folder: Path, shop: Shop, seed: int, metric: str) -> list[str]:
    """Write exposures, orders, refunds and the plan.

    Args:
        folder: made if it is not there.
        shop: how shoppers behave.
        seed: the same seed gives the same bytes.
        metric: the primary metric of the plan.

    Returns:
        The paths written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shoppers = draw(shop, seed)
    exposures = _exposures(shop, shoppers, at_first_order=KINDS[metric] == "survival")
    return [
        _table(folder / "exposures.csv", ("unit_id", "variant", "occurred_at"), exposures),
        _table(folder / "orders.csv", _ORDER_COLUMNS, _orders(shoppers)),
        _table(
            folder / "refunds.csv",
            ("refund_id", "order_id", "occurred_at", "amount_minor"),
            _refunds(shoppers),
        ),
        _plan(folder / "plan.toml", shop, metric),
    ]


def _exposures(shop: Shop, shoppers: Shoppers, *, at_first_order: bool) -> Iterator[Sequence[object]]:
    """Visitors enter when they come; buyers, for tests that start at an order, with their first one."""
    units, entry = np.arange(shoppers.entry.size), shoppers.entry
    if at_first_order:
        units, place = np.unique(shoppers.order_unit, return_index=True)
        entry = shoppers.order_at[place]
    for unit, at in zip(units, entry, strict=True):
        if at < shop.days:
            yield f"u{unit}", ARMS[int(shoppers.treated[unit])], _moment(at)


_ORDER_COLUMNS = ("order_id", "unit_id", "occurred_at", "currency", "items_minor", "discount_minor")


def _orders(shoppers: Shoppers) -> Iterable[Sequence[object]]:
    columns = (shoppers.order_unit, shoppers.order_at, shoppers.items_minor, shoppers.discount_minor)
    for number, (unit, at, items, discount) in enumerate(zip(*columns, strict=True)):
        yield f"o{number}", f"u{unit}", _moment(at), "RUB", int(items), int(discount)


def _refunds(shoppers: Shoppers) -> Iterable[Sequence[object]]:
    paid = shoppers.items_minor - shoppers.discount_minor
    for number in np.flatnonzero(np.isfinite(shoppers.refund_at)):
        yield f"r{number}", f"o{number}", _moment(shoppers.refund_at[number]), int(paid[number])


def _table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return str(path)


def _plan(path: Path, shop: Shop, metric: str) -> str:
    last = START + timedelta(days=shop.days + shop.window_days + shop.settle_days)
    days = (
        f'{{key = "{metric}", days = {shop.window_days}}}' if metric.startswith("repeat") else f'"{metric}"'
    )
    path.write_text(
        f'control = "control"\nexperiment = "simulated"\ntimezone = "UTC"\nprimary = {days}\n'
        f"window_days = {shop.window_days}\nsettle_days = {shop.settle_days}\n"
        f'planned_units = {plan_of_shop(shop, metric).planned_units}\nlooks = "daily"\nlook_days = "weekly"\n'
        f'as_of = "{last.date().isoformat()}"\nstate = "stopped"\n'
        f'currency = "RUB"\nmargin_share = {_MARGIN_SHARE}\nvat_share = 0.0\ncost_per_exposure_minor = 0\n'
        "[weights]\ncontrol = 0.5\ntreatment = 0.5\n",
        encoding="utf-8",
    )
    return str(path)


def _moment(days: float) -> str:
    return (START + timedelta(days=float(days))).isoformat(timespec="microseconds")
