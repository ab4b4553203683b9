"""Rules that join fields of a definition. Each refuses with the field's name."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from app.errors import Invalid
from app.experiments.segments import named_groups
from app.offers.schemas import money_terms
from app.strict import moment_us
from assignment.ranges import check_ranges, check_weights
from assignment.targeting import validate_condition
from stats.metrics import MetricRefused, is_display_only, metric_named, needs_currency
from stats.plan import Metric, Role

Definition = dict[str, Any]
_WEIGHT_OF_RANGE_TOLERANCE = 1e-6


def check(definition: Definition) -> None:
    """Refuse a definition that contradicts itself.

    Args:
        definition: as dumped from the schema, defaults filled in.

    Raises:
        Invalid: naming the field.
    """
    for rule in (
        *(_variants, _weights, _ranges, _layer, _audience, _fallback_unit),
        *(_money, _margin, _plan, _dates),
    ):
        rule(definition)


def warnings(definition: Definition) -> list[dict[str, str]]:
    """What is allowed but probably not meant."""
    plan = definition["plan"]
    longest = max((_code_days(offer) for _, offer in offers(definition)), default=0)
    shortest = min(metric.window_days for metric in _metrics(_listed(plan["primary"]), "primary", definition))
    if longest <= shortest or plan["window_override"]:
        return []
    return [
        {
            "code": "window_shorter_than_code",
            "field": "plan.window_days",
            "detail": f"a code lives {longest} days, the primary is read after {shortest}: "
            "plan at least the code's life plus one purchase cycle, or say why not in window_override",
        }
    ]


def offers(definition: Definition) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every offer of a definition with the path of its field."""
    for position, variant in enumerate(definition["variants"]):
        if variant["offer"] is not None:
            yield f"variants.{position}.offer", variant["offer"]
    if definition["fallback"] is not None:
        yield "fallback", definition["fallback"]


def _code_days(offer: dict[str, Any]) -> int:
    return max((offer.get("code") or {}).get("valid_days") or 0, offer.get("valid_days") or 0)


def _refuse(field: str, code: str, call: Callable[[], object]) -> None:
    """Run a check of a pure room and give its ValueError the field's name."""
    try:
        call()
    except ValueError as error:
        raise Invalid(str(error)[:300], code, field) from None


def _variants(definition: Definition) -> None:
    keys = [variant["key"] for variant in definition["variants"]]
    for position, key in enumerate(keys):
        if key in keys[:position]:
            raise Invalid("two variants have this key", "duplicate_variant", f"variants.{position}.key")
    controls = sum(variant["control"] for variant in definition["variants"])
    if controls != 1:
        raise Invalid(f"exactly one variant must be control; {controls} are", "one_control", "variants")


def _weights(definition: Definition) -> None:
    weights = [variant["weight"] for variant in definition["variants"]]
    _refuse("variants.weight", "weights_sum", lambda: check_weights(weights))


def _ranges(definition: Definition) -> None:
    ranges = [variant["range"] for variant in definition["variants"]]
    if all(span is None for span in ranges):
        return
    if None in ranges:
        position = ranges.index(None)
        raise Invalid("all variants have a range, or none", "range_missing", f"variants.{position}.range")
    for position, (low, high) in enumerate(ranges):
        if not low < high:
            raise Invalid("must satisfy low < high", "empty_range", f"variants.{position}.range")
    _refuse("variants", "overlapping_ranges", lambda: check_ranges([(low, high) for low, high in ranges]))
    total = sum(high - low for low, high in ranges)
    for position, (low, high) in enumerate(ranges):
        if (
            abs((high - low) / total - definition["variants"][position]["weight"])
            > _WEIGHT_OF_RANGE_TOLERANCE
        ):
            raise Invalid(
                "its width is not its weight: the sample ratio could not be tested",
                "range_weight",
                f"variants.{position}.range",
            )
    if definition["coverage"] != 1:
        raise Invalid("explicit ranges say the coverage themselves; leave 1", "range_coverage", "coverage")


def _layer(definition: Definition) -> None:
    layer = definition["layer"]
    if layer is not None and not layer["range"][0] < layer["range"][1]:
        raise Invalid("must satisfy low < high", "empty_range", "layer.range")


def _audience(definition: Definition) -> None:
    audience = definition["audience"]
    groups: dict[str, list[Any]] = {
        name: [] for name in named_groups(audience)
    }  # whether they exist: service
    _refuse("audience", "invalid_condition", lambda: validate_condition(audience, groups))


