"""The CDNOW purchase log: 2,357 customers of an online shop, January 1997 to June 1998.

Source: Fader & Hardie's 1/10 sample, as it travels inside the PyPI package `lifetimes`. Only the data file is
read; the package is never imported. No offer was shown to these customers: this is an honest A/A test.
"""

import hashlib
import importlib.util
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

KEY = "cdnow"
SEED = hashlib.sha256(b"cdnow").hexdigest()[:16]
LAST_DAY = "1998-06-30"


class MissingData(Exception):  # noqa: N818 - reads better where it is caught
    """The data file is not installed; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """One order line of the log.

    Attributes:
        order_id: made from the line number.
        occurred_at: its date at noon UTC (the log has no times), later lines of a day some seconds later.
        items_minor: US cents.
        discs: number of CDs.
    """

    order_id: str
    occurred_at: datetime
    items_minor: int
    discs: int


def definition() -> dict[str, Any]:
    """The experiment: two variants that never differed."""
    return {
        "key": KEY,
        "name": "CDNOW 1997: an A/A test on real orders",
        "hypothesis": "Nothing differs between the variants: no offer was shown to these customers.",
        "unit": "visitor",
        "seed": SEED,
        "variants": [
            {"key": "a", "weight": 0.5, "control": True, "offer": None},
            {"key": "b", "weight": 0.5, "offer": None},
        ],
        "economics": {"currency": "USD", "margin_share": 0.25},
        "plan": {
            "primary": {"key": "repeat_purchase_rate", "days": 30},
            "window_days": 30,
            "secondary": [
                "repeat_buyers_per_unit",
                "orders_per_unit",
                "revenue_per_unit",
                "average_order_value",
            ],
            "alpha": 0.05,
            "power": 0.8,
            "mde": 0.2,
            "planned_units": 2300,
            "min_days": 14,
            "max_days": 84,
        },
        "starts_at": "1997-01-01T00:00:00+00:00",
        "timezone": "UTC",
    }


def log_file() -> Path:
    """Where the data file lies.

    Raises:
        MissingData: it is not installed.
    """
    spec = importlib.util.find_spec("lifetimes")
    path = Path(spec.origin).parent / "datasets" / "CDNOW_sample.txt" if spec and spec.origin else None
    if path is None or not path.exists():
        raise MissingData("the CDNOW log is not installed; run ./dev setup (requirements/demo.txt)")
    return path


def purchases() -> dict[str, list[Purchase]]:
    """Customer → purchases in time order."""
    found: dict[str, list[Purchase]] = defaultdict(list)
    with log_file().open(encoding="ascii") as file:
        for number, line in enumerate(file, start=1):
            _, customer, date, discs, dollars = line.split()
            found[f"cdnow-{customer}"].append(
                _purchase(number, date, discs, dollars, found[f"cdnow-{customer}"])
            )
    return {customer: sorted(rows, key=lambda row: row.occurred_at) for customer, rows in found.items()}


def _purchase(number: int, date: str, discs: str, dollars: str, earlier: list[Purchase]) -> Purchase:
    noon = datetime.strptime(date, "%Y%m%d").replace(hour=12, tzinfo=UTC)
    same_day = sum(1 for row in earlier if row.occurred_at.date() == noon.date())
    return Purchase(
        order_id=f"cdnow-{number:04d}",
        occurred_at=noon + timedelta(seconds=same_day),
        items_minor=int(Decimal(dollars) * 100),
        discs=int(discs),
    )


def events(customer: str, rows: list[Purchase], variant: str) -> Iterator[dict[str, Any]]:
    """What the shop would have sent: the exposure at the first order, then every order at its own date."""
    yield {
        "event_id": f"{customer}-exposure",
        "type": "exposure",
        "occurred_at": rows[0].occurred_at.isoformat(),
        "visitor_id": customer,
        "experiment": KEY,
        "variant": variant,
    }
    for row in rows:
        yield {
            "event_id": f"{row.order_id}-order",
            "type": "order",
            "occurred_at": row.occurred_at.isoformat(),
            "visitor_id": customer,
            "order_id": row.order_id,
            "currency": "USD",
            "items_minor": row.items_minor,
            "discount_minor": 0,
            "shipping_minor": 0,
        }
