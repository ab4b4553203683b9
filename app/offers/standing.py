"""How an offer stands for a shopper: the reason why it does not apply, or what it takes off now. Pure."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from app.clock import MICROSECONDS
from app.offers.carts import History
from app.offers.discounts import CumulativeDiscount, FreeDelivery, Gift, MemberOnly, StampCard
from app.offers.exact import Ratio, ratio
from app.offers.ready import Ready
from app.offers.rewards import NextOrderDiscount, SpendReward

DAY_US: Final = 86_400 * MICROSECONDS
_WHOLE: Final = Ratio(1, 1)
_NOTHING: Final = Ratio(0, 1)


class Live(NamedTuple):
    """An offer that may apply to this shopper now.

    Attributes:
        ready: the offer.
        share: share off the items of this order, or None.
        amount_minor: sum off the items of this order.
        minimum_minor: smallest order for which it does anything.
        anyway_minor: from this sum on delivery is free beside any other offer; None: never.
    """

    ready: Ready
    share: Ratio | None
    amount_minor: int
    minimum_minor: int
    anyway_minor: int | None


def stand(ready: Ready, currency: str, pieces: int, history: History, now_us: int) -> Live | str:
    """The offer as it stands for a shopper, or the reason why it does not apply whatever the sum.

    Args:
        ready: the offer.
        currency: of the cart.
        pieces: sum of quantity × pack size.
        history: of the shopper.
        now_us: the present moment.
    """
    reason = _obstacle(ready, currency, history, now_us)
    if reason is not None:
        return reason
    rule = _RULES.get(ready.kind)
    if rule is not None:
        return rule(ready, pieces, history, now_us)
    return Live(ready, ready.share, ready.amount_minor, ready.minimum_minor, None)


def _obstacle(ready: Ready, currency: str, history: History, now_us: int) -> str | None:
    """What stands in the way of an offer of any kind."""
    if ready.currency is not None and ready.currency != currency:
        return "currency_mismatch"
    if ready.starts_us is not None and now_us < ready.starts_us:
        return "not_yet_valid"
    if ready.ends_us is not None and now_us >= ready.ends_us:
        return "expired"
    days = ready.days_after_order
    if days is not None and not _is_vouched(ready, history) and not _is_due(ready, days, history, now_us):
        return "expired" if history.last_order_at_us is not None else _without_order(history)
    return "code_needed" if ready.needs_code and ready.code is None and not _opens_itself(ready) else None


def _without_order(history: History) -> str:
    """There is no last order, or nobody knows of one."""
    return "history_unknown" if history.pieces is None else "no_order"


def _opens_itself(ready: Ready) -> bool:
    """From its break-even on, delivery needs no code."""
    return isinstance(ready.offer, FreeDelivery) and ready.offer.break_even_minor is not None


def _is_vouched(ready: Ready, history: History) -> bool:
    """Where the request says nothing of the last order, a code speaks for the one that brought it."""
    return ready.code is not None and history.vouches


def _is_due(ready: Ready, days: int | None, history: History, now_us: int) -> bool:
    """Whether the last order lies after the start and not too long ago."""
    last = history.last_order_at_us
    if last is None or not ready.since_us <= last <= now_us:
        return False
    return days is None or now_us < last + days * DAY_US


def _gift(ready: Ready, pieces: int, _history: History, _now_us: int) -> Live | str:
    smallest = ready.offer.min_pack_size if isinstance(ready.offer, Gift) else None
    if smallest is not None and pieces < smallest:
        return "pack_too_small"
    return Live(ready, None, 0, ready.minimum_minor, None)


def _member(ready: Ready, _pieces: int, history: History, _now_us: int) -> Live | str:
    offer = ready.offer
    if isinstance(offer, MemberOnly) and offer.membership not in history.memberships:
        return "not_a_member"
    return Live(ready, ready.share, ready.amount_minor, ready.minimum_minor, None)


def _stamps(ready: Ready, _pieces: int, history: History, _now_us: int) -> Live | str:
    offer = ready.offer
    if not isinstance(offer, StampCard):
        return "not_on_carts"
    if offer.counts == "pieces":
        is_unknown = history.stamps_for(offer.products) is None
        return "history_unknown" if is_unknown else Live(ready, None, 0, ready.minimum_minor, None)
    if history.orders_count is None:
        return "history_unknown"
    is_free = (history.orders_count + 1) % offer.every == 0
    return Live(ready, _WHOLE, 0, ready.minimum_minor, None) if is_free else "stamps_missing"


def _tiers(ready: Ready, _pieces: int, history: History, _now_us: int) -> Live | str:
    if history.purchases_minor is None:
        return "history_unknown"
    share = _NOTHING
    tiers = ready.offer.tiers if isinstance(ready.offer, CumulativeDiscount) else []
    for tier in tiers:
        if history.purchases_minor >= tier.from_minor:
            share = _percent(tier.percent)
    return "below_first_tier" if share is _NOTHING else Live(ready, share, 0, ready.minimum_minor, None)


@lru_cache(maxsize=1024)
def _percent(percent: float) -> Ratio:
    return ratio(percent, per=100)


def _missed(ready: Ready, days: int | None, history: History, now_us: int) -> str:
    """Why a code for the next order is good for nothing now."""
    last = history.last_order_at_us
    if last is None or last < ready.since_us or days is None:
        return "no_order"
    return "expired" if now_us >= last + days * DAY_US else "no_order"


def _next_order(ready: Ready, _pieces: int, history: History, now_us: int) -> Live | str:
    offer = ready.offer
    if not isinstance(offer, NextOrderDiscount):
        return "not_on_carts"
    is_due = _is_vouched(ready, history) or _is_due(ready, offer.valid_days, history, now_us)
    if ready.code is not None and not is_due:
        return _missed(ready, offer.valid_days, history, now_us)
    share = ready.share if is_due else None
    return Live(ready, share, 0, ready.minimum_minor, None)


def _spend(ready: Ready, _pieces: int, history: History, now_us: int) -> Live | str:
    offer = ready.offer
    if not isinstance(offer, SpendReward):
        return Live(ready, None, 0, ready.minimum_minor, None)
    is_due = _is_vouched(ready, history) or (
        (history.last_order_minor or 0) >= offer.spend_minor
        and _is_due(ready, offer.valid_days, history, now_us)
    )
    if ready.code is not None and not is_due:
        return _missed(ready, offer.valid_days, history, now_us)
    minimum = ready.minimum_minor if is_due else max(ready.minimum_minor, offer.spend_minor)
    return Live(ready, None, ready.amount_minor if is_due else 0, minimum, None)


def _referral(ready: Ready, _pieces: int, history: History, _now_us: int) -> Live | str:
    if history.invited is None and ready.code is None:
        return "history_unknown"
    if history.invited is False:
        return "not_invited"
    if history.orders_count:
        return "not_first_order"
    return Live(ready, None, ready.amount_minor, ready.minimum_minor, None)


def _delivery(ready: Ready, _pieces: int, _history: History, _now_us: int) -> Live:
    offer = ready.offer
    anyway = offer.break_even_minor if isinstance(offer, FreeDelivery) else None
    minimum = ready.minimum_minor
    if ready.needs_code and ready.code is None and anyway is not None:
        minimum = anyway  # without its code only the break-even is left
    return Live(ready, None, 0, minimum, anyway)


def _later(ready: Ready, _pieces: int, _history: History, _now_us: int) -> Live:
    """Its percent is not of this order."""
    return Live(ready, None, 0, ready.minimum_minor, None)


def _not_on_carts(_ready: Ready, _pieces: int, _history: History, _now_us: int) -> str:
    return "not_on_carts"


_RULES: Final[dict[str, Callable[[Ready, int, History, int], Live | str]]] = {
    "gift": _gift,
    "member_only": _member,
    "stamp_card": _stamps,
    "cumulative_discount": _tiers,
    "next_order_discount": _next_order,
    "spend_reward": _spend,
    "referral": _referral,
    "free_delivery": _delivery,
    "cashback": _later,
    "reminder": _not_on_carts,
}
