"""Kinds that reward later, or reward something else than the order at hand; and kinds without a price."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from app.offers.terms import Terms, contradiction
from app.strict import Days, Minor, Percent, PositiveMinor, Strict, Text200

Delay = Annotated[int, Field(ge=0, le=730)]


class NoOffer(Strict):
    """Control without an offer."""

    kind: Literal["none"]


class NextOrderDiscount(Terms):
    """A share off the next order, for some days."""

    kind: Literal["next_order_discount"]
    percent: Percent = Field(description="share off the items of the next order")
    valid_days: Days = Field(description="days after the triggering order")


class SpendReward(Terms):
    """Spend so much, get so much on the next order."""

    kind: Literal["spend_reward"]
    spend_minor: PositiveMinor = Field(description="smallest order that earns it, after line discounts")
    reward_minor: PositiveMinor = Field(description="sum off the next order")
    valid_days: Days | None = Field(None, description="days after the triggering order; null: no end")


class Points(Terms):
    """Points per order or per sum; a liability until they are spent or expire."""

    kind: Literal["points"]
    per: Literal["order", "sum"] = Field("sum", description="per order, or per sum after discounts")
    rate: Annotated[float, Field(gt=0, le=10**6)] = Field(
        description="points per order, or per one whole unit of the currency; the total is rounded half up"
    )
    point_value_minor: Minor | None = Field(
        None, description="what one point is worth: the liability; null: unknown"
    )
    spendable_after_days: Delay = Field(0, description="days until they may be spent")
    expires_after_days: Days | None = Field(None, description="days until they expire; null: never")

    @model_validator(mode="after")
    def _spendable(self) -> Self:
        if self.expires_after_days is not None and self.expires_after_days <= self.spendable_after_days:
            raise contradiction("expires_after_days", "must be more than spendable_after_days")
        return self


class Cashback(Terms):
    """Money back that can be withdrawn; a liability."""

    kind: Literal["cashback"]
    percent: Percent = Field(description="share of what is paid for the items, rounded half up")
    spendable_after_days: Delay = Field(0, description="days until it may be withdrawn")


class Referral(Terms):
    """A reward for who invites and who is invited."""

    kind: Literal["referral"]
    referrer_minor: Minor = Field(description="reward of who invites, for the first friend")
    invited_minor: Minor = Field(description="off the first order of who is invited")
    growth: Literal["fixed", "growing"] = Field(
        "fixed", description="whether each further friend brings the referrer more"
    )
    step_minor: PositiveMinor | None = Field(
        None, description="how much more each further friend brings; null: as much as the first"
    )
    max_reward_minor: PositiveMinor | None = Field(None, description="most for one friend; null: no cap")

    @model_validator(mode="after")
    def _somebody_gains(self) -> Self:
        if self.referrer_minor == 0 and self.invited_minor == 0:
            raise contradiction("referrer_minor", "rewards nobody: set referrer_minor or invited_minor")
        if self.step_minor is not None and self.growth != "growing":
            raise contradiction("step_minor", "only where growth is growing")
        return self


class PartnerVoucher(Terms):
    """A voucher of a partner, given with the order."""

    kind: Literal["partner_voucher"]
    partner: Text200 = Field(description="whose voucher")
    value_minor: PositiveMinor = Field(description="what it is worth to the shopper")


class Content(Terms):
    """Something to read or watch, for example for a subscription."""

    kind: Literal["content"]
    title: Text200 = Field(description="what it is")


class Reminder(Terms):
    """A message some time after a basket was left; nothing happens to an order."""

    kind: Literal["reminder"]
    channel: Literal["email", "sms", "push", "messenger"] = Field(description="how it is sent")
    delay_hours: Annotated[float, Field(gt=0, le=24 * 90)] = Field(
        description="hours after the basket was left"
    )


class Custom(Terms):
    """Anything else, as free JSON that the storefront understands."""

    kind: Literal["custom"]
    terms: dict[str, Any] = Field(description="free JSON, given to the storefront as it is")
