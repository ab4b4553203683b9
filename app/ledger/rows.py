"""An event as the ledger stores it: its columns, its content hash, what became of it."""

import hashlib
from typing import Any, Final, Literal, NamedTuple

import msgspec

from app.ledger import referred
from app.ledger.referred import Referred
from app.ledger.veiled import NOTHING_VEILED, Veiled

CONTRADICTS_HASH: Final = 1
"""Flag: a trusted key says the unit was shown another variant than its hash gives."""
UNTRUSTED: Final = 2
"""Flag: came from a publishable key; never links a visitor to a customer."""

FORCED: Final = 4
"""Flag: quality assurance had pinned the unit to a variant; never analysed."""
BOT: Final = 8
"""Flag: a crawler was exposed; never analysed."""

HELD_BACK: Final = 16
"""Flag: exposed after a decision, as one of the share held back from it; analysed on."""

IDENTITY_COLUMNS: Final = ("seq", "event_id", "visitor", "customer", "received_at_us", "flags", "digest")
SENT_MONEY: Final = (
    "items_minor",
    "discount_minor",
    "shipping_minor",
    "shipping_cost_minor",
    "tax_minor",
    "margin_minor",
    "gift_cost_minor",
)
ORDER_MONEY: Final = (*SENT_MONEY, "lines_price_minor", "lines_cost_minor")  # the last two are our sums
CONTENT_COLUMNS: Final = (
    "type",
    "occurred_at_us",
    "experiment",
    "variant",
    "order_id",
    "refund_id",
    "currency",
    *ORDER_MONEY,
    "amount_minor",
    "value_minor",
    "value",
    "name",
    "paid",
    "rest",
)
COLUMNS: Final = IDENTITY_COLUMNS + CONTENT_COLUMNS
Row = tuple[Any, ...]
Identifier = referred.Identifier


class Item(NamedTuple):
    """One validated event on its way into the ledger.

    Attributes:
        event_id: unique for ever.
        visitor_id: text of the anonymous id, or None; leaves no trace but its number.
        customer_id: text of the logged-in id, or None.
        flags: `CONTRADICTS_HASH`, `UNTRUSTED`, `FORCED`, `BOT`, `HELD_BACK`.
        content: column → value, for the `CONTENT_COLUMNS` that have one.
        said_rest: `rest` as it was sent, where the stored one hides something; two deliveries are compared by
            what was sent.
        veiled: what is stored beside the row.
        referred: whom a referral names; they become numbers in `rest`.
    """

    event_id: str
    visitor_id: str | None
    customer_id: str | None
    flags: int
    content: dict[str, Any]
    said_rest: str | None = None
    veiled: Veiled = NOTHING_VEILED
    referred: Referred | None = None

    def said(self) -> dict[str, Any]:
        """The content as it was sent."""
        return self.content if self.said_rest is None else {**self.content, "rest": self.said_rest}

    def identifiers(self) -> list[Identifier]:
        """The ids whose numbers the row needs."""
        named: list[Identifier] = []
        if self.visitor_id is not None:
            named.append(("visitor", self.visitor_id))
        if self.customer_id is not None:
            named.append(("customer", self.customer_id))
        return named if self.referred is None else [*named, *self.referred.everybody()]


class Outcome(NamedTuple):
    """What became of one item.

    Attributes:
        status: `accepted` (a new row, committed), `duplicate` (it is there already) or `rejected`.
        code: why it was rejected: `conflict`, `order_conflict`, `refund_conflict`; else empty.
        detail: the same in words.
    """

    status: Literal["accepted", "duplicate", "rejected"]
    code: str = ""
    detail: str = ""


_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def content_digest(content: dict[str, Any], visitor: int | None, customer: int | None) -> bytes:
    """SHA-256 of what an event says: not its own id, not when it came, and people only as numbers.

    Two deliveries with equal digests say the same thing. Columns without a value are left out, so a column
    added later does not change the digest of older rows.

    >>> content_digest({"type": "identify"}, 1, 2) == content_digest({"type": "identify"}, 1, 3)
    False
    """
    return hashlib.sha256(_encode_sorted(content) + b"\n%d\n%d" % (visitor or 0, customer or 0)).digest()
