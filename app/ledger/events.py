"""The events the ledger takes, as strict schemas: one struct per type, told apart by `type`.

Unknown fields are refused. Money is integer minor units within ±10^15, so that a sum over 9,000 events of the
largest size still fits a signed 64-bit integer and JavaScript keeps every digit of each.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

MONEY_BOUND = 10**15
MAX_ID_LENGTH = 200
MAX_TEXT_LENGTH = 1000
MAX_ATTRIBUTES = 100
MAX_LINES = 1000
MAX_CODES = 100
MAX_QUANTITY = 1_000_000

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]
Text = Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset")]
Minor = Annotated[int, Meta(ge=0, le=MONEY_BOUND, description="minor units, for example kopecks")]
SignedMinor = Annotated[
    int, Meta(ge=-MONEY_BOUND, le=MONEY_BOUND, description="minor units, may be negative")
]
Whole = Annotated[int, Meta(ge=-MONEY_BOUND, le=MONEY_BOUND)]
Currency = Annotated[str, Meta(min_length=3, max_length=3, description="ISO 4217, for example RUB")]
Scalar = str | int | float | bool | None
Attributes = Annotated[dict[Id, Scalar | list[Scalar]], Meta(max_length=MAX_ATTRIBUTES)]


class Common(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """What every event carries.

    Attributes:
        event_id: unique for ever; UUIDv7 advised.
        occurred_at: when it happened.
        visitor_id: anonymous id, or None.
        customer_id: logged-in id, or None.
        customer_signature: hex HMAC-SHA256 of the customer id; needed from publishable keys.
    """

    event_id: Id
    occurred_at: Moment
    visitor_id: Id | None = None
    customer_id: Id | None = None
    customer_signature: Id | None = None


class Exposure(Common, tag="exposure"):
    """The unit reached the decision point and has this variant; attributes are frozen at the first one."""

    experiment: Id
    variant: Id
    attributes: Attributes | None = None


class Line(Struct, kw_only=True, forbid_unknown_fields=True):
    """One line of an order; price and cost are per piece, net of VAT for the cost."""

    sku: Id
    quantity: Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
    price_minor: Minor
    cost_minor: Minor | None = None


class Discount(Struct, kw_only=True, forbid_unknown_fields=True):
    """One part of an order's discount and where it came from: a code, an offer, or something else."""

    amount_minor: Minor
    code: Id | None = None
    offer: Id | None = None
    other: bool | Text | None = None


class Fingerprints(Struct, kw_only=True, forbid_unknown_fields=True):
    """Hashes made by the shop, to find clusters of self-referral."""

    payment: Id | None = None
    address: Id | None = None
    device: Id | None = None


class OrderState(Common):
    """The full state of an order; `items_minor` before the discount, `margin_minor` net of VAT before it."""

    order_id: Id
    currency: Currency
    items_minor: Minor
    discount_minor: Minor
    shipping_minor: Minor
    shipping_cost_minor: Minor | None = None
    tax_minor: Minor | None = None
    margin_minor: SignedMinor | None = None
    gift_cost_minor: Minor | None = None
    lines: Annotated[list[Line], Meta(max_length=MAX_LINES)] | None = None
    codes: Annotated[list[Id], Meta(max_length=MAX_CODES)] | None = None
    discounts: Annotated[list[Discount], Meta(max_length=MAX_CODES)] | None = None
    paid: bool = True
    fingerprints: Fingerprints | None = None


class Order(OrderState, tag="order"):
    """An order was placed."""


class OrderUpdated(OrderState, tag="order_updated"):
    """An order changed; this is its full new state."""


class OrderCancelled(Common, tag="order_cancelled"):
    """An order was cancelled; may arrive before it."""

    order_id: Id


class Refund(Common, tag="refund"):
    """Money went back for an order; may arrive before it."""

    refund_id: Id
    order_id: Id
    amount_minor: Minor
    margin_minor: SignedMinor | None = None


class Identify(Common, tag="identify"):
    """This visitor is this customer."""


class Custom(Common, tag="custom"):
    """Anything else worth counting."""

    name: Id
    value: Whole | None = None
    value_minor: SignedMinor | None = None


class MessageSent(Common, tag="message_sent"):
    """A message went to the unit; its cost counts against the experiment."""

    experiment: Id | None = None
    cost_minor: Minor | None = None


class PointsEarned(Common, tag="points_earned"):
    """Points were given; `value_minor` is what they owe."""

    points: Whole
    value_minor: SignedMinor


class PointsSpent(Common, tag="points_spent"):
    """Points were used; `value_minor` is what they paid."""

    points: Whole
    value_minor: SignedMinor


class Somebody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Somebody by an id whose kind is said: of a visitor or of a customer, not both."""

    visitor_id: Id | None = None
    customer_id: Id | None = None


class Referral(Common, tag="referral"):
    """Somebody invited somebody else.

    Attributes:
        referrer: who invited: an id, of a visitor or a customer as it turns out, or `{"customer_id": …}`.
        invited: who came, likewise.
    """

    referrer: Id | Somebody
    invited: Id | Somebody


Event = (
    Exposure
    | Order
    | OrderUpdated
    | OrderCancelled
    | Refund
    | Identify
    | Custom
    | MessageSent
    | PointsEarned
    | PointsSpent
    | Referral
)
PUBLISHABLE: tuple[type[Common], ...] = (Exposure, Custom)
"""What a key that sits in a browser may send."""
UNIT_OPTIONAL: tuple[type[Common], ...] = (OrderCancelled, Refund, Referral)
"""Belong to an order or name people themselves, so they need no id of a visitor or customer."""
