"""One message of a Segment or RudderStack SDK as an event of the ledger.

Money comes as numbers or decimal texts in whole units and becomes minor units exactly, or not at all. What a
shop's clock says is corrected by `sentAt` where it is off by more than the time a request may take.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from app.clock import MICROSECONDS, isoformat, to_us
from app.ledger.events import MAX_QUANTITY, MONEY_BOUND
from app.ledger.intake import Unfit
from app.ledger.money import currency_of, to_minor

Message = Mapping[str, Any]
Event = dict[str, Any]
LATENCY_US = 5 * MICROSECONDS  # a smaller difference is the way here, not a wrong clock


def event_of(message: Message, sent_at: Any, now_us: int) -> Event | None:
    """The event a message stands for; None for one that says nothing to a ledger (a page view).

    Args:
        message: `type`, `event`, `properties`, `userId`, `anonymousId`, `messageId`, `timestamp` …
        sent_at: `sentAt` of the message or of its batch, or None.
        now_us: when the request came.

    Raises:
        Unfit: it should be stored and cannot be; names the field.
    """
    kind = str(message.get("type") or "")
    if kind == "identify":
        return _identify(message, message.get("anonymousId"), sent_at, now_us)
    if kind == "alias":
        return _identify(message, message.get("previousId"), sent_at, now_us)
    if kind != "track":
        return None
    name, properties = str(message.get("event") or ""), _object(message.get("properties"))
    made = _VOCABULARY.get(name, _custom)(name, properties)
    return {**made, **_common(message, sent_at, now_us)}


def _identify(message: Message, visitor: Any, sent_at: Any, now_us: int) -> Event | None:
    """Only both ids together tell who is who; a login without the anonymous id says nothing new."""
    if not visitor or not message.get("userId"):
        return None
    return {**_common(message, sent_at, now_us), "type": "identify", "visitor_id": _text(visitor)}


def _common(message: Message, sent_at: Any, now_us: int) -> Event:
    common: Event = {
        "event_id": _event_id(message, now_us),
        "occurred_at": isoformat(_moment(message, sent_at, now_us)),
    }
    for ours, theirs in (("visitor_id", "anonymousId"), ("customer_id", "userId")):
        if message.get(theirs) is not None:
            common[ours] = _text(message[theirs])
    signature = _object(message.get("context")).get("customer_signature")
    return {**common, "customer_signature": signature} if signature is not None else common


def _event_id(message: Message, now_us: int) -> Any:
    """The message's id; a short hook sends none, and is then known by what it says."""
    if message.get("messageId") is not None:
        return message["messageId"]
    name, properties = message.get("event"), _object(message.get("properties"))
    who = [message.get("anonymousId"), message.get("userId")]
    if name == "Experiment Viewed":
        said = [_exposure(name, properties), *who]
    elif properties.get("order_id") is not None and name in _VOCABULARY:
        said = [name, properties["order_id"], properties.get("refund_id")]
    else:
        said = [dict(message), now_us]
    return f"track-{hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:32]}"


def _moment(message: Message, sent_at: Any, now_us: int) -> int:
    stamped = message.get("originalTimestamp") or message.get("timestamp")
    if stamped is None:
        return now_us
    at_us, sent_us = _read_moment(stamped, "timestamp"), now_us
    if sent_at is not None:
        sent_us = _read_moment(sent_at, "sentAt")
    skew = now_us - sent_us
    return at_us + skew if abs(skew) > LATENCY_US else at_us


def _read_moment(value: Any, field: str) -> int:
    try:
        moment = datetime.fromisoformat(str(value))
        return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise Unfit("invalid", f"{field}: not a time, for example 2026-03-01T12:00:00Z") from None


# ---- the e-commerce vocabulary


def _exposure(_name: str, properties: Message) -> Event:
    variant = properties.get("variation_id", properties.get("variation_name"))
    return {
        "type": "exposure",
        "experiment": _text(properties.get("experiment_id", properties.get("experiment_name"))),
        "variant": _text(variant),
    }


def _order(name: str, properties: Message) -> Event:
    currency = currency_of(properties.get("currency"))

    def minor(field: str) -> int | None:
        return to_minor(properties.get(field), currency, field)

    discount, shipping, tax = minor("discount") or 0, minor("shipping") or 0, minor("tax")
    order: Event = {
        "type": "order_updated" if name == "Order Updated" else "order",
        "order_id": _text(properties.get("order_id")),
        "currency": currency,
        "items_minor": _items(properties, currency, minor, shipping + (tax or 0)) + discount,
        "discount_minor": discount,
        "shipping_minor": shipping,
    }
    if tax is not None:
        order["tax_minor"] = tax
    if properties.get("coupon"):
        order["codes"] = [_text(properties["coupon"])]
    lines = _lines(properties.get("products"), currency)
    return {**order, "lines": lines} if lines else order


def _items(properties: Message, currency: str, minor: Callable[[str], int | None], beside: int) -> int:
    """What the goods cost after the discount: `subtotal`, else `revenue`, else `total` without the rest."""
    for field in ("subtotal", "revenue"):
        found = minor(field)
        if found is not None:
            return found
    total = minor("total")
    if total is not None:
        return total - beside
    lines = _lines(properties.get("products"), currency)
    if lines:
        discount = minor("discount") or 0
        return sum(int(line["price_minor"]) * int(line["quantity"]) for line in lines) - discount
    value = minor("value")  # OpenFeature's tracking event has no other word for money
    if value is not None:
        return value
    raise Unfit("missing_field", "revenue: or subtotal, total or products with prices")


def _lines(products: Any, currency: str) -> list[Event]:
    """Lines where every product names a thing, a price and a whole quantity; else none."""
    lines = []
    for place, product in enumerate(products if isinstance(products, list) else []):
        found = _object(product)
        sku, quantity = found.get("sku") or found.get("product_id"), found.get("quantity", 1)
        if not sku or found.get("price") is None or not _is_quantity(quantity):
            return []
        price = to_minor(found["price"], currency, f"products[{place}].price")
        lines.append({"sku": _text(sku), "quantity": int(quantity), "price_minor": price})
    return lines


def _is_quantity(value: Any) -> bool:
    return isinstance(value, int | Decimal) and value == int(value) and 1 <= value <= MAX_QUANTITY


def _refund(_name: str, properties: Message) -> Event:
    currency = currency_of(properties.get("currency"))
    field = next((f for f in ("total", "revenue", "value") if properties.get(f) is not None), None)
    if field is None:
        raise Unfit("missing_field", "total: how much was given back")
    amount = to_minor(properties[field], currency, field)
    order_id = _text(properties.get("order_id"))
    refund: Event = {"type": "refund", "order_id": order_id, "amount_minor": amount}
    return {**refund, "refund_id": _text(properties.get("refund_id") or f"{order_id}:refund")}


def _cancelled(_name: str, properties: Message) -> Event:
    return {"type": "order_cancelled", "order_id": _text(properties.get("order_id"))}


def _custom(name: str, properties: Message) -> Event:
    value = properties.get("value")
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MONEY_BOUND
    return {"type": "custom", "name": name} | ({"value": value} if is_whole else {})


_VOCABULARY: dict[str, Callable[[str, Message], Event]] = {
    "Experiment Viewed": _exposure,
    "Order Completed": _order,
    "Order Updated": _order,
    "Order Refunded": _refund,
    "Order Cancelled": _cancelled,
}


# ---- reading values


def _text(value: Any) -> Any:
    """Numbers are ids to many shops."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _object(value: Any) -> Message:
    return value if isinstance(value, dict) else {}
