"""Names of metrics and one line that says what each counts."""

import re

from dashboards.wording.language import Words, mark

_CUSTOM = "custom:"
_LABEL_ENDS = re.compile(r"(\[.*\])?:\d+(#lo|#hi)?$")

_NAMES = {
    "conversion_rate": mark("conversion"),
    "orders_per_unit": mark("orders per visitor"),
    "revenue_per_unit": mark("revenue per visitor"),
    "discount_per_unit": mark("discount per visitor"),
    "profit_per_unit": mark("profit per visitor"),
    "new_customers_per_unit": mark("new customers per visitor"),
    "sku_orders_per_unit": mark("orders with the product per visitor"),
    "repeat_buyers_per_unit": mark("repeat buyers"),
    "repeat_purchase_rate": mark("repeat purchase"),
    "orders_per_customer": mark("further orders per customer"),
    "redemption_rate": mark("codes used"),
    "unsubscribe_rate": mark("unsubscribes"),
    "average_order_value": mark("average order value"),
    "redemptions_per_redeemer": mark("uses per redeemer"),
    "full_price_share": mark("full-price share"),
    "refund_rate": mark("refund rate"),
    "threshold_bunching": mark("share of orders just above the threshold"),
}
# metrics that count what the plan names
_NAMED = {
    "sku_orders_per_unit": mark("orders with “%(what)s” per visitor"),
    "count": mark("“%(what)s” per visitor"),
    "sum": mark("value of “%(what)s” per visitor"),
    "sum_minor": mark("money of “%(what)s” per visitor"),
}
_NAMED_EXPLANATIONS = {
    "sku_orders_per_unit": mark("Orders that hold “%(what)s” in the first %(days)s days, over all visitors."),
    "share": mark("Share of visitors with at least one event “%(what)s” in their first %(days)s days."),
    "count": mark("Events “%(what)s” in the first %(days)s days, over all visitors."),
    "sum": mark("Sum of the values of “%(what)s” in the first %(days)s days, over all visitors."),
    "sum_minor": mark("Money of the events “%(what)s” in the first %(days)s days, over all visitors."),
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
    "sku_orders_per_unit": mark(
        "Orders that hold the product in the first %(days)s days, over all visitors."
    ),
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
    "threshold_bunching": mark(
        "Share of orders in the tenth above the threshold: baskets filled up to reach it. "
        "Explains and never decides."
    ),
}


def metric_name(words: Words, key: str, about: str | None = None) -> str:
    """A metric's name as it stands inside a sentence.

    Args:
        words: the language.
        key: of the metric; an unknown one names itself.
        about: what it counts (see `stats.plan.Metric.about`).

    >>> from dashboards.wording.language import words_for
    >>> metric_name(words_for("en"), "custom:opened", "count")
    '“opened” per visitor'
    """
    what, message = _named(_NAMED, key, about)
    if message is not None:
        return words.gettext(message, what=what)
    return words.gettext(_NAMES[key]) if key in _NAMES else key.removeprefix(_CUSTOM).replace("_", " ")


def metric_title(words: Words, key: str, about: str | None = None) -> str:
    """A metric's name as a heading, first letter raised."""
    name = metric_name(words, key, about)
    return name[:1].upper() + name[1:]


def metric_explanation(words: Words, key: str, window_days: int, about: str | None = None) -> str:
    """What the metric counts, in one line; empty for an unknown key."""
    days = words.formats.number(window_days)
    what, named = _named(_NAMED_EXPLANATIONS, key, about)
    if named is not None:
        return words.gettext(named, days=days, what=what)
    message = _EXPLANATIONS.get(key)
    return "" if message is None else words.gettext(message, days=days)


def key_of(label: str) -> str:
    """The key in a metric's label, `key:window` or `key[about]:window`; a key is its own.

    >>> key_of("custom:opened[count]:30"), key_of("profit_per_unit:30#lo"), key_of("custom:opened")
    ('custom:opened', 'profit_per_unit', 'custom:opened')
    """
    return _LABEL_ENDS.sub("", label)


def _named(messages: dict[str, str], key: str, about: str | None) -> tuple[str, str | None]:
    """What the plan named, and the message that says so; None for metrics that count nothing named."""
    if key.startswith(_CUSTOM):
        return key.removeprefix(_CUSTOM).replace("_", " "), messages.get(about or "share")
    return about or "", None if about is None else messages.get(key)
