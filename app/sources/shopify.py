"""What a Shopify webhook tells: orders, their changes, cancellations and refunds.

`order` has one id per order, so the first call of any topic brings the order and later ones its state.
"""

from collections.abc import Callable, Mapping
from typing import Any

from app.ledger.intake import Unfit
from app.ledger.money import currency_of, to_minor

Event = dict[str, Any]
Minor = Callable[[str], int | None]
PAID = frozenset({"paid", "partially_paid", "partially_refunded", "refunded"})
_GIVEN_BACK = frozenset({"refund", "void"})


def shopify_events(source: str, topic: str, document: Mapping[str, Any], received: str) -> list[Event]:
    """The events of one call, in order.

    Args:
        source: the source's name, part of every event id.
        topic: `X-Shopify-Topic`, for example `orders/create`.
        document: the body.
        received: the moment of receipt, RFC 3339, for what carries no time.

    Returns:
        None or more events; other topics tell nothing.

    Raises:
        Unfit: a field is missing or cannot be read; it is named.
    """
    area, _, action = topic.partition("/")
    if area == "refunds":
        return [_refund(source, document, received)]
    if area != "orders":
        return []
    state = _state(document)
    order_id, at = state["order_id"], document.get("created_at") or received
    events = [{**state, "type": "order", "event_id": f"shopify:{source}:{order_id}", "occurred_at": at}]
    changed = document.get("updated_at") or received
    if action != "create":
        update = {"type": "order_updated", "event_id": f"shopify:{source}:{order_id}:{changed}"}
        events.append({**state, **update, "occurred_at": changed})
    cancelled = document.get("cancelled_at") or (received if action in {"cancelled", "delete"} else None)
    if cancelled is not None:
        event_id = f"shopify:{source}:{order_id}:cancelled"
        events.append(
            {"type": "order_cancelled", "event_id": event_id, "order_id": order_id, "occurred_at": cancelled}
        )
    return events


def _state(document: Mapping[str, Any]) -> Event:
    currency = currency_of(document.get("currency"))

    def minor(field: str) -> int | None:
        return to_minor(document.get(field), currency, field)

    discount, tax = minor("total_discounts") or 0, minor("total_tax")
    shipping = _shipping(document, currency)
    state: Event = {
        "order_id": text_id(document, "id"),
        "currency": currency,
        "items_minor": _items(minor, discount, shipping + _added_tax(document, tax)),
        "discount_minor": discount,
        "shipping_minor": shipping,
        "paid": document.get("financial_status", "paid") in PAID,
        **people(document),
    }
    if tax is not None:
        state["tax_minor"] = tax
    codes = [str(code["code"]) for code in objects(document.get("discount_codes")) if code.get("code")]
    return {**state, "codes": codes} if codes else state


def _items(minor: Minor, discount: int, beside: int) -> int:
    """Goods before the discount: `total_line_items_price`, else what is left of the total."""
    found = minor("total_line_items_price")
    if found is not None:
        return int(found)
    total = minor("total_price")
    if total is None:
        raise Unfit("missing_field", "total_line_items_price: or total_price")
    return int(total) - beside + discount


def _shipping(document: Mapping[str, Any], currency: str) -> int:
    lines = objects(document.get("shipping_lines"))
    prices = [to_minor(line.get("price"), currency, "shipping_lines.price") or 0 for line in lines]
    return sum(prices)


def _added_tax(document: Mapping[str, Any], tax: int | None) -> int:
    return 0 if document.get("taxes_included") else tax or 0


def _refund(source: str, document: Mapping[str, Any], received: str) -> Event:
    done = [
        part
        for part in objects(document.get("transactions"))
        if part.get("kind") in _GIVEN_BACK and part.get("status", "success") == "success"
    ]
    currency = currency_of(next((part.get("currency") for part in done), document.get("currency")))
    amounts = [to_minor(part.get("amount"), currency, "transactions.amount") or 0 for part in done]
    refund_id = text_id(document, "id")
    return {
        "type": "refund",
        "event_id": f"shopify:{source}:refund:{refund_id}",
        "refund_id": refund_id,
        "order_id": text_id(document, "order_id"),
        "amount_minor": sum(amounts),
        "occurred_at": document.get("processed_at") or document.get("created_at") or received,
    }


# ---- shared with the other shops


def people(document: Mapping[str, Any]) -> Event:
    """Who ordered: the customer, and the visitor the storefront left in the order's attributes."""
    customer = document.get("customer")
    found: Event = {}
    if isinstance(customer, dict) and customer.get("id"):
        found["customer_id"] = str(customer["id"])
    for attribute in objects(document.get("note_attributes")):
        if attribute.get("name") == "visitor_id" and attribute.get("value"):
            found["visitor_id"] = str(attribute["value"])
    return found


def text_id(document: Mapping[str, Any], field: str) -> str:
    """An id, which shops send as a number.

    Raises:
        Unfit: it is missing.
    """
    value = document.get(field)
    if value is None or isinstance(value, bool | dict | list) or value == "":
        raise Unfit("missing_field", f"{field}: required")
    return str(value)


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; anything else is none."""
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
