"""Offers made ready for quotes: parsed once, with moments as microseconds and percents as exact ratios."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.offers.discounts import Gift, MemberOnly, PreOrder, StampCard
from app.offers.exact import Ratio, ratio
from app.offers.rewards import NoOffer, Points, Referral, SpendReward
from app.offers.schemas import AnyOffer, parsed
from app.offers.terms import Combinable, Validity
from app.strict import moment_us

_OF_EARLIER_ORDERS: Final = frozenset(
    {"next_order_discount", "spend_reward", "stamp_card", "cumulative_discount", "referral"}
)
_BESIDE_OTHERS: Final = frozenset({"content", "custom", "partner_voucher", "reminder"})


@dataclass(frozen=True, slots=True)
class Ready:
    """An offer as a quote reads it.

    Attributes:
        experiment: key of its experiment.
        variant: key of its variant; None: the fallback of an experiment.
        offer: its terms.
        kind: of the offer.
        currency: of its money, or None when it has none.
        minimum_minor: smallest order.
        cap_minor: most that one order gets, or None.
        starts_us: not before; `ends_us`: not from then on (microseconds since 1970 UTC, or None).
        days_after_order: only so many days after the last order, or None.
        since_us: earlier orders than this moment trigger nothing.
        needs_code: it applies only with a code.
        partners: experiments whose offers it may be combined with; empty: exclusive.
        competes: it takes its place among exclusive offers; one without the shop's money stands beside them.
        of_lines: it is a discount on certain lines, so thresholds of others compare with what is left.
        share: share off the items, or None.
        amount_minor: sum off the items.
        rate: points per order or per minor unit, or None.
        asks_history: what it gives depends on earlier orders of the shopper.
        code: the code it came with, or None.
        key: what offers are ordered by.
    """

    experiment: str
    variant: str | None
    offer: AnyOffer
    kind: str
    currency: str | None
    minimum_minor: int
    cap_minor: int | None
    starts_us: int | None
    ends_us: int | None
    days_after_order: int | None
    since_us: int
    needs_code: bool
    partners: frozenset[str]
    competes: bool
    of_lines: bool
    share: Ratio | None
    amount_minor: int
    rate: Ratio | None
    asks_history: bool
    code: str | None = None
    key: tuple[str, str, str] = ("", "", "")


def prepare(
    experiment: str,
    variant: str | None,
    stored: Mapping[str, Any] | None,
    *,
    since_us: int = 0,
    code: str | None = None,
) -> Ready | None:
    """Make a stored offer ready; None where there is nothing on offer.

    Args:
        experiment: key of its experiment.
        variant: key of its variant; None: a fallback.
        stored: the offer with all its terms, also those that browsers never see.
        since_us: moment of the start: earlier orders trigger nothing.
        code: the code that brought it.

    Raises:
        ValidationError: the offer breaks a rule.

    >>> prepare("welcome", "ten", {"kind": "percent_off", "percent": 12.5}).share
    Ratio(numerator=1, denominator=8)
    """
    offer = None if stored is None else parsed(dict(stored))
    if offer is None or isinstance(offer, NoOffer):
        return None
    stacking, validity = offer.stacking, offer.validity or Validity()
    starts, ends = _window(offer, validity)
    share, amount = _price_cut(offer)
    return Ready(
        experiment=experiment,
        variant=variant,
        offer=offer,
        kind=offer.kind,
        currency=offer.currency,
        minimum_minor=offer.min_order_minor or 0,
        cap_minor=offer.max_discount_minor,
        starts_us=starts,
        ends_us=ends,
        days_after_order=validity.days if validity.days_after == "order" else None,
        since_us=since_us,
        needs_code=offer.code is not None and offer.code.issue != "none",
        partners=frozenset(stacking.combinable_with) if isinstance(stacking, Combinable) else frozenset(),
        competes=competes(offer),
        of_lines=offer.kind == "bundle" or (isinstance(offer, StampCard) and offer.counts == "pieces"),
        share=share,
        amount_minor=amount,
        rate=ratio(offer.rate) if isinstance(offer, Points) else None,
        asks_history=offer.kind in _OF_EARLIER_ORDERS or validity.days_after == "order",
        code=code,
        key=(experiment, variant or "", code or ""),
    )


def competes(offer: AnyOffer) -> bool:
    """Whether the offer gives the shop's money or goods for an order: only such offers exclude each other.

    >>> competes(parsed({"kind": "content", "title": "Ten recipes"}))
    False
    """
    if isinstance(offer, PreOrder | MemberOnly):
        return offer.percent is not None or offer.amount_minor is not None
    return offer.kind != "none" and offer.kind not in _BESIDE_OTHERS


def _window(offer: AnyOffer, validity: Validity) -> tuple[int | None, int | None]:
    starts = [validity.starts_at] + ([offer.opens_at] if isinstance(offer, PreOrder) else [])
    ends = [validity.ends_at]
    ends += [offer.closes_at] if isinstance(offer, PreOrder) else []
    ends += [offer.order_before] if isinstance(offer, Gift) else []
    from_us = [moment_us(text) for text in starts if text is not None]
    until_us = [moment_us(text) for text in ends if text is not None]
    return max(from_us, default=None), min(until_us, default=None)


def _price_cut(offer: AnyOffer) -> tuple[Ratio | None, int]:
    """What the offer takes off when all its conditions hold: a share, or a sum."""
    percent = getattr(offer, "percent", None)
    share = ratio(percent, per=100) if percent is not None else None
    if isinstance(offer, SpendReward):
        return None, offer.reward_minor
    if isinstance(offer, Referral):
        return None, offer.invited_minor
    return share, getattr(offer, "amount_minor", None) or 0
