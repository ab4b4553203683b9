"""The catalogue of metrics: which keys exist, what shape each has, and which may decide."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from stats.plan import AnalysisPlan, Direction, Kind, Metric, Role

Statistic = Literal["share", "count", "sum", "sum_minor"]
CUSTOM = "custom:"
UNSUBSCRIBE = "unsubscribe"  # name of the custom event behind `unsubscribe_rate`
LONGEST_WINDOW_DAYS = 730
LONGEST_NAME = 200
LARGEST_THRESHOLD_MINOR = 10**15


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """What a metric key means to the statistics (the counting is defined in the product page).

    Attributes:
        kind: share, mean, ratio, survival (Kaplan–Meier event share) or recurrent (mean cumulative function).
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


@dataclass(frozen=True, slots=True)
class MetricTerms:
    """What a metric takes beside its key and window; each goes with certain keys only.

    Attributes:
        sku: the product that `sku_orders_per_unit` counts.
        statistic: what is made of the events of `custom:EVENT`: `share` (of units with one; the default),
            `count`, `sum` of `value`, or `sum_minor` of `value_minor`.
        direction: the good direction of `custom:EVENT`; `increase` by default.
        threshold_minor: T of `threshold_bunching`; the plan's largest `min_order_minor` by default.
    """

    sku: str | None = None
    statistic: Statistic | None = None
    direction: Direction | None = None
    threshold_minor: int | None = None


class MetricRefused(ValueError):  # noqa: N818 - the service's refusals are named so too
    """A metric that cannot be asked for.

    Attributes:
        field: the field of the metric that is wrong, or None where it is the metric itself.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


CATALOGUE: dict[str, MetricDefinition] = {
    "conversion_rate": MetricDefinition("proportion"),
    "orders_per_unit": MetricDefinition("mean"),
    "revenue_per_unit": MetricDefinition("mean", money=True, signed=True),
    "discount_per_unit": MetricDefinition("mean", money=True, direction="decrease"),
    "profit_per_unit": MetricDefinition("mean", money=True, signed=True),
    "new_customers_per_unit": MetricDefinition("mean"),
    "sku_orders_per_unit": MetricDefinition("mean"),
    "repeat_buyers_per_unit": MetricDefinition("proportion"),
    "repeat_purchase_rate": MetricDefinition("survival"),
    "orders_per_customer": MetricDefinition("recurrent"),
    "redemption_rate": MetricDefinition("proportion"),
    "unsubscribe_rate": MetricDefinition("proportion", direction="decrease"),
    "average_order_value": MetricDefinition("ratio", money=True, explanatory=True),
    "redemptions_per_redeemer": MetricDefinition("ratio", explanatory=True),
    "full_price_share": MetricDefinition("ratio", explanatory=True),
    "refund_rate": MetricDefinition("ratio", direction="decrease", explanatory=True),
    "threshold_bunching": MetricDefinition("ratio", explanatory=True),
}
# shown with the profit of every result, never a metric of a plan: a ratio of two differences has no test
DISPLAY_ONLY = frozenset({"profit_per_incremental_order"})
CUSTOM_STATISTICS: dict[Statistic, MetricDefinition] = {
    "share": MetricDefinition("proportion"),
    "count": MetricDefinition("mean"),
    "sum": MetricDefinition("mean", signed=True),
    "sum_minor": MetricDefinition("mean", money=True, signed=True),
}
NO_TERMS = MetricTerms()
_TERMS = tuple(field.name for field in fields(MetricTerms))
_FIELD_KINDS: dict[str, type] = {
    **dict.fromkeys(("key", "sku", "statistic", "direction"), str),
    **dict.fromkeys(("days", "window_days", "threshold_minor"), int),
}
_SAID = {str: "text", int: "a whole number"}


def make_metric(
    key: str,
    role: Role,
    window_days: int,
    non_inferiority_margin: float | None = None,
    terms: MetricTerms = NO_TERMS,
) -> Metric:
    """A metric of the catalogue, or of a custom event, under one role and window.

    Args:
        key: a key of `CATALOGUE`, or `custom:EVENT`.
        role: primary, secondary or guardrail.
        window_days: w, 1 … 730 shop days.
        non_inferiority_margin: m in (0, 1), a share of control's mean; guardrails only.
        terms: what the metric takes besides.

    Raises:
        MetricRefused: unknown key, a term missing or in the wrong place, window out of bounds, or an
            explanatory metric asked to decide.

    >>> make_metric("custom:opened", "secondary", 30, terms=MetricTerms(statistic="count")).label
    'custom:opened[count]:30'
    >>> make_metric("average_order_value", "primary", 30)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    stats.metrics.MetricRefused: average_order_value is explanatory: ...
    """
    definition = _definition(key, terms)
    if not 1 <= window_days <= LONGEST_WINDOW_DAYS:
        raise MetricRefused(f"window_days must be 1 … {LONGEST_WINDOW_DAYS}, got {window_days}")
    if definition.explanatory and role != "secondary":
        reason = "is explanatory: the arm changes its denominator, so it cannot be"
        raise MetricRefused(f"{key} {reason} {role}")
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
        about=_about(terms),
    )


def metric_named(
    name: str | Mapping[str, Any], role: Role, window_days: int, non_inferiority_margin: float | None = None
) -> Metric:
    """A metric as a plan names it: by its key, or by an object with `key` and what goes with it.

    Args:
        name: a key, or `key`, `days` or `window_days`, and the fields of `MetricTerms`; None is as absent.
        role: primary, secondary or guardrail.
        window_days: the plan's window, used where the name has none.
        non_inferiority_margin: as for `make_metric`.

    Raises:
        MetricRefused: as for `make_metric`, and fields that no metric has.

    >>> metric_named({"key": "sku_orders_per_unit", "sku": "coffee-1", "days": 14}, "primary", 30).label
    'sku_orders_per_unit[coffee-1]:14'
    """
    use: dict[str, Any] = {"key": name} if isinstance(name, str) else dict(name)
    for field, value in use.items():
        kind = _FIELD_KINDS.get(field)
        if kind is None:
            raise MetricRefused(f"{field} is no field of a metric", str(field))
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise MetricRefused(f"{field} is {value!r}; it must be {_SAID[kind]}", field)
    if not use.get("key"):
        raise MetricRefused("key is missing", "key")
    terms = MetricTerms(**{field: use.get(field) for field in _TERMS})
    days: int = use.get("days") or use.get("window_days") or window_days
    return make_metric(use["key"], role, days, non_inferiority_margin, terms)


def is_display_only(name: str | Mapping[str, Any]) -> bool:
    """Whether a plan names a number that is shown anyway and never tested; fine among the secondaries.

    >>> is_display_only("profit_per_incremental_order"), is_display_only({"key": "conversion_rate"})
    (True, False)
    """
    return (name if isinstance(name, str) else name.get("key")) in DISPLAY_ONLY


def event_name(metric: Metric) -> str | None:
    """The name of the custom events a metric counts, or None.

    >>> event_name(make_metric("custom:opened", "secondary", 30)), event_name(
    ...     make_metric("unsubscribe_rate", "secondary", 30)
    ... )
    ('opened', 'unsubscribe')
    """
    if metric.key == "unsubscribe_rate":
        return UNSUBSCRIBE
    return metric.key.removeprefix(CUSTOM) if metric.key.startswith(CUSTOM) else None


def event_names(plan: AnalysisPlan) -> list[str]:
    """The names of the custom events that a plan's metrics count, each once, sorted."""
    return sorted({name for metric in plan.metrics if (name := event_name(metric)) is not None})


