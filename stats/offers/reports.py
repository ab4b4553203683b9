"""What a result says of its offers, as plain values. `inconclusive` is the reason why a part has no number.

Money is minor units per unit (visitor or customer). Intervals of leakage, redeemers, subsidy and pull-forward
hold for one reading (95 %): they explain and never decide. The profit difference and its intervals are the
sequential ones of `profit_per_unit`.
"""

from dataclasses import dataclass, field
from typing import Literal

from stats.offers.cells import Taking

Ends = tuple[float, float]  # at the lower and the upper end of the goods margin


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """What the statistics must know of the offers.

    Attributes:
        without_offer: variants that offer nothing.
    """

    without_offer: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LeakageCell:
    """Redemptions of one variant's codes by the visitors of one variant (None: never assigned)."""

    code_variant: str
    redeemer_variant: str | None
    redemptions: int


@dataclass(frozen=True, slots=True)
class LeakageReport:
    """Who used whose code.

    Attributes:
        redemptions: all that were not given back.
        leaked: of them, those by somebody of another variant or of none.
        share: leaked over all, 0–1.
        interval: Wilson interval of the share.
        threshold: the share above which the effect as randomised is diluted.
        diluted: whether it is.
        by_code: leaked share of each code's variant.
        matrix: counts.
        inconclusive: `no_redemptions`, or None.
    """

    redemptions: int = 0
    leaked: int = 0
    share: float | None = None
    interval: tuple[float, float] | None = None
    threshold: float | None = None
    diluted: bool = False
    by_code: dict[str, float] = field(default_factory=dict)
    matrix: tuple[LeakageCell, ...] = ()
    inconclusive: str | None = None


@dataclass(frozen=True, slots=True)
class RedeemerRow:
    """The effect on those who took the offer, on one metric of one treatment (see `RedeemerEffect`).

    Attributes:
        metric: key of the metric; `about` tells two with one key apart (see `stats.plan.Metric`).
        window_days: its window.
        treatment: the variant with the offer.
        margin_end: `lo` or `hi` where the goods margin is an interval, else None.
        takers: units of the treatment that took it; `units` of how many.
        effect: per taker, in the metric's own unit.
        anderson_rubin: effects not refuted, as intervals; an open end is None.
        first_stage_f: None also where everybody who was offered it took it: there is nothing to estimate.
        weak: first-stage F under 10: only `anderson_rubin` may be read.
    """

    metric: str
    window_days: int
    treatment: str
    margin_end: Literal["lo", "hi"] | None
    takers: int
    units: int
    effect: float | None = None
    standard_error: float | None = None
    interval: tuple[float, float] | None = None
    anderson_rubin: tuple[tuple[float | None, float | None], ...] = ()
    first_stage: float | None = None
    first_stage_f: float | None = None
    weak: bool = False
    pvalue: float | None = None
    inconclusive: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class RedeemersReport:
    """Complier effects, metric by metric.

    Attributes:
        taking: what counts as taking: `claimed` where codes are issued to units, else `redeemed`.
        rows: by treatment and metric.
        inconclusive: `control_has_offer`, `leakage`, `no_redemptions`, or None.
    """

    taking: Taking | None = None
    rows: tuple[RedeemerRow, ...] = ()
    inconclusive: str | None = None


@dataclass(frozen=True, slots=True)
class ProfitArm:
    """Where a unit's profit comes from, uncapped; costs are positive numbers that profit loses.

    Attributes:
        variant: its key.
        units: matured units.
        orders: orders that count, over all units.
        margin: goods margin before discounts, at both ends.
        discount: net of VAT, as are `gift`, `delivery` (cost less what was paid), `messages`, `exposure` and
            `points`.
        refunded: goods margin less discount that went back, at both ends.
        profit: what is left, at both ends.
    """

    variant: str
    units: int
    orders: int
    margin: Ends
    discount: float
    gift: float
    delivery: float
    messages: float
    exposure: float
    points: float
    refunded: Ends
    profit: Ends


@dataclass(frozen=True, slots=True)
class ProfitComparison:
    """Treatment against control.

    Attributes:
        difference: on the tested scale at the last look (see `Comparison`); None before it.
        interval: repeated interval, the union over the margin's ends.
        anytime_interval: live; never decides.
        raw_difference: of the uncapped means, at both ends.
        orders_uplift: relative change of orders per unit, or None.
        break_even_uplift: the change at which profit would equal control's, at both ends; None where an order
            of the treatment earns nothing.
        profit_per_incremental_order: at both ends; display only; None unless the treatment has more orders.
        inconclusive: why there is no tested difference, or None.
    """

    treatment: str
    control: str
    difference: float | None
    interval: tuple[float | None, float | None] | None
    anytime_interval: tuple[float, float] | None
    raw_difference: Ends
    orders_uplift: float | None
    break_even_uplift: tuple[float | None, float | None]
    profit_per_incremental_order: Ends | None
    inconclusive: str | None


@dataclass(frozen=True, slots=True)
class ProfitReport:
    """Profit per unit by component.

    `inconclusive` is `no_economics`, `no_mature_units`, or what orders lack.
    """

    window_days: int | None = None
    currency: str | None = None
    arms: tuple[ProfitArm, ...] = ()
    comparisons: tuple[ProfitComparison, ...] = ()
    inconclusive: str | None = None


@dataclass(frozen=True, slots=True)
class SubsidyRow:
    """Share of the treatment's redeemers who would have bought anyway.

    Attributes:
        low: lower bound if the offer puts nobody off.
        high: upper bound.
        interval: Imbens–Manski interval of these bounds.
        cautious_low: lower bound without that assumption.
        cautious_interval: its interval.
    """

    treatment: str
    redeemers: int
    units: int
    low: float | None = None
    high: float | None = None
    interval: tuple[float, float] | None = None
    cautious_low: float | None = None
    cautious_interval: tuple[float, float] | None = None
    inconclusive: str | None = None


@dataclass(frozen=True, slots=True)
class FullPrice:
    """Share of a variant's orders without any discount, with Wilson's interval; explanatory."""

    variant: str
    orders: int
    full_price_orders: int
    share: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class SubsidyReport:
    """Bounds by treatment and full-price shares; `inconclusive`: `control_has_offer` and others."""

    rows: tuple[SubsidyRow, ...] = ()
    full_price: tuple[FullPrice, ...] = ()
    inconclusive: str | None = None


@dataclass(frozen=True, slots=True)
class AgePoint:
    """The cumulative effect on orders per unit by one age.

    Attributes:
        age: shop days since the exposure.
        effect: orders per unit, treatment − control, up to this age.
        low: lower edge of the band that holds at all ages together.
        high: upper edge.
        lost_share: share of the largest effect so far gone again, 0 …; None where no effect was above 0.
    """

    age: int
    effect: float
    low: float
    high: float
    lost_share: float | None


@dataclass(frozen=True, slots=True)
class PullForwardRow:
    """The curve of one treatment; `diagnosis` as in `stats.offers.pull_forward`."""

    treatment: str
    points: tuple[AgePoint, ...] = ()
    peak_age: int | None = None
    lost_share: float | None = None
    diagnosis: str | None = None
    inconclusive: str | None = None


@dataclass(frozen=True, slots=True)
class PullForwardReport:
    """Curves by treatment; `inconclusive`: `no_mature_units`, or None."""

    window_days: int | None = None
    rows: tuple[PullForwardRow, ...] = ()
    inconclusive: str | None = None
