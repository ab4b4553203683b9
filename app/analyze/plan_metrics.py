"""`[[metrics]]` of a plan.toml, and the plan of files that carry no cohorts: every reading may be a look."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from app.analyze.plan_file import PlanFile
from app.errors import Invalid
from stats.plan import AnalysisPlan, Direction, Kind, Metric, Role

KINDS: dict[str, Kind] = {"binary": "proportion", "mean": "mean", "ratio": "ratio"}
_METRIC_KEYS = {"key", "kind", "column", "denominator", "direction", "role", "non_inferiority_margin"}


def metric_spec(spec: Mapping[str, Any], plan: PlanFile) -> tuple[Metric, str, str | None]:
    """A `[[metrics]]` entry: the metric, its column and its denominator's.

    Raises:
        Invalid: a key is unknown, missing or out of bounds; names it.
    """
    for key in spec:
        if key not in _METRIC_KEYS:
            raise Invalid(f"[[metrics]] has no key {key!r}", "bad_plan", f"metrics.{key}")
    for key in ("key", "kind"):
        if not isinstance(spec.get(key), str):
            raise Invalid("is missing", "bad_plan", f"metrics.{key}")
    if spec["kind"] not in KINDS:
        raise Invalid("must be binary, mean or ratio", "bad_plan", "metrics.kind")
    if (spec["kind"] == "ratio") != ("denominator" in spec):
        raise Invalid("goes with kind = ratio, and only with it", "bad_plan", "metrics.denominator")
    metric = Metric(
        key=spec["key"],
        role=_role(spec, plan),
        kind=KINDS[spec["kind"]],
        window_days=0,
        direction=cast("Direction", spec.get("direction", "increase")),
        explanatory=spec["kind"] == "ratio",
        non_inferiority_margin=spec.get("non_inferiority_margin"),
    )
    if metric.direction not in {"increase", "decrease"}:
        raise Invalid("must be increase or decrease", "bad_plan", "metrics.direction")
    return metric, spec.get("column", spec["key"]), spec.get("denominator")


def _role(spec: Mapping[str, Any], plan: PlanFile) -> Role:
    primary = plan.entries.get("primary", plan.entries["metrics"][0]["key"])
    if spec["key"] == (primary["key"] if isinstance(primary, dict) else primary):
        return "primary"
    return "guardrail" if spec.get("role") == "guardrail" else "secondary"


def cohortless_plan(
    plan: PlanFile, weights: Mapping[str, float], metrics: Sequence[Metric], units: int, name: str = "units"
) -> AnalysisPlan:
    """The plan of a file without cohorts: nothing waits for a window, a weekday or a shortest duration.

    Args:
        plan: plan.toml; without `planned_units` the units in hand are the plan.
        weights: planned shares by variant.
        metrics: in the order of the file.
        units: units in hand over all variants.
        name: of an experiment that plan.toml does not name.

    Raises:
        Invalid: no metric is the primary one.
    """
    if not any(metric.role == "primary" for metric in metrics):
        raise Invalid("is none of [[metrics]]", "bad_plan", "primary")
    names = ("alpha", "power", "mde", "method", "spending", "planned_units")
    given = {name: plan.entries[name] for name in names if name in plan.entries}
    if "planned_units" not in given:
        given |= {"planned_units": max(units, 1), "open_ended_share": 0.0}
    return AnalysisPlan(
        experiment=plan.experiment or name,
        version=int(plan.entries.get("version", 1)),
        variants=tuple(weights),
        control=plan.control,
        weights=tuple(weights.values()),
        metrics=tuple(sorted(metrics, key=lambda metric: metric.role != "primary")),
        settle_days=0,
        min_days=1,
        look_days="daily",
        timezone=plan.timezone,
        **given,
    )
