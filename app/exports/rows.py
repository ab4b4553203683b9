"""What each export holds: ledger rows and results as flat tables with documented columns."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from app.engine.port import AnalysisData
from app.exports.pseudonyms import pseudonyms
from app.ledger.rows import ORDER_MONEY
from stats.cells import Cells
from stats.results import Look

MOMENT = pa.timestamp("us", "UTC")
_SUM = pa.decimal128(38, 0)  # sums of squares outgrow 64 bits

CELLS = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "metric", "variant")),
        *((name, pa.int64()) for name in ("cohort_day", "age", "other_age", "known_day")),
        *(
            (name, pa.int64())
            for name in ("units", "triggered", "crossed_over", "merged", "buyers", "unusable", "change")
        ),
        *((name, _SUM) for name in ("total", "squares", "raw_total")),
        *((name, _SUM) for name in ("denominator", "denominator_squares", "cross")),
    ],
)


def exposure_table(experiment: str, exposures: pa.Table, key: bytes) -> pa.Table:
    """Every stored exposure: event_id, experiment, unit_id, variant, occurred_at, analysed, reason, flags.

    Args:
        experiment: its key.
        exposures: `Inputs.exposures`.
        key: secret behind the names of units.
    """
    ordered = _by_id(exposures)
    return pa.table(
        {
            "event_id": ordered["event_id"],
            "experiment": pa.repeat(pa.scalar(experiment, pa.string()), ordered.num_rows),
            "unit_id": pseudonyms(ordered["unit"], key),
            "variant": ordered["variant"],
            "occurred_at": _moments(ordered["occurred_us"]),
            "analysed": pc.equal(ordered["reason"], ""),
            "reason": ordered["reason"],
            "flags": ordered["flags"],
        }
    )


def order_table(data: AnalysisData, codes: Mapping[str, str], *, has_skus: bool, key: bytes) -> pa.Table:
    """Orders of exposed units: ids, time, money, paid, cancelled_at, and JSON lists of refunds, codes, skus.

    Args:
        data: the engine's tables; `orders` with `cancelled_us`, `refunds` with `occurred_us`.
        codes: order → the codes it names, as JSON.
        has_skus: whether metrics count products; there are no `skus` otherwise. They list those products:
            [] where the order holds none of them, null where it came without lines.
        key: secret behind the names of units.

    Returns:
        One row per order; `person_id` stands beside `unit_id` where units are clusters of people.
    """
    orders, refunds = data.orders, data.refunds
    ordered = _by_id(orders)
    lists = _refund_lists(refunds)
    return pa.table(
        {
            "event_id": ordered["event_id"],
            "order_id": ordered["order_id"],
            "unit_id": pseudonyms(ordered["unit"], key),
            "occurred_at": _moments(ordered["occurred_us"]),
            "currency": ordered["currency"],
            **{name: ordered[name] for name in ORDER_MONEY},
            "paid": ordered["paid"],
            "cancelled_at": _moments(ordered["cancelled_us"]),
            "refunds": pa.array([lists.get(order) for order in ordered["order_id"].to_pylist()], pa.string()),
            "codes": pa.array([codes.get(order) for order in ordered["order_id"].to_pylist()], pa.string()),
            **(_sku_column(ordered, data.lines) if has_skus else {}),
            **_person_column(ordered, data.persons, key),
        }
    )


def refund_table(refunds: pa.Table) -> pa.Table:
    """Refunds of those orders: refund_id, order_id, occurred_at, amount_minor, margin_minor."""
    ordered = refunds.sort_by("refund_id")
    return pa.table(
        {
            "refund_id": ordered["refund_id"],
            "order_id": ordered["order_id"],
            "occurred_at": _moments(ordered["occurred_us"]),
            "amount_minor": ordered["amount_minor"],
            "margin_minor": ordered["margin_minor"],
        }
    )


def redemption_table(redemptions: pa.Table, unconfirmed: pa.Table, key: bytes) -> pa.Table:
    """Uses of the experiment's codes and offers by anybody, those given back too.

    Args:
        redemptions: `Inputs.redemptions`.
        unconfirmed: `Inputs.unconfirmed`.
        key: secret behind the names of units.

    Returns:
        event_id, order_id, unit_id (who used it), code_variant, redeemer_variant (null: never assigned),
        occurred_at, reversed_at (null: not given back), status (`confirmed`, or `unconfirmed`: only an order
        names the code).
    """
    parts = (("confirmed", redemptions), ("unconfirmed", unconfirmed))
    return pa.concat_tables(_uses(table, status, key) for status, table in parts)


def _uses(redemptions: pa.Table, status: str, key: bytes) -> pa.Table:
    return pa.table(
        {
            "event_id": redemptions["event_id"],
            "order_id": redemptions["order_id"],
            "unit_id": pseudonyms(redemptions["unit"], key),
            "code_variant": redemptions["code_variant"],
            "redeemer_variant": redemptions["redeemer_variant"],
            "occurred_at": _moments(redemptions["occurred_us"]),
            "reversed_at": _moments(redemptions["reversed_us"]),
            "status": pa.repeat(pa.scalar(status), redemptions.num_rows),
        }
    )


def event_table(costs: pa.Table, claims: pa.Table, customs: pa.Table, key: bytes) -> pa.Table:
    """What else counts for exposed units: event_id, type, unit_id, occurred_at and what the type has.

    Args:
        costs: costs of `AnalysisData`: `message`, or `points` owed (below 0: spent), with `amount_minor`.
        claims: claims of `AnalysisData`; they have no amount.
        customs: custom events of `AnalysisData`: name, value, value_minor, trusted.
        key: secret behind the names of units.
    """
    spent = costs.rename_columns(["type" if name == "kind" else name for name in costs.column_names])
    parts = [spent, _typed(claims, "claim"), _typed(customs, "custom")]
    ordered = _by_id(pa.concat_tables([_filled(part) for part in parts]))
    return pa.table(
        {
            "event_id": ordered["event_id"],
            "type": ordered["type"],
            "unit_id": pseudonyms(ordered["unit"], key),
            "occurred_at": _moments(ordered["occurred_us"]),
            **{name: ordered[name] for name in ("amount_minor", "name", "value", "value_minor", "trusted")},
        }
    )


_EVENTS = pa.schema(
    [
        *((name, pa.string()) for name in ("event_id", "type", "name")),
        *((name, pa.int64()) for name in ("unit", "occurred_us", "amount_minor", "value", "value_minor")),
        ("trusted", pa.bool_()),
    ],
)


def _typed(table: pa.Table, kind: str) -> pa.Table:
    return table.append_column("type", pa.repeat(pa.scalar(kind), table.num_rows))


def _filled(table: pa.Table) -> pa.Table:
    """The table with every column of `_EVENTS`; what it does not have is null."""
    columns = {
        field.name: table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in _EVENTS
    }
    return pa.table(columns, schema=_EVENTS)


def unit_table(totals: pa.Table, key: bytes) -> pa.Table:
    """Exposed units: unit_id, variant, first_exposed_at, cohort_day, and value and maturity per metric.

    Args:
        totals: `Engine.unit_totals`.
        key: secret behind the names of units.
    """
    metrics = [name for name in totals.column_names if name not in {"unit", "variant", "t0_us", "cohort_day"}]
    return pa.table(
        {
            "unit_id": pseudonyms(totals["unit"], key),
            "variant": totals["variant"],
            "first_exposed_at": _moments(totals["t0_us"]),
            "cohort_day": totals["cohort_day"],
            **{name: totals[name] for name in metrics},
        }
    ).sort_by([("first_exposed_at", "ascending"), ("unit_id", "ascending")])


def cell_table(cells: Cells) -> pa.Table:
    """The engine's integer sums, one row per cell; `kind` is entry, moment, event or recurrence."""
    rows: list[dict[str, Any]] = []
    for kind, found in (
        *(("entry", cells.entries), ("moment", cells.moments)),
        *(("event", cells.events), ("recurrence", cells.recurrences)),
    ):
        rows += [{"kind": kind, **cell._asdict()} for cell in found]
    return pa.Table.from_pylist(rows, schema=CELLS)


