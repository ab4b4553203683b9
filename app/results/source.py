"""An experiment's rows from the database, as one `Study`."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from app.codes.service import named_codes
from app.database import Database
from app.engine.port import Engine
from app.experiments.lifecycle import running_spans
from app.experiments.tables import ExperimentRow
from app.ledger import line_rows, offer_rows, queries
from app.ledger.print_rows import PRINTS, print_rows
from app.ledger.referral_rows import REFERRALS, referral_rows
from app.results.closing import Study
from app.results.ledger_rows import (
    CANCELLATION_ROWS,
    CLAIM_ROWS,
    COST_ROWS,
    CUSTOM_ROWS,
    EXPOSURE_ROWS,
    LINE_ROWS,
    LINK_ROWS,
    ORDER_ROWS,
    REDEMPTION_ROWS,
    REFUND_ROWS,
    LedgerRows,
)
from app.results.offers import terms_of
from app.results.plans import economics_of, plan_of
from app.results.units import Scope
from app.settings import Settings
from app.strict import moment_us
from stats.metrics import event_names, skus
from stats.plan import AnalysisPlan

END_OF_TIME_US = 2**62
_OF_ORDER = ("event_id", "visitor", "customer", "occurred_us", "order_id")


def engine_of(settings: Settings) -> Engine:
    """The counting engine in force.

    Raises:
        ValueError: it is not built yet.
    """
    if settings.engine != "duckdb":
        raise ValueError(f"the engine {settings.engine!r} is not built yet; use duckdb")
    from app.engine.duckdb import DuckDBEngine

    return DuckDBEngine()


def load_study(
    database: Database,
    settings: Settings,
    row: ExperimentRow,
    through_seq: int,
    before_us: int = END_OF_TIME_US,
) -> Study:
    """One experiment with all rows the ledger has about it.

    Args:
        database: where the ledger is.
        settings: which engine counts.
        row: the experiment.
        through_seq: last sequence number to read.
        before_us: only rows that happened before it, microseconds since 1970 UTC.
    """
    plan = plan_of(row.definition, row.version)
    return Study(
        plan=plan,
        economics=economics_of(row.definition),
        scope=scope_of(row),
        rows=ledger_rows(
            database,
            plan,
            queries.Cut(before_us, through_seq),
            by_referral=has_referral(row.definition),
            is_watched=is_watched(row.definition),
        ),
        engine=engine_of(settings),
        terms=terms_of(row.definition),
    )


def ledger_rows(
    database: Database,
    plan: AnalysisPlan,
    cut: queries.Cut,
    *,
    by_referral: bool = False,
    is_watched: bool = False,
) -> LedgerRows:
    """Rows of one experiment, everybody's orders, refunds and links, and what else matters to it."""
    experiment = plan.experiment
    return LedgerRows(
        exposures=_ours(queries.exposure_rows(database, cut, experiment), EXPOSURE_ROWS),
        orders=_ours(queries.order_rows(database, cut), ORDER_ROWS),
        refunds=_ours(queries.refund_rows(database, cut), REFUND_ROWS),
        cancellations=_ours(queries.cancellation_rows(database, cut), CANCELLATION_ROWS),
        links=_ours(queries.link_rows(database, cut), LINK_ROWS),
        costs=_ours(offer_rows.cost_rows(database, cut, experiment), COST_ROWS),
        claims=_ours(offer_rows.claim_rows(database, cut, experiment), CLAIM_ROWS),
        redemptions=_ours(offer_rows.redemption_rows(database, cut, experiment), REDEMPTION_ROWS),
        unconfirmed=_unconfirmed(database, cut, experiment),
        referrals=referral_rows(database, cut) if by_referral else REFERRALS.empty_table(),
        prints=print_rows(database, cut) if is_watched else PRINTS.empty_table(),
        customs=_ours(queries.custom_rows(database, cut, event_names(plan)), CUSTOM_ROWS),
        lines=_ours(line_rows.line_rows(database, cut, skus(plan)), LINE_ROWS),
    )


def is_watched(definition: Mapping[str, Any]) -> bool:
    """Whether an offer of a definition tempts to be one person under several ids: codes, or a referral."""
    offers = [variant.get("offer") or {} for variant in definition["variants"]]
    gives_codes = any((offer.get("code") or {}).get("issue", "none") != "none" for offer in offers)
    return gives_codes or has_referral(definition)


def has_referral(definition: Mapping[str, Any]) -> bool:
    """Whether an offer of a definition is a referral."""
    return any((variant.get("offer") or {}).get("kind") == "referral" for variant in definition["variants"])


def _unconfirmed(database: Database, cut: queries.Cut, experiment: str) -> pa.Table:
    rows = [
        {**{name: getattr(code, name) for name in _OF_ORDER}, "code_variant": code.variant}
        for code in named_codes(database, cut, experiment)
        if code.standing == "unconfirmed"
    ]
    return pa.Table.from_pylist(rows, schema=REDEMPTION_ROWS)


def scope_of(row: ExperimentRow) -> Scope:
    """Which rows count for an experiment."""
    definition = row.definition
    ends_at_us = None if definition.get("ends_at") is None else moment_us(definition["ends_at"])
    decision = row.decision or {}
    holds_back = bool(decision.get("hold_back_share"))
    ends_by_itself = (row.archived_at_us,) if holds_back else (row.stopped_at_us, ends_at_us)
    ends = [moment for moment in (row.frozen_at_us, *ends_by_itself) if moment is not None]
    return Scope(
        unit=definition["unit"],
        variants=tuple(variant["key"] for variant in definition["variants"]),
        timezone=definition["timezone"],
        spans=running_spans(row),
        frozen_at_us=row.frozen_at_us,
        entry_ends_us=min(ends, default=None),
        fallback=definition.get("fallback_unit") is not None,
        held_back_us=decision["at_us"] if holds_back else None,
        by_referral=has_referral(definition),
    )


def state_at(row: ExperimentRow, at_us: int) -> str:
    """The state an experiment was in at a moment, so that a later action does not change an older reading."""
    ends_at = row.definition.get("ends_at")
    if ends_at is not None and moment_us(ends_at) <= at_us:
        return "stopped"
    done = {entry["action"] for entry in row.timeline if entry["at_us"] <= at_us}
    states = (("decide", "decided"), ("stop", "stopped"), ("freeze", "frozen"))
    return next((state for action, state in states if action in done), "running")


def budget_cut(row: ExperimentRow, at_us: int) -> dict[str, int]:
    """The note that a spent budget ended the entry of new units before a moment, in all arms at once."""
    cuts = [
        entry for entry in row.timeline if entry.get("reason") == "budget" and entry["action"] == "freeze"
    ]
    return {"budget_cut": 1} if any(entry["at_us"] <= at_us for entry in cuts) else {}


def _ours(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The ledger's table with our column names and types."""
    names = ["occurred_us" if name == "occurred_at_us" else name for name in table.column_names]
    return table.rename_columns(names).select(schema.names).cast(schema)
