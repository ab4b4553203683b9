"""Kinds that take money off the order at hand, or put something into it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.offers.terms import Terms, contradiction
from app.strict import Minor, Moment, Percent, PositiveMinor, Strict, Text200

Sku = Text200


class PercentOff(Terms):
    """A share off the items."""

    kind: Literal["percent_off"]
    percent: Percent = Field(description="share of the items after line discounts, 0 < percent ≤ 100")


class AmountOff(Terms):
    """A sum off the items."""

    kind: Literal["amount_off"]
    amount_minor: PositiveMinor = Field(description="the sum; a smaller order gets no more than itself")


class FreeDelivery(Terms):
    """The shop pays the delivery, up to `max_discount_minor` where there is one."""

    kind: Literal["free_delivery"]
    break_even_minor: PositiveMinor | None = Field(
        None,
        description="from this sum on delivery pays for itself and is free beside any offer; null: never",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.break_even_minor is not None and self.break_even_minor < (self.min_order_minor or 0):
            raise contradiction("break_even_minor", "must not lie below min_order_minor")
        return self


class Gift(Terms):
    """A product on top."""

    kind: Literal["gift"]
    product: Sku = Field(description="sku of the gift")
    quantity: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="pieces of the gift")
    cost_minor: Minor | None = Field(
        None, description="what one piece costs the shop; never shown in public; null: unknown"
    )
    min_pack_size: Annotated[int, Field(ge=1, le=10**6)] | None = Field(
        None,
        description="smallest sum of quantity × pack_size over the order, in the shop's unit (grams, pieces)",
    )
    order_before: Moment | None = Field(None, description="only for orders before this moment")


class Bundle(Terms):
    """Products that are cheaper together; each set takes one piece of each, the dearest pieces first."""

    kind: Literal["bundle"]
    products: Annotated[list[Sku], Field(min_length=2, max_length=50)] = Field(
        description="skus of one set, each named once"
    )
    price_minor: PositiveMinor | None = Field(None, description="price of one set; this or `percent`")
    percent: Percent | None = Field(None, description="share off one set; this or `price_minor`")

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if (self.price_minor is None) == (self.percent is None):
            raise contradiction("price_minor", "needs exactly one of price_minor and percent")
        if len(set(self.products)) != len(self.products):
            raise contradiction("products", "names a product twice")
        return self


class StampCard(Terms):
    """Every n-th order, or every n-th piece, is free."""

    kind: Literal["stamp_card"]
    every: Annotated[int, Field(ge=2, le=100)] = Field(description="n: the n-th is free")
    counts: Literal["orders", "pieces"] = Field(
        "orders", description="what gets a stamp; of pieces the cheapest of the order are free"
    )
    products: Annotated[list[Sku], Field(min_length=1, max_length=50)] | None = Field(
        None, description="skus whose pieces count; null: all"
    )

    @model_validator(mode="after")
    def _pieces(self) -> Self:
        if self.products is not None and self.counts != "pieces":
            raise contradiction("products", "only where pieces are counted")
        return self


class Tier(Strict):
    """From this sum of purchases on, this discount."""

    from_minor: Minor
    percent: Percent


class CumulativeDiscount(Terms):
    """A discount that grows with the sum of earlier purchases."""

    kind: Literal["cumulative_discount"]
    tiers: Annotated[list[Tier], Field(min_length=1, max_length=20)] = Field(
        description="`from_minor` of earlier purchases and the `percent` off; both must rise"
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        pairs = zip(self.tiers, self.tiers[1:], strict=False)
        for place, (low, high) in enumerate(pairs, start=1):
            for field in ("from_minor", "percent"):
                if getattr(low, field) >= getattr(high, field):
                    reason = "tiers must rise in from_minor and in percent"
                    raise contradiction(f"tiers.{place}.{field}", reason)
        return self


class PreOrder(Terms):
    """Order before it is on sale."""

    kind: Literal["pre_order"]
    opens_at: Moment = Field(description="first moment of ordering")
    closes_at: Moment = Field(description="ordering ends; must lie after `opens_at`")
    percent: Percent | None = Field(None, description="share off the items; at most one of the two")
    amount_minor: PositiveMinor | None = Field(None, description="sum off the items")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.closes_at <= self.opens_at:
            raise contradiction("closes_at", "closes_at must lie after opens_at")
        _refuse_two_cuts(self.percent, self.amount_minor)
        return self


class MemberOnly(Terms):
    """For members only."""

    kind: Literal["member_only"]
    membership: Text200 = Field(description="must stand in the `memberships` of the request's attributes")
    percent: Percent | None = Field(None, description="share off the items; at most one of the two")
    amount_minor: PositiveMinor | None = Field(None, description="sum off the items")

    @model_validator(mode="after")
    def _one_cut(self) -> Self:
        _refuse_two_cuts(self.percent, self.amount_minor)
        return self


def _refuse_two_cuts(percent: float | None, amount_minor: int | None) -> None:
    if percent is not None and amount_minor is not None:
        raise contradiction("amount_minor", "percent and amount_minor exclude each other")
