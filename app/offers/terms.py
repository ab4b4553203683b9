"""What every offer may have: its currency, thresholds, code policy, budget, stacking and validity."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.strict import Count, Currency, Days, Key, Minor, Moment, PositiveMinor, Strict

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


def contradiction(field: str, reason: str) -> PydanticCustomError:
    """The error of a rule that joins fields, with the field to mend."""
    return PydanticCustomError("contradiction", "{reason}", {"reason": reason, "path": field})


class CodePolicy(Strict):
    """How codes of the offer are issued and how often they may be used.

    Attributes:
        issue: none, one shared code, or one per visitor.
        uses_per_customer: None: reusable.
        uses_total: over all customers; None: no limit.
        valid_days: life of an issued code in days; None: as long as the offer.
        bound: only its owner may redeem it.
        give_back: a cancelled or wholly refunded order gives its use back.
    """

    issue: Literal["none", "shared", "per_visitor"] = "none"
    uses_per_customer: Count | None = None
    uses_total: Count | None = None
    valid_days: Days | None = None
    bound: bool = False
    give_back: bool = True


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
            raise contradiction("ends_at", "ends_at must lie after starts_at")
        if (self.days is None) != (self.days_after is None):
            missing = "days" if self.days is None else "days_after"
            raise contradiction(missing, "days and days_after belong together")
        return self


class Combinable(Strict):
    """May be combined with these offers (keys of experiments) and no others; each must name the other."""

    combinable_with: Annotated[list[Key], Field(max_length=100)]


class Terms(Strict):
    """What every offer may have."""

    currency: Currency | None = Field(
        None, description="ISO 4217 code of all its money; the experiment's when absent"
    )
    min_order_minor: Minor | None = Field(
        None, description="smallest order: items after line discounts, inclusive; null: any"
    )
    max_discount_minor: PositiveMinor | None = Field(
        None, description="most that one order may get of it; null: no cap"
    )
    code: CodePolicy | None = Field(None, description="how its codes are issued and used; null: no code")
    budget: Budget | None = Field(
        None,
        description="most that may be given away in all, then all arms freeze; never public",
    )
    stacking: Literal["exclusive"] | Combinable = Field(
        "exclusive", description="`exclusive`, or the experiments whose offers may apply to the same order"
    )
    occasion: Occasion | None = Field(None, description="what it is given for; a label")
    validity: Validity | None = Field(None, description="when it may be used; null: while it is served")
