"""What a quote says: results only, in the form in which the door sends them."""

from msgspec import Struct


class QuotedLine(Struct):
    """A line after all offers: `total_minor` is what is left to pay for it."""

    sku: str
    quantity: int
    price_minor: int
    own_discount_minor: int
    discount_minor: int
    total_minor: int


class GiftLine(Struct):
    """A product on top; `cost_minor` is what all pieces cost the shop, null where unknown."""

    sku: str
    quantity: int
    cost_minor: int | None


class PointsEarned(Struct):
    """Points of this order; `liability_minor` is what they are worth, null where unknown."""

    points: int
    liability_minor: int | None
    spendable_after_days: int
    expires_after_days: int | None


class Reward(Struct):
    """Something for later, once this order is paid.

    Attributes:
        type: `next_order_percent`, `next_order_amount`, `cashback`, `referrer`, `partner_voucher`, `content`
            or `custom`.
        percent: off the next order, or null.
        amount_minor: sum of money, or null.
        valid_days: days after this order, or null: no end.
        spendable_after_days: days until it may be used.
        name: of the partner or of the content, or null.
    """

    type: str
    percent: float | None = None
    amount_minor: int | None = None
    valid_days: int | None = None
    spendable_after_days: int = 0
    name: str | None = None


class Applied(Struct):
    """An offer that applies.

    Attributes:
        experiment: key of its experiment.
        variant: key of its variant; null: the fallback.
        kind: of the offer.
        code: the code it came with, or null.
        discount_minor: off the items.
        shipping_discount_minor: off the delivery.
        line_discounts_minor: `discount_minor` per line, in the order of the cart.
        gifts: products on top.
        points: earned, or null.
        rewards: for later.
    """

    experiment: str
    variant: str | None
    kind: str
    code: str | None
    discount_minor: int
    shipping_discount_minor: int
    line_discounts_minor: list[int]
    gifts: list[GiftLine]
    points: PointsEarned | None
    rewards: list[Reward]


class Blocked(Struct):
    """An offer or a code that does not apply, and why.

    Attributes:
        experiment: key of its experiment; null: the code belongs to none that is known.
        variant: key of its variant, or null.
        kind: of the offer, or null.
        code: the code it came with, or null.
        reason: one of the list in docs/offers.md.
        by: experiments whose offers apply in its place (`stacking`).
        missing_minor: what the items lack (`below_minimum`), or null.
    """

    experiment: str | None
    variant: str | None
    kind: str | None
    code: str | None
    reason: str
    by: list[str]
    missing_minor: int | None


class Missing(Struct):
    """What is missing to the nearest threshold: "380 ₽ more for free delivery".

    Attributes:
        experiment: whose offer; `variant` and `kind` likewise.
        variant: null: the fallback.
        kind: of the offer.
        minimum_minor: the threshold.
        missing_minor: how much more the items must be.
        text: the sentence in English (`en`) and Russian (`ru`).
    """

    experiment: str
    variant: str | None
    kind: str
    minimum_minor: int
    missing_minor: int
    text: dict[str, str]


class HistoryUsed(Struct):
    """Where a quote has the shopper's earlier orders from.

    Attributes:
        source: `ledger` (the orders that the shop sent, and what the request says) or `request` (only that).
        reason: why the ledger was not asked: `database_away`; null where it was.
    """

    source: str
    reason: str | None


class Quote(Struct):
    """What applies to a cart. Everything is in minor units of `currency`.

    Attributes:
        currency: of the cart.
        items_minor: quantity × price over all lines.
        own_discount_minor: what the shop itself takes off its lines.
        discount_minor: what the offers take off the items; the sum over the lines, and over `applied`.
        shipping_minor: delivery before offers.
        shipping_discount_minor: what the offers take off it.
        total_minor: items − own discount − discount + shipping − shipping discount.
        lines: in the order of the cart.
        applied: in the order of the experiments' keys.
        blocked: likewise.
        missing: to the nearest threshold; null: none is near.
        history: where earlier orders are known from; null: no offer of the shopper asks for them.
    """

    currency: str
    items_minor: int
    own_discount_minor: int
    discount_minor: int
    shipping_minor: int
    shipping_discount_minor: int
    total_minor: int
    lines: list[QuotedLine]
    applied: list[Applied]
    blocked: list[Blocked]
    missing: Missing | None
    history: HistoryUsed | None = None
