"""A validated event → the columns it fills. What has no column of its own goes into `rest` as JSON."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from app.ledger import events
from app.ledger.events import MONEY_BOUND, Line, OrderState
from app.ledger.rows import SENT_MONEY

_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_COPIED: dict[type[events.Common], tuple[str, ...]] = {
    events.Exposure: ("experiment", "variant"),
    events.OrderCancelled: ("order_id",),
    events.Refund: ("refund_id", "order_id", "amount_minor", "margin_minor"),
    events.Identify: (),
    events.Referral: (),
    events.Custom: ("name", "value", "value_minor"),
}
_ORDER_COLUMNS = (
    "order_id",
    "currency",
    *SENT_MONEY,
    "paid",
)
_ORDER_REST = ("lines", "codes", "discounts", "fingerprints")


class MoneyOverflow(ValueError):  # noqa: N818 - says what is wrong with the order, not with us
    """The lines of an order add up beyond the bound of money."""


def content_of(event: events.Common, occurred_at_us: int) -> dict[str, Any]:
    """The content columns of an event, without those that are null.

    Raises:
        MoneyOverflow: the lines add up beyond 10^15.
    """
    given = {column: value for column, value in _BUILD[type(event)](event) if value is not None}
    return {"type": event.__struct_config__.tag, "occurred_at_us": occurred_at_us, **given}


_Pairs = Iterable[tuple[str, Any]]


def _copied(event: Any) -> _Pairs:
    return [(column, getattr(event, column)) for column in _COPIED[type(event)]]


def _exposure(event: events.Exposure) -> _Pairs:
    return [*_copied(event), ("rest", _rest(event, ("attributes",)))]


def _order(order: OrderState) -> _Pairs:
    pairs = [(column, getattr(order, column)) for column in _ORDER_COLUMNS]
    price_minor, cost_minor = line_sums(order.lines)
    return [
        *pairs,
        ("lines_price_minor", price_minor),
        ("lines_cost_minor", cost_minor),
        ("rest", _rest(order, _ORDER_REST)),
    ]


def _message_sent(event: events.MessageSent) -> _Pairs:
    return [("experiment", event.experiment), ("amount_minor", event.cost_minor)]


def _points(event: events.PointsEarned | events.PointsSpent) -> _Pairs:
    return [("value", event.points), ("value_minor", event.value_minor)]


def line_sums(lines: list[Line] | None) -> tuple[int | None, int | None]:
    """Σ quantity × price and Σ quantity × cost in minor units; both None unless every line has a cost.

    Raises:
        MoneyOverflow: a sum is over 10^15.

    >>> line_sums([Line(sku="coffee", quantity=2, price_minor=900, cost_minor=400)])
    (1800, 800)
    """
    if not lines or any(line.cost_minor is None for line in lines):
        return None, None
    price_minor = sum(line.quantity * line.price_minor for line in lines)
    cost_minor = sum(line.quantity * (line.cost_minor or 0) for line in lines)
    if max(price_minor, cost_minor) > MONEY_BOUND:
        raise MoneyOverflow(f"lines: they add up to more than {MONEY_BOUND} minor units")
    return price_minor, cost_minor


def order_rest(order: OrderState, instead: Mapping[str, Any]) -> str | None:
    """The JSON of an order's row with some fields replaced (None: left out)."""
    return _json({name: instead.get(name, getattr(order, name)) for name in _ORDER_REST})


def _rest(event: Any, fields: tuple[str, ...]) -> str | None:
    return _json({field: getattr(event, field) for field in fields})


def _json(fields: Mapping[str, Any]) -> str | None:
    present = {name: value for name, value in fields.items() if value}
    return _encode_sorted(present).decode() if present else None


_BUILD: dict[type[events.Common], Callable[[Any], _Pairs]] = {
    **dict.fromkeys(_COPIED, _copied),
    events.Exposure: _exposure,
    events.Order: _order,
    events.OrderUpdated: _order,
    events.MessageSent: _message_sent,
    events.PointsEarned: _points,
    events.PointsSpent: _points,
}
