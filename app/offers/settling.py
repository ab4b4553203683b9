"""What a set of offers gives for one cart. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.offers.carts import Cart, History
from app.offers.discounts import StampCard
from app.offers.exact import part_of
from app.offers.lines import line_discounts
from app.offers.standing import Live


class Till:
    """A cart, added up.

    Attributes:
        cart: the cart.
        gross: per line, quantity × price.
        amounts: per line, after the shop's own discounts.
        total: sum of `amounts`: what thresholds compare with unless an offer takes something off a line.
        pieces: sum of quantity × pack size.
        on_lines: what was worked out of discounts on lines, by the offers that take them.
    """

    __slots__ = ("amounts", "cart", "gross", "on_lines", "pieces", "total")

    def __init__(self, cart: Cart) -> None:
        self.cart = cart
        self.gross = [line.quantity * line.price_minor for line in cart.lines]
        own = [line.discount_minor for line in cart.lines]
        self.amounts = [gross - mine for gross, mine in zip(self.gross, own, strict=True)]
        self.total = sum(self.amounts)
        self.pieces = sum([line.quantity * line.pack_size for line in cart.lines])
        self.on_lines: dict[tuple[int, ...], list[list[int] | None]] = {}


@dataclass(slots=True)
class Settled:
    """What a combination gives.

    Attributes:
        live: its offers.
        after: items after discounts on lines: what thresholds compare with.
        discounts: off the items, per offer.
        shipping: off the delivery, per offer.
        parts: per offer on certain lines (by its place), the discount per line.
        short: places of offers below their threshold.
    """

    live: Sequence[Live]
    after: int
    discounts: list[int]
    shipping: list[int]
    parts: dict[int, list[int]] = field(default_factory=dict)
    short: set[int] = field(default_factory=set)

    @property
    def money(self) -> int:
        """Off the items and the delivery together."""
        return sum(self.discounts) + sum(self.shipping)


def settle(live: Sequence[Live], till: Till, history: History, anyway: Sequence[Live] = ()) -> Settled:
    """Work out a combination: first discounts on lines, then thresholds, then sums and shares.

    Shares are taken of the items after discounts on lines, each by itself; together they never take more
    than there is. So the order of the offers does not matter; they are worked out by their keys.

    Args:
        live: offers that may apply together, sorted.
        till: the cart.
        history: of the shopper.
        anyway: deliveries that are free beside any other offer from their break-even on; those that apply
            and are not in the combination are appended to it.
    """
    parts, short = _on_lines(live, till, history) if any(one.ready.of_lines for one in live) else ({}, set())
    after = till.total - sum(map(sum, parts.values())) if parts else till.total
    if anyway:
        held = {id(one) for one in live}
        live = [*live, *(one for one in anyway if _is_free(one, after) and id(one) not in held)]
    left, delivery = after, till.cart.shipping_minor
    discounts, shipping = [], []
    for place, one in enumerate(live):
        discount = free = 0
        if one.ready.of_lines:
            discount = sum(parts.get(place, ()))
        elif after < one.minimum_minor and not _is_free(one, after):
            short.add(place)
        elif one.ready.kind == "free_delivery":
            free = _capped(delivery, one)
            delivery -= free
        else:
            discount = one.amount_minor if one.share is None else part_of(after, one.share)
            discount = min(_capped(discount, one), left)
            left -= discount
        discounts.append(discount)
        shipping.append(free)
    return Settled(live, after, discounts, shipping, parts, short)


def alone_money(one: Live, till: Till) -> int | None:
    """What an offer on the whole order gives by itself; None: the order is below its threshold."""
    total = till.total
    if total < one.minimum_minor:
        return None
    if one.ready.kind == "free_delivery":
        return _capped(till.cart.shipping_minor, one)
    amount = one.amount_minor if one.share is None else part_of(total, one.share)
    return min(_capped(amount, one), total)


def _capped(amount: int, one: Live) -> int:
    cap = one.ready.cap_minor
    return amount if cap is None or amount < cap else cap


def _is_free(one: Live, after: int) -> bool:
    return one.anyway_minor is not None and after >= one.anyway_minor


def _on_lines(live: Sequence[Live], till: Till, history: History) -> tuple[dict[int, list[int]], set[int]]:
    """Discounts on lines by the offer's place, and the places of such offers below their threshold."""
    places = [place for place, one in enumerate(live) if one.ready.of_lines]
    takers = [live[place] for place in places]
    key = tuple(map(id, takers))
    found = till.on_lines.get(key)
    if found is None:
        found = till.on_lines[key] = _taken(takers, till, history)
    parts = {place: taken for place, taken in zip(places, found, strict=True) if taken is not None}
    return parts, {place for place in places if place not in parts}


def _taken(takers: Sequence[Live], till: Till, history: History) -> list[list[int] | None]:
    """What each of these offers takes off each line after those before it; None: below its threshold."""
    lines, amounts, free = till.cart.lines, list(till.amounts), [line.quantity for line in till.cart.lines]
    found: list[list[int] | None] = []
    for one in takers:
        if till.total < one.minimum_minor:
            found.append(None)
            continue
        taken = line_discounts(one.ready, lines, amounts, free, _stamps(one, history))
        found.append(taken)
        amounts = [amount - mine for amount, mine in zip(amounts, taken, strict=True)]
    return found


def _stamps(one: Live, history: History) -> int:
    """What a stamp card of pieces had before; 0 where stamps mean nothing."""
    offer = one.ready.offer
    return (history.stamps_for(offer.products) or 0) if isinstance(offer, StampCard) else 0
