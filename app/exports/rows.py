"""What each export holds: ledger rows and results as flat tables with documented columns."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from app.exports.pseudonyms import pseudonyms
from app.identity.referrals import Clusters
from app.ledger.rows import ORDER_MONEY
from app.results.referred import PAIRS, Invitations
from stats.cells import Cells
from stats.results import Look

MOMENT = pa.timestamp("us", "UTC")
_SUM = pa.decimal128(38, 0)  # sums of squares outgrow 64 bits

CELLS = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "metric", "variant")),
        *((name, pa.int64()) for name in ("cohort_day", "age", "known_day")),
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


def order_table(orders: pa.Table, refunds: pa.Table, codes: Mapping[str, str], key: bytes) -> pa.Table:
    """Orders of exposed units: ids, time, money, paid, cancelled_at, and refunds and codes as JSON lists.

    Args:
        orders: orders of `AnalysisData` with `cancelled_us`.
        refunds: refunds of `AnalysisData` with `occurred_us`.
        codes: order → the codes it names, as JSON.
        key: secret behind the names of units.
    """
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
    """Uses of the experiment's codes and offers by anybody, without those given back.

    Args:
        redemptions: `Inputs.redemptions`.
        unconfirmed: `Inputs.unconfirmed`.
        key: secret behind the names of units.

    Returns:
        event_id, order_id, unit_id (who used it), code_variant, redeemer_variant (null: never assigned),
        occurred_at, status (`confirmed`, or `unconfirmed`: only an order names the code).
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
            "status": pa.repeat(pa.scalar(status), redemptions.num_rows),
        }
    )


def referral_table(invited: Invitations | None, key: bytes) -> pa.Table:
    """Referrals, where an offer of the experiment is one.

    Args:
        invited: `Inputs.invited`.
        key: secret behind the names of people.

    Returns:
        event_id, occurred_at, referrer_id and invited_id (people, before they were put into clusters),
        unit_id (the cluster of who was invited), standing (`counted`, or why it is not).
    """
    pairs = PAIRS.empty_table() if invited is None else _by_id(invited.pairs)
    found = Clusters() if invited is None else invited.clusters
    heads = [found.root_of.get(unit, unit) for unit in pairs["invited"].to_pylist()]
    return pa.table(
        {
            "event_id": pairs["event_id"],
            "occurred_at": _moments(pairs["occurred_us"]),
            "referrer_id": pseudonyms(pairs["referrer"], key),
            "invited_id": pseudonyms(pairs["invited"], key),
            "unit_id": pseudonyms(pa.chunked_array([pa.array(heads, pa.int64())]), key),
            "standing": pa.array([found.standing[one] for one in pairs["event_id"].to_pylist()], pa.string()),
        }
    )


def event_table(costs: pa.Table, claims: pa.Table, key: bytes) -> pa.Table:
    """What else counts for exposed units: event_id, type, unit_id, occurred_at, amount_minor.

    Args:
        costs: costs of `AnalysisData`: `message`, or `points` owed (below 0: spent).
        claims: claims of `AnalysisData`; they have no amount.
        key: secret behind the names of units.
    """
    names = ["event_id", "type", "unit", "occurred_us", "amount_minor"]
    claimed = claims.append_column("type", pa.repeat(pa.scalar("claim"), claims.num_rows))
    claimed = claimed.append_column("amount_minor", pa.nulls(claims.num_rows, pa.int64()))
    spent = costs.rename_columns(["type" if name == "kind" else name for name in costs.column_names])
    ordered = _by_id(pa.concat_tables([spent.select(names), claimed.select(names)]))
    return pa.table(
        {
            "event_id": ordered["event_id"],
            "type": ordered["type"],
            "unit_id": pseudonyms(ordered["unit"], key),
            "occurred_at": _moments(ordered["occurred_us"]),
            "amount_minor": ordered["amount_minor"],
        }
    )


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
    """The engine's integer sums, one row per cell; `kind` is entry, moment or event."""
    rows: list[dict[str, Any]] = []
    for kind, found in (("entry", cells.entries), ("moment", cells.moments), ("event", cells.events)):
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
