"""The kinds of offer shops really test, each with the terms it needs: one union over all of them."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from app.offers.discounts import (
    AmountOff,
    Bundle,
    CumulativeDiscount,
    FreeDelivery,
    Gift,
    MemberOnly,
    PercentOff,
    PreOrder,
    StampCard,
    Tier,
)
from app.offers.rewards import (
    Cashback,
    Content,
    Custom,
    NextOrderDiscount,
    NoOffer,
    PartnerVoucher,
    Points,
    Referral,
    Reminder,
    SpendReward,
)
from app.offers.terms import Budget, CodePolicy, Combinable, Terms, Validity

__all__ = [
    "AmountOff",
    "AnyOffer",
    "Budget",
    "Bundle",
    "Cashback",
    "CodePolicy",
    "Combinable",
    "Content",
    "CumulativeDiscount",
    "Custom",
    "FreeDelivery",
    "Gift",
    "MemberOnly",
    "NextOrderDiscount",
    "NoOffer",
    "Offer",
    "PartnerVoucher",
    "PercentOff",
    "Points",
    "PreOrder",
    "Referral",
    "Reminder",
    "SpendReward",
    "StampCard",
    "Terms",
    "Tier",
    "Validity",
    "money_terms",
    "parsed",
    "public_offer",
]

AnyOffer = (
    NoOffer
    | PercentOff
    | AmountOff
    | FreeDelivery
    | Gift
    | Bundle
    | NextOrderDiscount
    | SpendReward
    | Points
    | Cashback
    | StampCard
    | CumulativeDiscount
    | Referral
    | PartnerVoucher
    | Content
    | Reminder
    | PreOrder
    | MemberOnly
    | Custom
)
Offer = Annotated[AnyOffer, Field(discriminator="kind")]

_READER: TypeAdapter[AnyOffer] = TypeAdapter(Offer)
_NEVER_PUBLIC = {"budget", "cost_minor"}


def parsed(offer: dict[str, Any]) -> AnyOffer:
    """A stored offer as its type.

    Raises:
        ValidationError: it breaks a rule; stored ones were checked when they were defined.

    >>> parsed({"kind": "percent_off", "percent": 10}).kind
    'percent_off'
    """
    return _READER.validate_python(offer)


def public_offer(offer: dict[str, Any] | None) -> dict[str, Any] | None:
    """What a browser may see of a stored offer: no budget, no cost, never a code, and no empty terms.

    >>> public_offer({"kind": "gift", "product": "tea", "cost_minor": 500, "occasion": None})
    {'kind': 'gift', 'product': 'tea'}
    """
    if offer is None:
        return None
    return {name: value for name, value in offer.items() if name not in _NEVER_PUBLIC and value is not None}


def money_terms(offer: dict[str, Any]) -> list[str]:
    """The terms of a stored offer that are sums of money and so need a currency.

    >>> money_terms({"kind": "percent_off", "percent": 10, "min_order_minor": 0, "max_discount_minor": 500})
    ['max_discount_minor']
    >>> money_terms({"kind": "cumulative_discount", "tiers": [{"from_minor": 100, "percent": 5}]})
    ['tiers']
    """
    named = [name for name, value in offer.items() if name.endswith("_minor") and value]
    has_tiers = any(tier["from_minor"] for tier in offer.get("tiers", ()))
    return [*named, "tiers"] if has_tiers else named
