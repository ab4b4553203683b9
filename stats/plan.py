"""What was decided before the data: the metrics, the error rates and the rhythm of looks.

A plan is written when the experiment is defined and never changes after the start.
"""

from dataclasses import dataclass
from typing import Literal

from stats.arguments import check_not_negative, check_positive, check_share

Role = Literal["primary", "secondary", "guardrail"]
Kind = Literal["proportion", "mean", "ratio", "survival", "recurrent"]
Direction = Literal["increase", "decrease"]


def label_of(key: str, about: str | None, window_days: int) -> str:
    """The name under which cells and looks of a metric are filed.

    >>> label_of("conversion_rate", None, 30), label_of("sku_orders_per_unit", "coffee-1", 14)
    ('conversion_rate:30', 'sku_orders_per_unit[coffee-1]:14')
    """
    return f"{key}:{window_days}" if about is None else f"{key}[{about}]:{window_days}"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a plan.

    Attributes:
        key: name of the metric, for example `revenue_per_unit`.
        role: primary (decides), secondary (is shown) or guardrail (must not be harmed).
        kind: the shape of the statistic: a share, a mean, a ratio of two sums, a Kaplan–Meier event share, or
            a mean cumulative function (`recurrent`).
        window_days: w; ages 0 … w count (`survival`, `recurrent`: ages 1 … w).
        money: the values are minor units of the plan's currency.
        signed: values may be negative (profit), so a cap cuts both tails.
        direction: the direction that is good for the shop.
        explanatory: the arm changes the denominator; shown with an interval, refused as primary.
        non_inferiority_margin: m, a share of control's mean (guardrails), else None.
        about: what tells two metrics with one key apart: a sku, the statistic of a custom event (other than
            `share`), a threshold in minor units; else None.
        label: the name of its cells and looks, `key:window_days` or `key[about]:window_days`.
    """

    key: str
    role: Role
    kind: Kind
    window_days: int
    money: bool = False
    signed: bool = False
    direction: Direction = "increase"
    explanatory: bool = False
    non_inferiority_margin: float | None = None
    about: str | None = None

    def __post_init__(self) -> None:
        """Refuse a margin that is no number."""
        if self.non_inferiority_margin is not None:
            check_not_negative(non_inferiority_margin=self.non_inferiority_margin)

    @property
    def is_followed(self) -> bool:
        """Whether units with an order at entry are followed, and count as far as they have been."""
        return self.kind in {"survival", "recurrent"}

    @property
    def label(self) -> str:
        """The name under which cells and looks are filed."""
        return label_of(self.key, self.about, self.window_days)


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """Everything the analysis needs to know that is not data.

    Attributes:
        experiment: key of the experiment.
        version: its version, 1-based.
        variants: variant keys in the order of the definition.
        control: the variant the others are compared with.
        weights: planned share of each variant, aligned with `variants`, sum 1.
        metrics: the metrics, primaries first.
        alpha: two-sided type-I error of the primary, in (0, 1); each half spends alpha / 2.
        power: planned power, in (0, 1).
        mde: smallest relevant effect, a share of control's mean.
        planned_units: mature units over all variants at which t = 1.
        settle_days: days after the window during which cancellations and refunds still count.
        min_days: first day of entry (1-based count of shop days) at which roll-out may be tested.
        max_days: days of entry after which the test gives its last word, or None.
        cap_minor: fixed cap on money per unit, or None (then frozen from the data).
        method: `group_sequential`.
        spending: spending function, for example `kim-demets:2`.
        open_ended_share: r, the share of alpha kept for t > 1.
        look_days: `weekly` (roll-out at whole weeks of entry, harm daily) or `daily`.
        currency: ISO code of every money metric, or None when the experiment has no economics.
        timezone: IANA zone in which shop days are cut.
        largest_threshold_minor: largest `min_order_minor` among the offers; caps stay above three times it.
        margin_share: (lo, hi) of the unknown goods margin, or None when orders carry it.
    """

    experiment: str
    version: int
    variants: tuple[str, ...]
    control: str
    weights: tuple[float, ...]
    metrics: tuple[Metric, ...]
    alpha: float = 0.05
    power: float = 0.8
    mde: float = 0.1
    planned_units: int = 10_000
    settle_days: int = 7
    min_days: int = 14
    max_days: int | None = None
    cap_minor: int | None = None
    method: str = "group_sequential"
    spending: str = "kim-demets:2"
    open_ended_share: float = 0.1
    look_days: Literal["weekly", "daily"] = "weekly"
    currency: str | None = None
    timezone: str = "UTC"
    largest_threshold_minor: int = 0
    margin_share: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse what no test can be planned by; the API has refused it before, with more words."""
        check_share("alpha", self.alpha)
        check_share("power", self.power)
        if not 0.0 <= self.open_ended_share < 1.0:
            raise ValueError(f"open_ended_share is {self.open_ended_share}; it must lie from 0 to under 1")
        if len(self.weights) != len(self.variants) or self.control not in self.variants:
            raise ValueError("weights must have one value per variant, and control be one of the variants")
        for variant, weight in zip(self.variants, self.weights, strict=True):
            check_positive(**{f"weight of {variant}": weight})

    @property
    def treatments(self) -> tuple[str, ...]:
        """Every variant but control, in order."""
        return tuple(variant for variant in self.variants if variant != self.control)

    def weight(self, variant: str) -> float:
        """Planned share of one variant, 0–1."""
        return self.weights[self.variants.index(variant)]
