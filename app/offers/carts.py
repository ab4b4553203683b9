"""What a quote is about: a cart, and what the shop knows of the shopper's earlier orders. Pure."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct

from app.errors import Invalid
from app.ledger.currencies import CURRENCIES
from app.strict import LARGEST_MINOR, moment_us

MOST_LINES = 1000
Sku = Annotated[str, Meta(min_length=1, max_length=200)]
Amount = Annotated[int, Meta(ge=0, le=LARGEST_MINOR)]


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a cart.

    Attributes:
        sku: of the product.
        quantity: pieces.
        price_minor: of one piece.
        discount_minor: what the shop itself takes off this line.
        pack_size: of one piece, in the shop's unit (grams, pieces); for gifts by pack size.
        cost_minor: accepted as in order events; a quote does not look at it.
    """

    sku: Sku
    quantity: Annotated[int, Meta(ge=1, le=10**6)]
    price_minor: Amount
    discount_minor: Amount = 0
    pack_size: Annotated[int, Meta(ge=1, le=10**6)] = 1
    cost_minor: Amount | None = None


class Cart(Struct, frozen=True, forbid_unknown_fields=True):
    """A cart; all money in its currency.

    Attributes:
        currency: ISO 4217.
        lines: what is in it.
        shipping_minor: what delivery costs the shopper before any offer.
    """

    currency: Annotated[str, Meta(max_length=3)]
    lines: Annotated[list[Line], Meta(max_length=MOST_LINES)]
    shipping_minor: Amount = 0


def check_cart(cart: Cart) -> None:
    """Refuse a cart that cannot be.

    Raises:
        Invalid: naming the field.
    """
    if cart.currency not in CURRENCIES:
        raise Invalid(
            "must be an ISO 4217 code in capitals, for example RUB", "unknown_currency", "cart.currency"
        )
    total = cart.shipping_minor
    for place, line in enumerate(cart.lines):
        gross = line.quantity * line.price_minor
        if line.discount_minor > gross:
            field = f"cart.lines.{place}.discount_minor"
            raise Invalid("is more than the line", "discount_over_line", field)
        total += gross
    if total > LARGEST_MINOR:
        raise Invalid(f"adds up to more than {LARGEST_MINOR}", "cart_too_large", "cart.lines")


class History(NamedTuple):
    """What is known of the shopper's earlier orders; None: unknown.

    Attributes:
        orders_count: earlier paid orders.
        purchases_minor: their sum.
        last_order_at_us: when the last one was placed, microseconds since 1970 UTC.
        last_order_minor: its items after line discounts.
        stamps: pieces with a stamp so far.
        memberships: what the shopper is a member of.
        invited: somebody invited the shopper.
        friends_before: how many friends the one who invites had brought before.
        pieces: sku → pieces in earlier orders; None: unknown.
        vouches: a code may speak for the order that brought it: neither the request nor the ledger knows one.
    """

    orders_count: int | None = None
    purchases_minor: int | None = None
    last_order_at_us: int | None = None
    last_order_minor: int | None = None
    stamps: int | None = None
    memberships: frozenset[str] = frozenset()
    invited: bool | None = None
    friends_before: int | None = None
    pieces: Mapping[str, int] | None = None
    vouches: bool = True

    def stamps_for(self, skus: Collection[str] | None) -> int | None:
        """Pieces with a stamp so far: what the shop says or what its orders hold, whichever is more.

        Args:
            skus: whose pieces count; None: all.

        >>> History(stamps=2, pieces={"tea": 3, "jam": 9}).stamps_for(["tea"])
        3
        """
        if self.pieces is None:
            return self.stamps
        counted = sum(count for sku, count in self.pieces.items() if skus is None or sku in skus)
        return max(counted, self.stamps or 0)


NOTHING_KNOWN = History()


def history_of(attributes: Mapping[str, Any]) -> History:
    """The history that a request's attributes tell; what has another type counts as unknown.

    >>> history_of({"orders_count": 3, "invited": "yes"})[:2]
    (3, None)
    """
    if not attributes:
        return NOTHING_KNOWN
    members = attributes.get("memberships")
    invited = attributes.get("invited")
    last_order_us = _moment(attributes.get("last_order_at"))
    return History(
        _count(attributes, "orders_count"),
        _count(attributes, "purchases_minor"),
        last_order_us,
        _count(attributes, "last_order_minor"),
        _count(attributes, "stamps"),
        frozenset(one for one in members if isinstance(one, str))
        if isinstance(members, list)
        else frozenset(),
        invited if isinstance(invited, bool) else None,
        _count(attributes, "friends_before"),
        vouches=last_order_us is None,
    )


def _count(attributes: Mapping[str, Any], name: str) -> int | None:
    value = attributes.get(name)
    return value if type(value) is int and 0 <= value <= LARGEST_MINOR else None


def _moment(value: Any) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return moment_us(value)
    except (ValueError, OverflowError):
        return None
