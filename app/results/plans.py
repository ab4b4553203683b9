"""From an experiment's definition (the contract's JSON) to the plan the statistics and the engine read."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.engine.port import Economics
from app.ledger.currencies import MINOR_DIGITS
from stats.metrics import is_display_only, make_metric, metric_named
from stats.plan import AnalysisPlan, Metric, Role

PARTS_PER_MILLION = 1_000_000
DEFAULT_WINDOW_DAYS = 30

# plan keys that pass through as they are, when present and not null
_PLAIN_KEYS = (
    "alpha",
    "power",
    "mde",
    "planned_units",
    "settle_days",
    "min_days",
    "max_days",
    "cap_minor",
    "method",
    "spending",
    "look_days",
)


def parts_per_million(share: float | str) -> int:
    """A share as an exact count of millionths, by its decimal text.

    >>> parts_per_million(0.35)
    350000
    """
    return int((Decimal(str(share)) * PARTS_PER_MILLION).to_integral_value())


def rate_parts(rate: float | str, source: str, target: str) -> tuple[int, int]:
    """(numerator, denominator) that turn minor units of `source` into minor units of `target`.

    Args:
        rate: how much of `target` one whole `source` is worth, > 0.
        source: ISO code of the foreign currency.
        target: ISO code of the currency money is counted in.

    >>> rate_parts(90.5, "USD", "RUB")
    (181, 2)
    >>> rate_parts(0.6, "JPY", "RUB")
    (60, 1)
    """
    digits = MINOR_DIGITS.get(target, 2) - MINOR_DIGITS.get(source, 2)
    exact = Fraction(Decimal(str(rate))) * Fraction(10) ** digits
    return exact.numerator, exact.denominator


def plan_of(definition: Mapping[str, Any], version: int) -> AnalysisPlan:
    """The analysis plan of a definition.

    Profit per unit and the conversion rate are read beside the primary when nobody named them: the verdict
    always says the profit (when there are economics) and the page always shows who bought.

    Args:
        definition: the contract's experiment document, normalised.
        version: 1-based version of the experiment.

    Returns:
        The plan: metrics primaries first, then guardrails, then secondaries, no label twice.

    Raises:
        ValueError: an unknown metric or one that may not have its role (see `stats.metrics.make_metric`).
    """
    plan, economics = definition["plan"], definition.get("economics")
    variants = definition["variants"]
    return AnalysisPlan(
        experiment=definition["key"],
        version=version,
        variants=tuple(variant["key"] for variant in variants),
        control=next(variant["key"] for variant in variants if variant.get("control")),
        weights=tuple(float(variant["weight"]) for variant in variants),
        metrics=metrics_of(plan, money=economics is not None),
        currency=None if economics is None else economics["currency"],
        timezone=definition.get("timezone") or "UTC",
        largest_threshold_minor=_largest_threshold(variants),
        margin_share=None if economics is None else _margin_interval(economics.get("margin_share")),
        **{key: plan[key] for key in _PLAIN_KEYS if plan.get(key) is not None},
    )


def metrics_of(plan: Mapping[str, Any], *, money: bool) -> tuple[Metric, ...]:
    """The metrics of a plan under their roles, each label once.

    Args:
        plan: the contract's `plan` object.
        money: there are economics, so profit can be counted.

    >>> plan = {"primary": {"key": "repeat_buyers_per_unit", "days": 30}, "window_days": 30}
    >>> [(metric.label, metric.role) for metric in metrics_of(plan, money=False)]
    [('repeat_buyers_per_unit:30', 'primary'), ('conversion_rate:30', 'secondary')]
    """
    primary = plan["primary"]
    named = [
        *(_metric(spec, "primary", plan) for spec in (primary if isinstance(primary, list) else [primary])),
        *(_guardrail(spec, plan) for spec in plan.get("guardrails") or ()),
        *(
            _metric(spec, "secondary", plan)
            for spec in plan.get("secondary") or ()
            if not is_display_only(spec)
        ),
    ]
    keys = {metric.key for metric in named}
    window = named[0].window_days
    added = ["conversion_rate", *(["profit_per_unit"] if money else [])]
    named += [make_metric(key, "secondary", window) for key in added if key not in keys]
    return _each_once(named)


def economics_of(definition: Mapping[str, Any]) -> Economics | None:
    """How orders become profit, or None without economics; shares and rates exact."""
    economics = definition.get("economics")
    if economics is None:
        return None
    margin = _margin_interval(economics.get("margin_share"))
    return Economics(
        currency=economics["currency"],
        margin_ppm=None if margin is None else (parts_per_million(margin[0]), parts_per_million(margin[1])),
        vat_ppm=parts_per_million(economics.get("vat_share") or 0),
        cost_per_exposure_minor=int(economics.get("cost_per_exposure_minor") or 0),
        rates={
            source: rate_parts(rate, source, economics["currency"])
            for source, rate in sorted((economics.get("rates") or {}).items())
        },
        needs_delivery_cost=any(offer.get("kind") == "free_delivery" for offer in _offers(definition)),
    )


def _metric(spec: str | Mapping[str, Any], role: Role, plan: Mapping[str, Any], margin: Any = None) -> Metric:
    """A metric named by its key or by an object (see `stats.metrics.metric_named`)."""
    return metric_named(spec, role, plan.get("window_days") or DEFAULT_WINDOW_DAYS, margin)


def _guardrail(spec: Mapping[str, Any], plan: Mapping[str, Any]) -> Metric:
    return _metric(spec["metric"], "guardrail", plan, spec.get("non_inferiority_margin"))


def _each_once(metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    """The first metric of each label: a primary wins over a guardrail, a guardrail over a secondary."""
    first: dict[str, Metric] = {}
    for metric in metrics:
        first.setdefault(metric.label, metric)
    return tuple(first.values())


def _margin_interval(share: Any) -> tuple[float, float] | None:
    if share is None:
        return None
    low, high = share if isinstance(share, list | tuple) else (share, share)
    return float(low), float(high)


def _offers(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [variant["offer"] for variant in definition["variants"] if variant.get("offer")]


def _largest_threshold(variants: Iterable[Mapping[str, Any]]) -> int:
    return max(
        (int((variant.get("offer") or {}).get("min_order_minor") or 0) for variant in variants), default=0
    )
