"""The catalogue of metrics: which keys exist, what shape each has, and which may decide."""

from dataclasses import dataclass

from stats.plan import Direction, Kind, Metric, Role


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """What a metric key means to the statistics (the counting is defined in the product page).

    Attributes:
        kind: share, mean, ratio or survival (Kaplan–Meier event share).
        money: values are minor units.
        signed: values may be negative.
        direction: the direction that is good for the shop.
        explanatory: refused as primary and as guardrail.
    """

    kind: Kind
    money: bool = False
    signed: bool = False
    direction: Direction = "increase"
    explanatory: bool = False


LONGEST_WINDOW_DAYS = 730

CATALOGUE: dict[str, MetricDefinition] = {
    "conversion_rate": MetricDefinition("proportion"),
    "orders_per_unit": MetricDefinition("mean"),
    "revenue_per_unit": MetricDefinition("mean", money=True, signed=True),
    "discount_per_unit": MetricDefinition("mean", money=True, direction="decrease"),
    "profit_per_unit": MetricDefinition("mean", money=True, signed=True),
    "repeat_buyers_per_unit": MetricDefinition("proportion"),
    "repeat_purchase_rate": MetricDefinition("survival"),
    "average_order_value": MetricDefinition("ratio", money=True, explanatory=True),
}


def make_metric(
    key: str, role: Role, window_days: int, non_inferiority_margin: float | None = None
) -> Metric:
    """A metric of the catalogue under one role and window.

    Args:
        key: a key of `CATALOGUE`.
        role: primary, secondary or guardrail.
        window_days: w, 1 … 730 shop days.
        non_inferiority_margin: m in (0, 1), a share of control's mean; guardrails only.

    Raises:
        ValueError: unknown key, window out of bounds, or an explanatory metric asked to decide.

    >>> make_metric("average_order_value", "primary", 30)
    Traceback (most recent call last):
    ...
    ValueError: average_order_value is explanatory: the arm changes its denominator, so it cannot be primary
    """
    definition = CATALOGUE.get(key)
    if definition is None:
        raise ValueError(f"unknown metric {key!r}; known: {', '.join(sorted(CATALOGUE))}")
    if not 1 <= window_days <= LONGEST_WINDOW_DAYS:
        raise ValueError(f"window_days must be 1 … {LONGEST_WINDOW_DAYS}, got {window_days}")
    if definition.explanatory and role != "secondary":
        raise ValueError(f"{key} is explanatory: the arm changes its denominator, so it cannot be {role}")
    return Metric(
        key=key,
        role=role,
        kind=definition.kind,
        window_days=window_days,
        money=definition.money,
        signed=definition.signed,
        direction=definition.direction,
        explanatory=definition.explanatory,
        non_inferiority_margin=non_inferiority_margin,
    )
