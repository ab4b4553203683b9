"""Names of metrics and one line that says what each counts."""

from dashboards.wording.language import Words, mark

_NAMES = {
    "conversion_rate": mark("conversion"),
    "orders_per_unit": mark("orders per visitor"),
    "revenue_per_unit": mark("revenue per visitor"),
    "discount_per_unit": mark("discount per visitor"),
    "profit_per_unit": mark("profit per visitor"),
    "new_customers_per_unit": mark("new customers per visitor"),
    "repeat_buyers_per_unit": mark("repeat buyers"),
    "repeat_purchase_rate": mark("repeat purchase"),
    "orders_per_customer": mark("orders per customer"),
    "redemption_rate": mark("codes used"),
    "unsubscribe_rate": mark("unsubscribes"),
    "average_order_value": mark("average order value"),
    "redemptions_per_redeemer": mark("uses per redeemer"),
    "full_price_share": mark("full-price share"),
    "refund_rate": mark("refund rate"),
}

_EXPLANATIONS = {
    "conversion_rate": mark("Share of visitors with at least one order in their first %(days)s days."),
    "orders_per_unit": mark("Orders in the first %(days)s days, over all visitors who saw the offer."),
    "revenue_per_unit": mark(
        "Goods sold minus discounts and refunds in the first %(days)s days, over all visitors."
    ),
    "discount_per_unit": mark(
        "Discount given in the first %(days)s days, over all visitors; less is better."
    ),
    "profit_per_unit": mark(
        "Goods margin minus discounts, gifts, delivery and refunds in the first %(days)s days, "
        "over all visitors."
    ),
    "new_customers_per_unit": mark("First-time customers won in %(days)s days, over all visitors."),
    "repeat_buyers_per_unit": mark(
        "Share of all visitors who ordered on two different days of their first %(days)s days."
    ),
    "repeat_purchase_rate": mark(
        "Share of buyers who order again within %(days)s days after the order that entered them."
    ),
    "orders_per_customer": mark("Further orders in the %(days)s days after the first, per customer."),
    "redemption_rate": mark("Share of visitors who used their code within %(days)s days."),
    "unsubscribe_rate": mark(
        "Share of visitors who left the mailing list within %(days)s days; less is better."
    ),
    "average_order_value": mark(
        "Revenue divided by orders. The offer changes who orders, so this explains and never decides."
    ),
    "redemptions_per_redeemer": mark("Uses of a code, among those who used it. Explains and never decides."),
    "full_price_share": mark("Share of orders without a discount. Explains and never decides."),
    "refund_rate": mark("Share of orders that came back. Explains and never decides."),
}


def metric_name(words: Words, key: str) -> str:
    """A metric's name as it stands inside a sentence; an unknown key (`custom:…`) names itself."""
    return words.gettext(_NAMES[key]) if key in _NAMES else key.removeprefix("custom:").replace("_", " ")


def metric_title(words: Words, key: str) -> str:
    """A metric's name as a heading, first letter raised."""
    name = metric_name(words, key)
    return name[:1].upper() + name[1:]


def metric_explanation(words: Words, key: str, window_days: int) -> str:
    """What the metric counts, in one line; empty for an unknown key."""
    message = _EXPLANATIONS.get(key)
    return "" if message is None else words.gettext(message, days=words.formats.number(window_days))
