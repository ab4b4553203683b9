"""The kinds of offer shops really test, each with the terms it needs."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.strict import (
    Count,
    Currency,
    Days,
    Key,
    Minor,
    Moment,
    Percent,
    PositiveMinor,
    Strict,
    Text200,
)

Occasion = Literal[
    "weekly",
    "teaser",
    "holiday",
    "abandoned_cart",
    "subscription",
    "first_purchase",
    "social",
    "loyalty",
    "partner",
]


class CodePolicy(Strict):
    """How codes of the offer are issued and how often they may be used.

    Attributes:
        issue: none, one shared code, or one per visitor.
        uses_per_customer: None: reusable.
        uses_total: over all customers; None: no limit.
        valid_days: life of an issued code in days; None: as long as the offer.
        bound: only its owner may redeem it.
    """

    issue: Literal["none", "shared", "per_visitor"] = "none"
    uses_per_customer: Count | None = None
    uses_total: Count | None = None
    valid_days: Days | None = None
    bound: bool = False


class Budget(Strict):
    """What may be given away before both arms are frozen; None: no limit."""

    money_minor: PositiveMinor | None = None
    uses: Count | None = None


class Validity(Strict):
    """When the offer may be used: between two moments, or some days after a claim or an order."""

    starts_at: Moment | None = None
    ends_at: Moment | None = None
    days: Days | None = None
    days_after: Literal["claim", "order"] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            raise PydanticCustomError("validity", "ends_at must lie after starts_at")
        if (self.days is None) != (self.days_after is None):
            raise PydanticCustomError("validity", "days and days_after belong together")
        return self


class Combinable(Strict):
    """May be combined with these offers (keys of experiments) and no others."""

    combinable_with: Annotated[list[Key], Field(max_length=100)]


class Terms(Strict):
    """What every offer may have."""

    currency: Currency | None = Field(None, description="of its money; the experiment's when absent")
    min_order_minor: Minor | None = Field(None, description="items after line discounts, inclusive")
    max_discount_minor: PositiveMinor | None = None
    code: CodePolicy | None = None
    budget: Budget | None = None
    stacking: Literal["exclusive"] | Combinable = "exclusive"
    occasion: Occasion | None = None
    validity: Validity | None = None


class NoOffer(Strict):
    """Control without an offer."""

    kind: Literal["none"]


class PercentOff(Terms):
    """A share off the items."""

    kind: Literal["percent_off"]
    percent: Percent


class AmountOff(Terms):
    """A sum off the items."""

    kind: Literal["amount_off"]
    amount_minor: PositiveMinor


class FreeDelivery(Terms):
    """The shop pays the delivery."""

    kind: Literal["free_delivery"]


class Gift(Terms):
    """A product on top."""

    kind: Literal["gift"]
    product: Text200 = Field(description="sku of the gift")
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1
    cost_minor: Minor | None = None
    min_pack_size: Annotated[int, Field(ge=1, le=10**6)] | None = None
    order_before: Moment | None = None


class Bundle(Terms):
    """Products that are cheaper together."""

    kind: Literal["bundle"]
    products: Annotated[list[Text200], Field(min_length=2, max_length=50)]
    price_minor: PositiveMinor | None = None
    percent: Percent | None = None

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if (self.price_minor is None) == (self.percent is None):
            raise PydanticCustomError("bundle", "needs exactly one of price_minor and percent")
        if len(set(self.products)) != len(self.products):
            raise PydanticCustomError("bundle", "names a product twice")
        return self


class NextOrderDiscount(Terms):
    """A share off the next order, for some days."""

    kind: Literal["next_order_discount"]
    percent: Percent
    valid_days: Days = Field(description="days after the triggering order")


class SpendReward(Terms):
    """Spend so much, get so much on the next order."""

    kind: Literal["spend_reward"]
    spend_minor: PositiveMinor
    reward_minor: PositiveMinor
    valid_days: Days | None = None


class Points(Terms):
    """Points per order or per sum."""

    kind: Literal["points"]
    per: Literal["order", "sum"] = "sum"
    rate: Annotated[float, Field(gt=0, le=10**6)] = Field(description="points per order, or per 1.00 spent")
    point_value_minor: Minor | None = None
    spendable_after_days: Annotated[int, Field(ge=0, le=730)] = 0
    expires_after_days: Days | None = None


class Cashback(Terms):
    """Money back that can be withdrawn."""

    kind: Literal["cashback"]
    percent: Percent
    spendable_after_days: Annotated[int, Field(ge=0, le=730)] = 0


class StampCard(Terms):
    """Every n-th order or item is free."""

    kind: Literal["stamp_card"]
    every: Annotated[int, Field(ge=2, le=100)]


class Tier(Strict):
    """From this sum of purchases on, this discount."""

    from_minor: Minor
    percent: Percent


class CumulativeDiscount(Terms):
    """A discount that grows with the sum of purchases."""

    kind: Literal["cumulative_discount"]
    tiers: Annotated[list[Tier], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        pairs = zip(self.tiers, self.tiers[1:], strict=False)
        if any(a.from_minor >= b.from_minor or a.percent >= b.percent for a, b in pairs):
            raise PydanticCustomError("tiers", "tiers must rise in from_minor and in percent")
        return self


class Referral(Terms):
    """A reward for who invites and who is invited."""

    kind: Literal["referral"]
    referrer_minor: Minor = Field(description="reward of who invites")
    invited_minor: Minor = Field(description="reward of who is invited")
    growth: Literal["fixed", "growing"] = "fixed"

    @model_validator(mode="after")
    def _somebody_gains(self) -> Self:
        if self.referrer_minor == 0 and self.invited_minor == 0:
            raise PydanticCustomError("referral", "rewards nobody: set referrer_minor or invited_minor")
        return self


class PartnerVoucher(Terms):
    """A voucher of a partner."""

    kind: Literal["partner_voucher"]
    partner: Text200
    value_minor: PositiveMinor


class Content(Terms):
    """Something to read or watch, for example for a subscription."""

    kind: Literal["content"]
    title: Text200


class Reminder(Terms):
    """A message some time after a basket was left."""

    kind: Literal["reminder"]
    channel: Literal["email", "sms", "push", "messenger"]
    delay_hours: Annotated[float, Field(gt=0, le=24 * 90)]


class PreOrder(Terms):
    """Order before it is on sale."""

    kind: Literal["pre_order"]
    opens_at: Moment
    closes_at: Moment

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.closes_at <= self.opens_at:
            raise PydanticCustomError("pre_order", "closes_at must lie after opens_at")
        return self


class MemberOnly(Terms):
    """For members only."""

    kind: Literal["member_only"]
    membership: Text200
    percent: Percent | None = None
    amount_minor: PositiveMinor | None = None


class Custom(Terms):
    """Anything else, as free JSON that the storefront understands."""

    kind: Literal["custom"]
    terms: dict[str, Any]


Offer = Annotated[
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
    | Custom,
    Field(discriminator="kind"),
]

_NEVER_PUBLIC = {"budget", "cost_minor"}


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
    """
    return [name for name, value in offer.items() if name.endswith("_minor") and value]
