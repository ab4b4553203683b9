"""Files of exposures, orders and refunds: bad rows set aside and counted, duplicates taken once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.analyze.files import Sheet, read_sheet
from app.analyze.plan_file import PlanFile
from app.analyze.unusable import Unusable
from app.errors import Invalid
from app.ledger.rows import ORDER_MONEY
from stats.plan import AnalysisPlan

_REASON_NOTES = {
    "outside_running": "exposures_outside_running",
    "no_unit": "exposures_without_unit",
    "after_freeze": "exposures_after_freeze",
    "forced": "exposures_forced",
    "bot": "exposures_of_bots",
}


@dataclass(frozen=True)
class EventFiles:
    """The rows of the files, checked; ids still text.

    Attributes:
        exposures: event_id, unit, variant, occurred_us, flags, file, row.
        orders: event_id, order_id, unit, occurred_us, money, paid, cancelled_us, file, row.
        refunds: as `REFUND_ROWS`.
        experiment: key of the experiment.
        notes: counts of exposures that were set aside by the service.
        unusable: rows that cannot be used.
    """

    exposures: pa.Table
    orders: pa.Table
    refunds: pa.Table
    experiment: str
    notes: Mapping[str, int]
    unusable: Unusable

    def analysis(self, plan: PlanFile) -> AnalysisPlan:
        """The plan of these files."""
        variants = sorted(set(self.exposures["variant"].to_pylist()))
        return plan.plan(variants, self.experiment, len(pc.unique(self.exposures["unit"])))


def read_files(
    exposures: Sequence[Path], orders: Sequence[Path], refunds: Sequence[Path], plan: PlanFile
) -> EventFiles:
    """The rows of the files: bad ones set aside and counted, duplicates taken once."""
    unusable = Unusable()
    shown = pa.concat_tables([_exposure_columns(read_sheet(path)) for path in exposures])
    bought = pa.concat_tables([_order_columns(read_sheet(path)) for path in orders])
    shown, experiment = _one_experiment(shown, plan, unusable)
    shown = _usable(shown, ("unit", "variant"), unusable)
    aside = pc.not_equal(shown["reason"], "")
    reasons = shown.filter(aside)["reason"].to_pylist()
    back = _refund_columns([read_sheet(path) for path in refunds], bought)
    return EventFiles(
        exposures=_once(shown.filter(pc.invert(aside)), "event_id", "conflict", unusable),
        orders=_once(_usable(bought, ("order_id", "unit"), unusable), "order_id", "order_conflict", unusable),
        refunds=_once(
            _usable(back, ("refund_id", "order_id"), unusable), "refund_id", "refund_conflict", unusable
        ),
        experiment=experiment,
        notes={note: reasons.count(reason) for reason, note in _REASON_NOTES.items() if reason in reasons},
        unusable=unusable,
    )


def known_variants(files: EventFiles, weights: Mapping[str, float]) -> EventFiles:
    """The same files without exposures to variants that are not in the plan; those are counted."""
    known = pc.is_in(files.exposures["variant"], value_set=pa.array(list(weights), pa.string()))
    files.unusable.add("unknown_variant", files.exposures, pc.invert(known))
    return replace(files, exposures=files.exposures.filter(known))


def _exposure_columns(sheet: Sheet) -> pa.Table:
    sheet.need(("unit_id", "variant", "occurred_at"))
    unit, variant, moments = sheet.texts("unit_id"), sheet.texts("variant"), sheet.moments("occurred_at")
    made_up = pc.binary_join_element_wise(
        *(pc.fill_null(part.cast(pa.string()), "") for part in (unit, variant, moments)), "|"
    )
    nothing = pa.array([None] * sheet.table.num_rows, pa.string())
    return sheet.numbered(
        {
            "event_id": pc.coalesce(sheet.texts("event_id"), made_up) if sheet.has("event_id") else made_up,
            "experiment": sheet.texts("experiment") if sheet.has("experiment") else nothing,
            "unit": unit,
            "variant": variant,
            "occurred_us": moments,
            "reason": pc.fill_null(sheet.texts("reason"), "")
            if sheet.has("reason")
            else pc.fill_null(nothing, ""),
            "flags": sheet.integers("flags", 0),
        }
    )


def _order_columns(sheet: Sheet) -> pa.Table:
    sheet.need(("order_id", "unit_id", "occurred_at", "currency", "items_minor", "discount_minor"))
    order = sheet.texts("order_id")
    required = ("items_minor", "discount_minor", "shipping_minor")
    count = sheet.table.num_rows
    nothing = pa.array([None] * count, pa.int64())
    return sheet.numbered(
        {
            "event_id": pc.coalesce(sheet.texts("event_id"), order) if sheet.has("event_id") else order,
            "order_id": order,
            "unit": sheet.texts("unit_id"),
            "occurred_us": sheet.moments("occurred_at"),
            "currency": pc.fill_null(sheet.texts("currency"), ""),
            **{name: sheet.integers(name, 0 if name in required else None) for name in ORDER_MONEY},
            "paid": sheet.booleans("paid", default=True),
            "cancelled_us": sheet.moments("cancelled_at") if sheet.has("cancelled_at") else nothing,
            **{
                name: sheet.texts(name) if sheet.has(name) else nothing.cast(pa.string())
                for name in ("refunds", "skus")
            },
            "person": sheet.texts("person_id") if sheet.has("person_id") else nothing.cast(pa.string()),
        }
    )


def _refund_columns(sheets: Sequence[Sheet], orders: pa.Table) -> pa.Table:
    """Refunds of their own files and of the orders' `refunds` column."""
    parts = [_listed_refunds(orders)]
    for sheet in sheets:
        sheet.need(("refund_id", "order_id", "occurred_at", "amount_minor"))
        parts.append(
            sheet.numbered(
                {
                    "refund_id": sheet.texts("refund_id"),
                    "order_id": sheet.texts("order_id"),
                    "occurred_us": sheet.moments("occurred_at"),
                    "amount_minor": sheet.integers("amount_minor", 0),
                    "margin_minor": sheet.integers("margin_minor"),
                }
            )
        )
    return pa.concat_tables(parts)