def skus(plan: AnalysisPlan) -> list[str]:
    """The products that a plan's metrics count, each once, sorted."""
    asked = (metric.about for metric in plan.metrics if metric.key == "sku_orders_per_unit")
    return sorted({sku for sku in asked if sku is not None})


def statistic_of(metric: Metric) -> Statistic:
    """What is made of a metric's custom events."""
    return next((known for known in get_args(Statistic) if known == metric.about), "share")


def needs_currency(metric: Metric) -> bool:
    """Whether a metric reads amounts of money, so that somebody must say in which currency."""
    return metric.money or metric.key == "threshold_bunching"


def _definition(key: str, terms: MetricTerms) -> MetricDefinition:
    for field, given, belongs in (
        ("sku", terms.sku, key == "sku_orders_per_unit"),
        ("statistic", terms.statistic, key.startswith(CUSTOM)),
        ("direction", terms.direction, key.startswith(CUSTOM)),
        ("threshold_minor", terms.threshold_minor, key == "threshold_bunching"),
    ):
        if given is not None and not belongs:
            raise MetricRefused(f"{field} does not go with {key}", field)
    if key == "sku_orders_per_unit" and not terms.sku:
        raise MetricRefused("sku is missing: which product's orders are counted?", "sku")
    if terms.threshold_minor is not None and not 0 < terms.threshold_minor <= LARGEST_THRESHOLD_MINOR:
        raise MetricRefused("threshold_minor must be above 0", "threshold_minor")
    if key.startswith(CUSTOM):
        return _custom(key, terms)
    if key in DISPLAY_ONLY:
        reason = "is display only: a ratio of two differences has no test; offers.profit of a result shows it"
        raise MetricRefused(f"{key} {reason}")
    if key not in CATALOGUE:
        known = ", ".join(sorted(CATALOGUE))
        raise MetricRefused(f"unknown metric {key!r}; known: {known}, custom:EVENT")
    return CATALOGUE[key]


def _custom(key: str, terms: MetricTerms) -> MetricDefinition:
    if not 0 < len(key) - len(CUSTOM) <= LONGEST_NAME:
        raise MetricRefused(f"custom: must be followed by the name of an event, got {key!r}", "key")
    statistic = terms.statistic or "share"
    if statistic not in CUSTOM_STATISTICS:
        known = ", ".join(CUSTOM_STATISTICS)
        raise MetricRefused(f"statistic is {statistic!r}; it must be one of {known}", "statistic")
    if terms.direction not in {None, *get_args(Direction)}:
        raise MetricRefused(f"direction is {terms.direction!r}; increase or decrease", "direction")
    return replace(CUSTOM_STATISTICS[statistic], direction=terms.direction or "increase")


def _about(terms: MetricTerms) -> str | None:
    """What tells two metrics with one key apart, in words of the plan."""
    if terms.threshold_minor is not None:
        return str(terms.threshold_minor)
    return terms.sku or (None if terms.statistic == "share" else terms.statistic)
