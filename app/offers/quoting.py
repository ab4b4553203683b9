"""`quote`: which offers apply to a cart, what they take off each line, what was blocked and why. Pure."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from app.offers.carts import NOTHING_KNOWN, Cart, History
from app.offers.combinations import allowed, may_combine
from app.offers.earning import Earned, Order, earned, earns
from app.offers.exact import split
from app.offers.lines import name_of
from app.offers.quotes import Applied, Blocked, Missing, Quote, QuotedLine
from app.offers.ready import Ready
from app.offers.settling import Settled, Till, alone_money, settle
from app.offers.shortfall import missing
from app.offers.standing import Live, stand

UNKNOWN_CODE = "unknown_code"
_BY_KEY = attrgetter("key")


class KnownCode(NamedTuple):
    """A code of the request, as the domain of codes knows it.

    Attributes:
        code: as it was sent.
        ready: the offer it belongs to, whoever sends it; None: unknown.
        refusal: why this shopper may not use it now (`spent`, `expired`, …); None: it may be used.
    """

    code: str
    ready: Ready | None
    refusal: str | None


def quote(
    cart: Cart,
    offers: Iterable[Ready],
    now_us: int,
    history: History = NOTHING_KNOWN,
    codes: Sequence[KnownCode] = (),
) -> Quote:
    """The best allowed combination of offers for a cart.

    Best is what takes most off the items and the delivery together; of equal ones, what brings more of known
    worth later; of equal ones again, the first by the experiments' keys.

    Args:
        cart: as of `check_cart`.
        offers: those of the variants the shopper is in; the order does not matter.
        now_us: the present moment, microseconds since 1970 UTC.
        history: of the shopper.
        codes: of the request. An offer that needs a code applies only with one.
    """
    till = Till(cart)
    blocked: list[Blocked] = []
    competing: list[Live] = []
    beside: list[Live] = []
    for ready in _with_codes(offers, codes, blocked):
        live = stand(ready, cart.currency, till.pieces, history, now_us)
        if isinstance(live, str):
            blocked.append(_blocked(ready, live))
        else:
            (competing if ready.competes else beside).append(live)
    best = _choose(competing, till, history)
    return _written(till, best, competing, beside, blocked, history)


def _with_codes(offers: Iterable[Ready], codes: Sequence[KnownCode], blocked: list[Blocked]) -> list[Ready]:
    """The offers in the order of their keys; one that came with a code takes the place of its variant's."""
    usable: dict[str, Ready] = {}
    for known in codes:
        if known.ready is not None and known.refusal is None:
            usable[known.code] = known.ready
        else:
            blocked.append(_blocked(known.ready, known.refusal or UNKNOWN_CODE, code=known.code))
    if not usable:
        return sorted(offers, key=_BY_KEY)
    brought = {(ready.experiment, ready.variant) for ready in usable.values()}
    kept = [ready for ready in offers if (ready.experiment, ready.variant) not in brought]
    return sorted([*kept, *usable.values()], key=_BY_KEY)


class _Leader:
    """The best combination so far."""

    def __init__(self, found: Settled, rank: tuple[int, int, int]) -> None:
        self.rank = rank
        self.keys: list[tuple[str, str, str]] | None = None
        self.live: Sequence[Live] = ()
        self.settled: Settled | None = found

    def challenge(self, live: Sequence[Live], rank: tuple[int, int, int], settled: Settled | None) -> None:
        """Take the lead where it is better, or equal and first by the keys."""
        if rank < self.rank or (rank == self.rank and self.keys is None):
            return
        keys = [one.ready.key for one in live]
        if rank > self.rank or (self.keys is not None and keys < self.keys):
            self.live, self.rank, self.keys, self.settled = live, rank, keys, settled


def _choose(competing: Sequence[Live], till: Till, history: History) -> Settled:
    anyway = [one for one in competing if one.anyway_minor is not None]
    nothing = settle((), till, history, anyway)
    leader = _Leader(nothing, _rank(nothing, till, history))
    involved = []
    for one in competing:
        if anyway or one.ready.partners or one.ready.of_lines:
            involved.append(one)
            continue
        money = alone_money(one, till)
        if money is None or money < leader.rank[0]:
            continue
        if earns(one):
            involved.append(one)
        elif money:
            leader.challenge((one,), (money, 0, 1), None)
    for live in allowed(involved):
        found = settle(live, till, history, anyway)
        if found.money >= leader.rank[0]:
            leader.challenge(live, _rank(found, till, history), found)
    return leader.settled or settle(leader.live, till, history, anyway)


def _rank(settled: Settled, till: Till, history: History) -> tuple[int, int, int]:
    """Money now, known worth later, and how many offers bring something at all."""
    worth = count = 0
    for place, one in enumerate(settled.live):
        if place in settled.short:
            continue
        if earns(one):
            more = earned(one, _order(settled, till, history))
            worth += more.worth_minor if more else 0
            count += more is not None
        elif settled.discounts[place] or settled.shipping[place]:
            count += 1
    return settled.money, worth, count


def _order(settled: Settled, till: Till, history: History) -> Order:
    net = till.total - sum(settled.discounts)
    return Order(settled.after, net, till.cart.currency, history)


