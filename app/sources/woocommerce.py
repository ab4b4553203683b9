"""What a WooCommerce webhook tells: the whole order each time, with its refunds.

Delivery ids are not unique there, so events are known by the order and its last change.
"""

from collections.abc import Mapping
from typing import Any

from app.ledger.money import currency_of, to_minor
from app.sources.shopify import objects, text_id

Event = dict[str, Any]
PAID = frozenset({"processing", "completed", "refunded"})
OVER = frozenset({"cancelled", "failed", "trash"})


def woocommerce_events(source: str, topic: str, document: Mapping[str, Any], received: str) -> list[Event]:
    """The events of one call, in order.

    Args:
        source: the source's name, part of every event id.
        topic: `X-WC-Webhook-Topic`, for example `order.updated`.
        document: the body.
        received: the moment of receipt, RFC 3339.

    Returns:
        None or more events; other topics tell nothing.

    Raises:
        Unfit: a field is missing or cannot be read; it is named.
    """
    area, _, action = topic.partition(".")
    if area != "order":
        return []
    order_id = text_id(document, "id")
    prefix = f"woocommerce:{source}:{order_id}"
    changed = _utc(document, "date_modified_gmt") or received
    cancelled = {"type": "order_cancelled", "event_id": f"{prefix}:cancelled", "order_id": order_id}
    if action == "deleted":
        return [{**cancelled, "occurred_at": received}]
    state, at = _state(document, order_id), _utc(document, "date_created_gmt") or received
    events = [{**state, "type": "order", "event_id": prefix, "occurred_at": at}]
    if action != "created":
        update = {"type": "order_updated", "event_id": f"{prefix}:{changed}", "occurred_at": changed}
        events.append({**state, **update})
    events += [_refund(prefix, order_id, part, state["currency"], changed) for part in _refunds(document)]
    if document.get("status") in OVER:
        events.append({**cancelled, "occurred_at": changed})
    return events


def _state(document: Mapping[str, Any], order_id: str) -> Event:
    currency = currency_of(document.get("currency"))

    def minor(*fields: str) -> int:
        return sum(to_minor(document.get(field), currency, field) or 0 for field in fields)

    discount = minor("discount_total", "discount_tax") or minor("total_discounts")
    shipping = minor("shipping_total", "shipping_tax")
    total = minor("total") or minor("total_price")
    state: Event = {
        "order_id": order_id,
        "currency": currency,
        "items_minor": _items(document, currency) or total - shipping + discount,
        "discount_minor": discount,
        "shipping_minor": shipping,
        "paid": document.get("status", "completed") in PAID,
        **_people(document),
    }
    if document.get("total_tax") is not None:
        state["tax_minor"] = minor("total_tax")
    codes = [str(code["code"]) for code in objects(document.get("coupon_lines")) if code.get("code")]
    return {**state, "codes": codes} if codes else state


def _items(document: Mapping[str, Any], currency: str) -> int:
    """Goods before the discount with their tax; 0 where the order lists none."""
    lines = objects(document.get("line_items"))
    return sum(
        to_minor(line.get(field), currency, f"line_items.{field}") or 0
        for line in lines
        for field in ("subtotal", "subtotal_tax")
    )


def _refunds(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part for part in objects(document.get("refunds")) if part.get("id") is not None]


def _refund(prefix: str, order_id: str, part: Mapping[str, Any], currency: str, changed: str) -> Event:
    """Refunds carry a negative total and no time of their own."""
    refund_id = text_id(part, "id")
    return {
        "type": "refund",
        "event_id": f"{prefix}:refund:{refund_id}",
        "refund_id": refund_id,
        "order_id": order_id,
        "amount_minor": abs(to_minor(part.get("total"), currency, "refunds.total") or 0),
        "occurred_at": changed,
    }


def _people(document: Mapping[str, Any]) -> Event:
    found: Event = {}
    if document.get("customer_id"):  # 0 is a guest
        found["customer_id"] = str(document["customer_id"])
    for entry in objects(document.get("meta_data")):
        if entry.get("key") in {"visitor_id", "_visitor_id"} and entry.get("value"):
            found["visitor_id"] = str(entry["value"])
    return found


def _utc(document: Mapping[str, Any], field: str) -> str | None:
    """Their times in UTC carry no zone."""
    value = document.get(field)
    return f"{value}Z" if isinstance(value, str) and value and not value.endswith("Z") else value
