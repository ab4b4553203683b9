"""What an order brings besides its discount: gifts, points, cashback and rewards for later. Pure."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from app.ledger.currencies import MINOR_DIGITS
from app.offers.carts import History
from app.offers.exact import Ratio, part_of
from app.offers.quotes import GiftLine, PointsEarned, Reward
from app.offers.standing import Live


class Earned(NamedTuple):
    """What comes with the order.

    Attributes:
        gifts: products on top.
        points: earned, or None.
        rewards: for later.
        worth_minor: what of it has a known price.
    """

    gifts: list[GiftLine]
    points: PointsEarned | None
    rewards: list[Reward]
    worth_minor: int


class Order(NamedTuple):
    """The order as rewards see it: items after discounts on lines, what is paid for them, its currency."""

    after: int
    net: int
    currency: str
    history: History


def earned(live: Live, order: Order) -> Earned | None:
    """What an offer brings besides its discount, or None."""
    earner = _EARNERS.get(live.ready.kind)
    return None if earner is None else earner(live, live.ready.offer, order)


def earns(live: Live) -> bool:
    """Whether offers of this kind bring anything besides a discount."""
    return live.ready.kind in _EARNERS


def points_for(net: int, offer: Any, rate: Ratio, currency: str) -> int:
    """Points of an order, rounded half up.

    Args:
        net: what is paid for the items, in minor units.
        offer: points.
        rate: its rate, exactly.
        currency: tells how many minor units are one whole unit.
    """
    if offer.per == "order":
        return part_of(1, rate)
    units = 10 ** MINOR_DIGITS[currency]
    return part_of(net, Ratio(rate.numerator, rate.denominator * units))


def referrer_reward(offer: Any, friends_before: int) -> int:
    """What who invites gets for one more friend.

    Args:
        offer: a referral.
        friends_before: how many friends were rewarded before.

    >>> from app.offers.schemas import parsed
    >>> growing = {"kind": "referral", "referrer_minor": 100, "invited_minor": 0, "growth": "growing"}
    >>> [referrer_reward(parsed(growing | {"max_reward_minor": 250}), n) for n in range(3)]
    [100, 200, 250]
    """
    reward = int(offer.referrer_minor)
    if offer.growth == "growing":
        step = reward if offer.step_minor is None else int(offer.step_minor)
        reward += step * friends_before
    return reward if offer.max_reward_minor is None else min(reward, int(offer.max_reward_minor))


def _gift(_live: Live, offer: Any, _order: Order) -> Earned:
    cost = None if offer.cost_minor is None else offer.cost_minor * offer.quantity
    return Earned([GiftLine(offer.product, offer.quantity, cost)], None, [], cost or 0)


def _points(live: Live, offer: Any, order: Order) -> Earned | None:
    points = points_for(order.net, offer, live.ready.rate or Ratio(0, 1), order.currency)
    if points == 0:
        return None
    liability = None if offer.point_value_minor is None else points * offer.point_value_minor
    found = PointsEarned(points, liability, offer.spendable_after_days, offer.expires_after_days)
    return Earned([], found, [], liability or 0)


def _cashback(live: Live, offer: Any, order: Order) -> Earned | None:
    amount = part_of(order.net, live.ready.share or Ratio(0, 1))
    if offer.max_discount_minor is not None:
        amount = min(amount, offer.max_discount_minor)
    if amount == 0:
        return None
    reward = Reward("cashback", offer.percent, amount, spendable_after_days=offer.spendable_after_days)
    return Earned([], None, [reward], amount)


def _next_order(_live: Live, offer: Any, _order: Order) -> Earned:
    return Earned([], None, [Reward("next_order_percent", offer.percent, None, offer.valid_days)], 0)


def _spend(_live: Live, offer: Any, order: Order) -> Earned | None:
    if order.after < offer.spend_minor:
        return None
    reward = Reward("next_order_amount", None, offer.reward_minor, offer.valid_days)
    return Earned([], None, [reward], offer.reward_minor)


def _referral(_live: Live, offer: Any, order: Order) -> Earned | None:
    amount = referrer_reward(offer, order.history.friends_before or 0)
    return Earned([], None, [Reward("referrer", None, amount)], 0) if amount else None


def _voucher(_live: Live, offer: Any, _order: Order) -> Earned:
    return Earned([], None, [Reward("partner_voucher", None, offer.value_minor, name=offer.partner)], 0)


def _content(_live: Live, offer: Any, _order: Order) -> Earned:
    return Earned([], None, [Reward("content", name=offer.title)], 0)


def _custom(_live: Live, _offer: Any, _order: Order) -> Earned:
    return Earned([], None, [Reward("custom")], 0)


_EARNERS: Final[dict[str, Callable[[Live, Any, Order], Earned | None]]] = {
    "gift": _gift,
    "points": _points,
    "cashback": _cashback,
    "next_order_discount": _next_order,
    "spend_reward": _spend,
    "referral": _referral,
    "partner_voucher": _voucher,
    "content": _content,
    "custom": _custom,
}