def _fallback_unit(definition: Definition) -> None:
    if definition["fallback_unit"] is not None and definition["unit"] != "customer":
        raise Invalid("only for experiments whose unit is the customer", "fallback_unit", "fallback_unit")


def _money(definition: Definition) -> None:
    """Every offer speaks the currency of the economics; without one of its own it takes that over."""
    economics = definition["economics"]
    common = None if economics is None else economics["currency"]
    if economics is not None and economics["rates"].get(common, 1) != 1:
        raise Invalid("a currency is worth 1 of itself", "rate_of_own_currency", f"economics.rates.{common}")
    for path, offer in offers(definition):
        if offer["kind"] == "none":
            continue
        if offer["currency"] is None:
            offer["currency"] = common
        if offer["currency"] is None and money_terms(offer):
            raise Invalid("sums of money need a currency", "missing", f"{path}.currency")
        if common is not None and offer["currency"] != common:
            raise Invalid(f"is not the experiment's {common}", "currency_mismatch", f"{path}.currency")
        common = common or offer["currency"]


def _margin(definition: Definition) -> None:
    margin = (definition["economics"] or {}).get("margin_share")
    if isinstance(margin, list) and margin[0] > margin[1]:
        raise Invalid("must be [lo, hi] with lo <= hi", "margin_interval", "economics.margin_share")


def _plan(definition: Definition) -> None:
    from stats.sequential.spending import parse_spending

    plan = definition["plan"]
    _refuse("plan.spending", "unknown_spending", lambda: parse_spending(plan["spending"]))
    if plan["max_days"] is not None and plan["max_days"] < plan["min_days"]:
        raise Invalid(f"is below min_days, {plan['min_days']}", "max_days", "plan.max_days")
    primaries = _metrics(_listed(plan["primary"]), "primary", definition)
    guardrails = _metrics([item["metric"] for item in plan["guardrails"]], "guardrail", definition)
    _metrics(plan["secondary"], "secondary", definition)
    _no_label_twice("plan.primary", primaries, [])
    _no_label_twice("plan.guardrails", guardrails, primaries)


def _listed(names: Any) -> list[Any]:
    return names if isinstance(names, list) else [names]


def _metrics(names: list[Any], role: Role, definition: Definition) -> list[Metric]:
    field = {"primary": "plan.primary", "guardrail": "plan.guardrails", "secondary": "plan.secondary"}[role]
    window = definition["plan"]["window_days"]
    found = []
    for position, name in enumerate(names):
        if role == "secondary" and is_display_only(name):
            continue
        try:
            found.append(metric_named(name, role, window))
        except MetricRefused as error:
            place = _place(field, definition["plan"], position, error.field)
            raise Invalid(str(error)[:300], "invalid_metric", place) from None
    if definition["economics"] is None and any(needs_currency(metric) for metric in found):
        raise Invalid("a metric in money needs economics with a currency", "missing", "economics")
    _check_thresholds(field, found, definition)
    return found


def _place(field: str, plan: dict[str, Any], position: int, part: str | None) -> str:
    """The path of a metric's field, `plan.guardrails.0.metric.sku`; without a field that of the list."""
    if part is None:
        return field
    inside = ".metric" if field == "plan.guardrails" else ""
    listed = isinstance(plan[field.removeprefix("plan.")], list)
    return f"{field}{f'.{position}' if listed else ''}{inside}.{part}"


def _check_thresholds(field: str, metrics: list[Metric], definition: Definition) -> None:
    """Bunching needs a threshold: its own, or that of an offer."""
    has_threshold = any(offer.get("min_order_minor") for _, offer in offers(definition))
    unsaid = any(metric.key == "threshold_bunching" and metric.about is None for metric in metrics)
    if unsaid and not has_threshold:
        raise Invalid("threshold_minor is missing, and no offer has one", "invalid_metric", field)


def _no_label_twice(field: str, metrics: list[Metric], others: list[Metric]) -> None:
    labels = [metric.label for metric in [*others, *metrics]]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise Invalid(f"{twice} is named twice", "duplicate_metric", field)


def _dates(definition: Definition) -> None:
    if definition["timezone"] not in _timezones():
        raise Invalid("is not an IANA time zone, for example Europe/Moscow", "unknown_timezone", "timezone")
    starts_at, ends_at = definition["starts_at"], definition["ends_at"]
    if starts_at is not None and ends_at is not None and moment_us(ends_at) <= moment_us(starts_at):
        raise Invalid("must lie after starts_at", "ends_before_start", "ends_at")


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())
