"""The plan as a flat TOML file, so that the command line reads the exported rows as the service did."""

import json
from collections.abc import Mapping
from typing import Any

from app.clock import day_iso, isoformat
from app.engine.port import Economics
from app.results.closing import Study

# keys of the contract's `plan` that the file carries, in this order
PLAN_KEYS = (
    "primary",
    "secondary",
    "guardrails",
    "window_days",
    "settle_days",
    "alpha",
    "power",
    "mde",
    "planned_units",
    "min_days",
    "max_days",
    "cap_minor",
    "method",
    "spending",
    "look_days",
)


def plan_file(  # noqa: PLR0913 - everything the file says
    definition: Mapping[str, Any],
    study: Study,
    *,
    as_of_us: int,
    through_seq: int,
    days: list[int],
    state: str,
    notes: Mapping[str, int],
    watched: Mapping[str, int],
) -> bytes:
    """The file.

    Args:
        definition: the experiment's contract JSON.
        study: its plan and economics.
        as_of_us: the moment of the export.
        through_seq: last sequence number read.
        days: shop days whose looks are written by then, consecutive.
        state: state of the experiment at that moment.
        notes: counts for the trust banner that the exported rows do not show.
        watched: `suspected_units` and `crowded_marks`; empty where no order carried a fingerprint.
    """
    plan = study.plan
    entries: dict[str, Any] = {
        "experiment": plan.experiment,
        "version": plan.version,
        "as_of": isoformat(as_of_us),
        "through_seq": through_seq,
        "state": state,
        "timezone": plan.timezone,
        "control": plan.control,
        "looks": f"{day_iso(days[0])}..{day_iso(days[-1])}" if days else [],
        **{name: definition["plan"].get(name) for name in PLAN_KEYS},
        **_economics(definition.get("economics"), study.economics),
        "largest_threshold_minor": plan.largest_threshold_minor,
        "without_offer": sorted(study.terms.without_offer) or None,
        **watched,
    }
    if study.scope.entry_ends_us is not None:
        entries["entry_ends_at"] = isoformat(study.scope.entry_ends_us)
    lines = [f"{name} = {_toml(value)}" for name, value in entries.items() if value is not None]
    rates = (definition.get("economics") or {}).get("rates") or {}
    tables = {"weights": dict(zip(plan.variants, plan.weights, strict=True)), "rates": rates, "notes": notes}
    for title, table in tables.items():
        if table:
            lines += [
                "",
                f"[{title}]",
                *(f"{json.dumps(key)} = {_toml(value)}" for key, value in table.items()),
            ]
    return ("\n".join(lines) + "\n").encode()


def _economics(terms: Mapping[str, Any] | None, economics: Economics | None) -> dict[str, Any]:
    if terms is None or economics is None:
        return {}
    return {
        "currency": economics.currency,
        "margin_share": terms.get("margin_share"),
        "vat_share": terms.get("vat_share"),
        "cost_per_exposure_minor": terms.get("cost_per_exposure_minor"),
        "needs_delivery_cost": economics.needs_delivery_cost,
    }


def _toml(value: Any) -> str:
    """A value as TOML; its basic strings, numbers and booleans are those of JSON."""
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key)} = {_toml(part)}" for key, part in value.items() if part is not None)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    return json.dumps(value)
