"""The definition of an experiment as managers write it; rules that join fields are in `rules.py`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from app.offers.schemas import Budget, Offer
from app.strict import (
    Currency,
    Days,
    Key,
    Minor,
    Moment,
    PositiveMinor,
    Share,
    Strict,
    Text200,
    Text2000,
)

SEED_PATTERN = r"^[0-9a-f]{16}$"
VARIANT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Seed = Annotated[str, Field(pattern=SEED_PATTERN)]
Span = Annotated[list[Share], Field(min_length=2, max_length=2)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


class LayerUse(Strict):
    """The part of a layer the experiment holds, half-open."""

    key: Key
    range: Span


class Variant(Strict):
    """One arm."""

    key: Annotated[str, Field(pattern=VARIANT_PATTERN)]
    name: Text200 | None = None
    weight: Annotated[float, Field(gt=0, le=1)]
    control: bool = False
    offer: Offer | None = None
    range: Span | None = Field(None, description="bucket range in place of weight × coverage; all or none")


class Economics(Strict):
    """How an order becomes profit."""

    currency: Currency
    margin_share: Share | Span | None = Field(None, description="share of items, or [lo, hi]")
    vat_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    cost_per_exposure_minor: Minor = 0
    rates: dict[Currency, Annotated[float, Field(gt=0, le=1e9)]] = Field(
        default_factory=dict,
        max_length=200,
        description="currency → how much of ours one whole unit is worth",
    )


class MetricUse(Strict):
    """A metric with a window of its own, or one that counts something you name."""

    key: Text200
    days: Days | None = None
    window_days: Days | None = None
    sku: Text200 | None = Field(None, description="sku_orders_per_unit: the product")
    statistic: Literal["share", "count", "sum", "sum_minor"] | None = Field(
        None,
        description="custom:EVENT: share of units with one (default), count, sum of value or value_minor",
    )
    direction: Literal["increase", "decrease"] | None = Field(
        None, description="custom:EVENT: which way is good; increase by default"
    )
    threshold_minor: PositiveMinor | None = Field(
        None, description="threshold_bunching: T; by default the largest min_order_minor of the offers"
    )


MetricName = Text200 | MetricUse


class Guardrail(Strict):
    """A metric that must not be harmed by more than a share of control's mean."""

    metric: MetricName
    non_inferiority_margin: OpenShare


class Plan(Strict):
    """What is decided before the data."""

    primary: MetricName | Annotated[list[MetricName], Field(min_length=1, max_length=10)]
    window_days: Days
    settle_days: Annotated[int, Field(ge=0, le=365)] = 7
    secondary: Annotated[list[MetricName], Field(max_length=50)] = Field(default_factory=list)
    guardrails: Annotated[list[Guardrail], Field(max_length=20)] = Field(default_factory=list)
    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    power: OpenShare = 0.8
    mde: Annotated[float, Field(gt=0, le=10)] = Field(description="share of control's mean")
    planned_units: Annotated[int, Field(ge=2, le=10**10)]
    min_days: Annotated[int, Field(ge=1, le=3650)] = 14
    max_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    cap_minor: PositiveMinor | None = None
    method: Literal["group_sequential"] = "group_sequential"
    spending: Text200 = "kim-demets:2"
    look_days: Literal["weekly", "daily"] = "weekly"
    window_override: Text2000 | None = Field(
        None, description="why the window may be shorter than a code lives; recorded"
    )


class Definition(Strict):
    """An experiment as it is sent."""

    key: Key
    name: Text200 | None = None
    hypothesis: Text2000 | None = None
    unit: Literal["visitor", "customer"] = "visitor"
    layer: LayerUse | None = None
    coverage: Share = 1.0
    seed: Seed | None = None
    local_evaluation: bool = False
    audience: dict[str, Any] = Field(default_factory=dict)
    segments: Annotated[list[Key], Field(max_length=20)] = Field(
        default_factory=list, description="segments with a condition; a unit must be in all of them"
    )
    fallback_unit: Literal["visitor"] | None = Field(
        None, description="what an experiment on customers hashes for people who are not logged in"
    )
    variants: Annotated[list[Variant], Field(min_length=2, max_length=20)]
    fallback: Offer | None = None
    economics: Economics | None = None
    budget: Budget | None = None
    plan: Plan
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    timezone: Text200 | None = None