def _listed_refunds(orders: pa.Table) -> pa.Table:
    found: list[dict[str, Any]] = []
    listed = orders.filter(pc.is_valid(orders["refunds"])).select(["order_id", "refunds", "file", "row"])
    for row in listed.to_pylist():
        try:
            found += [{**refund, **row} for refund in json.loads(row["refunds"])]
        except (ValueError, TypeError):
            detail = f"{row['file']}, row {row['row']}, column 'refunds': is not a JSON list of refunds"
            raise Invalid(detail, "bad_cell", "refunds", {"row": row["row"], "column": "refunds"}) from None
    names = {"refund_id": pa.string(), "occurred_at": pa.string(), "amount_minor": pa.int64()}
    columns = {name: pa.array([row.get(name) for row in found], kind) for name, kind in names.items()}
    sheet = Sheet("refunds", pa.table(columns), 1)
    return pa.table(
        {
            "refund_id": columns["refund_id"],
            "order_id": pa.array([row["order_id"] for row in found], pa.string()),
            "occurred_us": sheet.moments("occurred_at"),
            "amount_minor": pc.fill_null(columns["amount_minor"], 0),
            "margin_minor": pa.array([row.get("margin_minor") for row in found], pa.int64()),
            "file": pa.array([row["file"] for row in found], pa.string()),
            "row": pa.array([row["row"] for row in found], pa.int64()),
        }
    )


def _one_experiment(exposures: pa.Table, plan: PlanFile, unusable: Unusable) -> tuple[pa.Table, str]:
    """The exposures of the plan's experiment; without one in the plan, of the only one in the files."""
    named = sorted({key for key in pc.unique(exposures["experiment"]).to_pylist() if key is not None})
    if plan.experiment is None and len(named) > 1:
        raise Invalid(
            f"the files hold {len(named)} experiments; name one in plan.toml", "bad_plan", "experiment"
        )
    key = plan.experiment or (named[0] if named else "experiment")
    other = pc.fill_null(pc.not_equal(exposures["experiment"], key), fill_value=False)
    unusable.add("other_experiment", exposures, other)
    return exposures.filter(pc.invert(other)), key


def _usable(table: pa.Table, ids: Sequence[str], unusable: Unusable) -> pa.Table:
    """Rows with all their ids and a time."""
    missing = np.zeros(table.num_rows, dtype=bool)
    for name in ids:
        missing |= np.asarray(pc.is_null(table[name])).astype(bool)
    timeless = np.asarray(pc.is_null(table["occurred_us"])).astype(bool) & ~missing
    unusable.add("missing_id", table, missing)
    unusable.add("bad_time", table, timeless)
    return table.filter(pa.array(~missing & ~timeless))


def _once(table: pa.Table, key: str, code: str, unusable: Unusable) -> pa.Table:
    """Each row once: the same row again is passed over, another row with its id is counted."""
    content = [name for name in table.column_names if name not in {"file", "row"}]
    ordered = table.sort_by([(name, "ascending") for name in (*content, "row", "file")])
    repeated = _like_previous(ordered, content)
    different = ordered.filter(pa.array(~repeated)).sort_by([(name, "ascending") for name in (key, *content)])
    conflicting = _like_previous(different, [key])
    unusable.add(code, different, conflicting)
    return different.filter(pa.array(~conflicting))


def _like_previous(table: pa.Table, names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each row equals the one before it in these columns (two nulls are equal)."""
    same = np.ones(max(table.num_rows - 1, 0), dtype=bool)
    for name in names:
        here, before = table[name].slice(1), table[name].slice(0, max(table.num_rows - 1, 0))
        equal = pc.fill_null(pc.equal(here, before), fill_value=False)
        both_null = pc.and_(pc.is_null(here), pc.is_null(before))
        same &= np.asarray(pc.or_(equal, both_null)).astype(bool)
    return np.concatenate([np.zeros(min(table.num_rows, 1), dtype=bool), same])