def look_table(looks: Sequence[Look]) -> pa.Table:
    """Written looks with every field; `tested` as text, halves joined by +."""
    rows = [{**asdict(look), "tested": "+".join(look.tested)} for look in looks]
    return pa.Table.from_pylist(rows, schema=LOOKS)


_LOOK_TYPES = {
    **dict.fromkeys(("metric", "treatment", "day", "tested", "crossed"), pa.string()),
    **dict.fromkeys(("number", "n_control", "n_treatment"), pa.int64()),
    "noninferiority_passed": pa.bool_(),
}
LOOKS = pa.schema([(name, _LOOK_TYPES.get(name, pa.float64())) for name in Look.__dataclass_fields__])


def _by_id(table: pa.Table) -> pa.Table:
    return table.sort_by([("occurred_us", "ascending"), ("event_id", "ascending")])


def _moments(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(MOMENT)


def _refund_lists(refunds: pa.Table) -> dict[str, str]:
    """Order → its refunds as the JSON list that `app.analyze` reads back."""
    from app.clock import isoformat

    lists: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in refunds.sort_by("refund_id").to_pylist():
        lists[row["order_id"]].append(
            {
                "refund_id": row["refund_id"],
                "occurred_at": isoformat(row["occurred_us"]),
                "amount_minor": row["amount_minor"],
                "margin_minor": row["margin_minor"],
            }
        )
    return {order: json.dumps(rows, ensure_ascii=False) for order, rows in lists.items()}


def _sku_column(orders: pa.Table, lines: pa.Table | None) -> dict[str, pa.Array]:
    """Each order's products that metrics count, as a JSON list."""
    held: dict[str, list[str | None]] = defaultdict(list)
    rows = (
        [] if lines is None else lines.sort_by([("order_id", "ascending"), ("sku", "ascending")]).to_pylist()
    )
    for row in rows:
        held[row["order_id"]].append(row["sku"])
    found = (held.get(order, []) for order in orders["order_id"].to_pylist())
    lists = [None if None in skus else json.dumps(skus, ensure_ascii=False) for skus in found]
    return {"skus": pa.array(lists, pa.string())}


def _person_column(orders: pa.Table, persons: pa.Table | None, key: bytes) -> dict[str, pa.Array]:
    """Who made each order, where units are clusters of people."""
    if persons is None or persons.num_rows == 0:
        return {}
    place = pc.index_in(orders["order_id"], value_set=persons["order_id"].combine_chunks())
    person = pc.coalesce(persons["person"].take(place), orders["unit"])
    return {"person_id": pseudonyms(person, key)}