class StartBody(Strict):
    """Start, and why a conflict does not matter."""

    override_conflicts: Reason | None = None


class NoFields(Strict):
    """An action without fields."""


class RampBody(Strict):
    """The new coverage; never less than before."""

    coverage: Share


class DecideBody(Strict):
    """The variant for everybody."""

    variant: Text200
    reason: Reason
    hold_back_share: Annotated[float, Field(ge=0, lt=1)] | None = None


class LayerBody(Strict):
    """A layer; its seed is made if absent."""

    seed: Seed | None = None


class HoldoutBody(Strict):
    """A holdout; its seed is made if absent."""

    share: Share
    seed: Seed | None = None


class SegmentBody(Strict):
    """A condition over attributes, or members for `$inGroup`; one of the two."""

    condition: dict[str, Any] | None = None
    members: Annotated[list[Text200 | int], Field(max_length=10_000)] | None = None


class ForcedUnits(Strict):
    """Unit id (visitor or customer, as the experiment's unit says) → key of a variant."""

    units: Annotated[dict[Text200, Text200], Field(max_length=1000)]


class LayerShown(BaseModel):
    """A layer."""

    key: str
    seed: str
    created_at: str


class HoldoutShown(LayerShown):
    """A holdout."""

    share: float


class LayerPage(BaseModel):
    """Layers by key."""

    items: list[LayerShown]
    next: str | None


class HoldoutPage(BaseModel):
    """Holdouts by key."""

    items: list[HoldoutShown]
    next: str | None


class SegmentShown(BaseModel):
    """A segment; of condition and members one is null."""

    key: str
    condition: dict[str, Any] | None
    members: list[str | int] | None
    created_at: str


class SegmentPage(BaseModel):
    """Segments by key."""

    items: list[SegmentShown]
    next: str | None


class Warned(BaseModel):
    """Something that is allowed but probably not meant."""

    code: str
    field: str
    detail: str


class ExperimentShown(BaseModel):
    """An experiment: its definition in force, and where it stands."""

    key: str
    version: int
    status: str
    name: str | None
    hypothesis: str | None
    unit: str
    layer: dict[str, Any] | None
    coverage: float
    seed: str
    local_evaluation: bool
    audience: dict[str, Any]
    segments: list[str]
    fallback_unit: str | None
    variants: list[dict[str, Any]]
    fallback: dict[str, Any] | None
    economics: dict[str, Any] | None
    budget: dict[str, Any] | None
    plan: dict[str, Any]
    starts_at: str | None
    ends_at: str | None
    timezone: str
    created_at: str
    started_at: str | None
    frozen_at: str | None
    stopped_at: str | None
    archived_at: str | None
    decision: dict[str, Any] | None
    timeline: list[dict[str, Any]]
    warnings: list[Warned]


class ExperimentPage(BaseModel):
    """Experiments, newest first."""

    items: list[ExperimentShown]
    next: str | None


class ConflictShown(BaseModel):
    """An experiment in the way of the start."""

    code: str
    experiment: str
    field: str
    detail: str


class LayerProposal(BaseModel):
    """A layer that keeps experiments apart, what of it is free, and whom of the conflicts it settles."""

    layer: str
    exists: bool
    free: list[list[float]]
    settles: list[str]


class ConflictPage(BaseModel):
    """Conflicts with experiments in progress, errors first."""

    items: list[ConflictShown]
    next: str | None = None
    proposal: LayerProposal | None = None