def _written(  # noqa: PLR0913, PLR0917 - everything that was found out
    till: Till,
    best: Settled,
    competing: Sequence[Live],
    beside: Sequence[Live],
    blocked: list[Blocked],
    history: History,
) -> Quote:
    order = _order(best, till, history)
    applied, amounts = _applied(till, best, order, blocked)
    for live in beside:
        more = earned(live, order)
        if best.after < live.minimum_minor:
            blocked.append(_short(live, best.after))
        else:
            applied.append(_one(live, 0, 0, [0] * len(amounts), more))
    taken = {id(live) for live in best.live}
    blocked += [_left_out(live, best, till, history) for live in competing if id(live) not in taken]
    applied.sort(key=_place)
    blocked.sort(key=_place)
    lines = [
        QuotedLine(line.sku, line.quantity, line.price_minor, line.discount_minor, mine - left, left)
        for line, mine, left in zip(till.cart.lines, till.amounts, amounts, strict=True)
    ]
    items, discount, shipping = sum(till.gross), till.total - sum(amounts), till.cart.shipping_minor
    free = sum(best.shipping)
    return Quote(
        currency=till.cart.currency,
        items_minor=items,
        own_discount_minor=items - till.total,
        discount_minor=discount,
        shipping_minor=shipping,
        shipping_discount_minor=free,
        total_minor=till.total - discount + shipping - free,
        lines=lines,
        applied=applied,
        blocked=blocked,
        missing=_nearest(best, competing, beside, till.cart.currency),
    )


def _place(one: Applied | Blocked) -> tuple[str, str, str]:
    return one.experiment or "", one.variant or "", one.code or ""


def _applied(
    till: Till, best: Settled, order: Order, blocked: list[Blocked]
) -> tuple[list[Applied], list[int]]:
    """The offers of the best combination, and what is left to pay per line."""
    amounts = list(till.amounts)
    applied = []
    for taken in best.parts.values():
        amounts = [amount - mine for amount, mine in zip(amounts, taken, strict=True)]
    lines = till.cart.lines
    for place, live in enumerate(best.live):
        discount, free = best.discounts[place], best.shipping[place]
        if place in best.short:
            blocked.append(_short(live, till.total if live.ready.of_lines else best.after))
            continue
        if place in best.parts:
            taken = best.parts[place]
        else:
            taken = split(discount, amounts, lambda at: name_of(lines[at]))
            amounts = [amount - mine for amount, mine in zip(amounts, taken, strict=True)]
        more = earned(live, order)
        if more is None and not discount and not free:
            blocked.append(_blocked(live.ready, "nothing_to_give"))
        else:
            applied.append(_one(live, discount, free, taken, more))
    return applied, amounts


def _one(live: Live, discount: int, free: int, taken: list[int], more: Earned | None) -> Applied:
    ready = live.ready
    return Applied(
        ready.experiment,
        ready.variant,
        ready.kind,
        ready.code,
        discount,
        free,
        taken,
        more.gifts if more else [],
        more.points if more else None,
        more.rewards if more else [],
    )


def _blocked(
    ready: Ready | None,
    reason: str,
    *,
    code: str | None = None,
    by: Sequence[str] = (),
    missing_minor: int | None = None,
) -> Blocked:
    if ready is None:
        return Blocked(None, None, None, code, reason, list(by), missing_minor)
    return Blocked(
        ready.experiment, ready.variant, ready.kind, code or ready.code, reason, list(by), missing_minor
    )


def _short(live: Live, after: int) -> Blocked:
    return _blocked(live.ready, "below_minimum", missing_minor=live.minimum_minor - after)


def _left_out(live: Live, best: Settled, till: Till, history: History) -> Blocked:
    """Why an offer is not in the best combination: alone it would do nothing, or others stand in its way."""
    if live.ready.of_lines:
        alone = settle((live,), till, history)
        money = None if alone.short else alone.money
    else:
        money = alone_money(live, till)
    if money is None:
        return _short(live, till.total)
    by = {one.ready.experiment for one in best.live if not may_combine(live.ready, one.ready)}
    if by:
        return _blocked(live.ready, "stacking", by=sorted(by))
    return _blocked(live.ready, "worse_together" if money or earns(live) else "nothing_to_give")


def _nearest(
    best: Settled, competing: Sequence[Live], beside: Sequence[Live], currency: str
) -> Missing | None:
    """The smallest sum that brings an offer above its threshold."""
    held = {id(live) for place, live in enumerate(best.live) if place not in best.short}
    goals = []
    after = best.after
    for live in (*competing, *beside):
        if live.minimum_minor > after:
            goals.append((live.minimum_minor - after, live.ready.key, live.minimum_minor, live.ready))
        elif live.anyway_minor is not None and live.anyway_minor > after and id(live) not in held:
            goals.append((live.anyway_minor - after, live.ready.key, live.anyway_minor, live.ready))
    if not goals:
        return None
    lacking, _, minimum, ready = min(goals, key=lambda goal: goal[:3])
    return missing(ready, minimum, lacking, currency)
