"""Discounts on certain lines of a cart: bundles, and stamp cards that count pieces. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from app.offers.carts import Line
from app.offers.discounts import Bundle, StampCard
from app.offers.exact import part_of, split
from app.offers.ready import Ready


class Taken(NamedTuple):
    """Pieces of one line, and what they cost at the moment."""

    place: int
    pieces: int
    amount: int


def name_of(line: Line) -> tuple[str, int, int, int, int]:
    """What decides ties between lines, whatever their order in the cart."""
    return line.sku, line.price_minor, line.quantity, line.discount_minor, line.pack_size


def line_discounts(
    ready: Ready, lines: Sequence[Line], amounts: Sequence[int], free: list[int], stamps: int
) -> list[int]:
    """The discount per line of an offer on certain lines.

    Args:
        ready: a bundle, or a stamp card that counts pieces.
        lines: of the cart.
        amounts: what each line costs now.
        free: pieces per line that no other such offer has used; those used here are taken away.
        stamps: pieces that got a stamp in earlier orders.
    """
    offer = ready.offer
    if isinstance(offer, Bundle):
        taken = _sets(offer, lines, amounts, free)
        cost = sum([part.amount for part in taken])
        if offer.price_minor is not None:
            sets = sum(part.pieces for part in taken) // len(offer.products)
            discount = max(0, cost - sets * offer.price_minor)
        else:
            discount = part_of(cost, ready.share) if ready.share is not None else 0
    else:
        taken = _stamped(offer, lines, amounts, free, stamps) if isinstance(offer, StampCard) else []
        discount = sum(part.amount for part in taken)
    if ready.cap_minor is not None:
        discount = min(discount, ready.cap_minor)
    if discount:
        for part in taken:
            free[part.place] -= part.pieces
    return _spread(discount, taken, lines)


def _sets(offer: Bundle, lines: Sequence[Line], amounts: Sequence[int], free: Sequence[int]) -> list[Taken]:
    """The pieces of all whole sets, the dearest of each product first."""
    places: dict[str, list[int]] = {sku: [] for sku in offer.products}
    for place, line in enumerate(lines):
        if line.sku in places and free[place]:
            places[line.sku].append(place)
    sets = min([sum([free[place] for place in found]) for found in places.values()])
    for found in places.values() if sets else ():
        found.sort(key=lambda place: (-lines[place].price_minor, name_of(lines[place])))
    return [part for found in places.values() for part in _take(sets, found, lines, amounts, free)]


def _stamped(
    offer: StampCard, lines: Sequence[Line], amounts: Sequence[int], free: Sequence[int], stamps: int
) -> list[Taken]:
    """The pieces that are free, the cheapest first."""
    wanted = offer.products
    found = [place for place, line in enumerate(lines) if wanted is None or line.sku in wanted]
    pieces = sum(lines[place].quantity for place in found)
    earned = (stamps + pieces) // offer.every - stamps // offer.every
    found.sort(key=lambda place: (lines[place].price_minor, name_of(lines[place])))
    return _take(earned, found, lines, amounts, free)


def _take(
    pieces: int, places: Sequence[int], lines: Sequence[Line], amounts: Sequence[int], free: Sequence[int]
) -> list[Taken]:
    """So many pieces from these lines in this order; a line's pieces cost the same."""
    taken = []
    for place in places:
        count = min(pieces, free[place])
        if count > 0:
            taken.append(Taken(place, count, amounts[place] * count // lines[place].quantity))
            pieces -= count
    return taken


def _spread(discount: int, taken: Sequence[Taken], lines: Sequence[Line]) -> list[int]:
    """The discount per line; only lines with a part of the offer get one."""
    found = [0] * len(lines)
    if discount:
        shares = split(discount, [part.amount for part in taken], lambda at: name_of(lines[taken[at].place]))
        for part, share in zip(taken, shares, strict=True):
            found[part.place] = share
    return found
