"""Defining experiments and acting on them; each change with its audit entry and config version."""

import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.audit.service import record
from app.clock import isoformat
from app.database import Database
from app.errors import Conflict, Invalid
from app.experiments.conflicts import MOST_RECORDED, Met, as_served, find_conflicts, propose_layer
from app.experiments.erased import drop_people
from app.experiments.forced import forced_rows
from app.experiments.lifecycle import RAMPED_IN, TRANSITIONS, impossible, mark, moves, running_spans
from app.experiments.queries import (
    get_row,
    giving_rows,
    holdout_rows,
    layer_rows,
    list_rows,
    segment_rows,
)
from app.experiments.rules import check
from app.experiments.schemas import DecideBody, Definition
from app.experiments.segments import need_segments, resolved_audience
from app.experiments.shown import describe
from app.experiments.tables import ExperimentRow, LayerRow
from app.serving.config import bump

__all__ = [
    "act",
    "change",
    "conflict_page",
    "conflicts",
    "create",
    "decide",
    "describe",
    "drop_people",
    "forced_rows",
    "get_row",
    "holdout_rows",
    "layer_rows",
    "list_rows",
    "normalised",
    "ramp",
    "resolved_audience",
    "running_spans",
    "segment_rows",
    "start",
]

SEED_BYTES = 8


def normalised(definition: Definition, timezone: str) -> dict[str, Any]:
    """The full contract JSON of a definition: defaults filled in, seed made if absent, rules checked.

    Args:
        definition: validated by its schema.
        timezone: zone of the shop, for a definition that names none.

    Raises:
        Invalid: fields contradict each other.
    """
    document = definition.model_dump(mode="json")
    document["seed"] = document["seed"] or secrets.token_hex(SEED_BYTES)
    document["timezone"] = document["timezone"] or timezone
    check(document)
    return document


def create(database: Database, document: dict[str, Any], actor: str, now_us: int) -> ExperimentRow:
    """Store a new draft, version 1.

    Args:
        database: where.
        document: as of `normalised`.
        actor: for the audit log.
        now_us: the present moment.

    Raises:
        Conflict: the key is taken.
    """
    row = ExperimentRow(
        key=document["key"],
        version=1,
        name=document["name"] or document["key"],
        state="draft",
        definition=document,
        created_at_us=now_us,
        timeline=[{"action": "create", "at_us": now_us, "at": isoformat(now_us), "actor": actor}],
    )
    try:
        with database.write() as session:
            _need_layer(session, document)
            need_segments(session, document)
            session.add(row)
            session.flush()
            bump(session)
            record(session, actor, "experiment.create", row.key, None, document, now_us)
    except IntegrityError:
        raise Conflict("an experiment with this key exists", "key_taken", "key") from None
    return row


def _need_layer(session: Session, document: dict[str, Any]) -> None:
    layer = document["layer"]
    if layer is not None and session.get(LayerRow, layer["key"]) is None:
        raise Invalid("no layer has this key; make it first", "unknown_layer", "layer.key")


def change(  # noqa: PLR0913, PLR0917 - what, where, who and when
    database: Database,
    key: str,
    fields: list[str],
    merge: Callable[[ExperimentRow], dict[str, Any]],
    actor: str,
    now_us: int,
) -> ExperimentRow:
    """Replace fields of a draft; it keeps version 1.

    Read, merged and written in one transaction: of two changes at once neither undoes the other.

    Args:
        database: where.
        key: of the experiment.
        fields: the fields that were sent; none: nothing happens.
        merge: makes the whole new definition, as of `normalised`, from the row as it is now; or refuses.
        actor: for the audit log.
        now_us: the present moment.

    Raises:
        Invalid: it names a layer that does not exist.
    """
    with database.write() as session:
        row = get_row(session, key, lock=True)
        if not fields:
            return row
        document = merge(row)
        _need_layer(session, document)
        need_segments(session, document)
        before = {field: row.definition[field] for field in fields}
        after = {field: document[field] for field in fields}
        row.definition, row.name = document, document["name"] or key
        mark(row, "change", now_us, actor=actor, fields=fields)
        bump(session)
        record(session, actor, "experiment.change", key, before, after, now_us)
    return row


def require_draft(row: ExperimentRow, fields: list[str]) -> None:
    """Refuse to change a definition after the start.

    Raises:
        Conflict: naming the first field that would change, or else the first.
    """
    if row.state != "draft":
        raise Conflict(
            f"cannot change after the start: the experiment is {row.state}",
            "immutable",
            fields[0] if fields else None,
            {"fields": fields},
        )


def conflicts(session: Session, row: ExperimentRow, now_us: int) -> list[Met]:
    """What an experiment would meet if it started now, errors first."""
    segments = {segment.key: segment for segment in segment_rows(session)}
    return find_conflicts(row.definition, _others(session, row), segments, now_us)


def _others(session: Session, row: ExperimentRow) -> list[dict[str, Any]]:
    return [as_served(other) for other in giving_rows(session, row.key)]


def conflict_page(session: Session, row: ExperimentRow, now_us: int) -> dict[str, Any]:
    """Conflicts, and a layer that would avoid them."""
    found = conflicts(session, row, now_us)
    proposal = propose_layer(row.definition, found, _others(session, row))
    return {"items": [met.shown() for met in found], "proposal": proposal}


def start(
    database: Database, key: str, override_conflicts: str | None, actor: str, now_us: int
) -> ExperimentRow:
    """Start a draft; from now on its definition never changes.

    The holdouts of this moment are written down: one made later never touches this experiment.

    Raises:
        Conflict: impossible now, or another experiment is in the way and no reason was given.
    """
    with database.write() as session:
        row = get_row(session, key, lock=True)
        if not moves(row, "start"):
            return row
        bump(session)  # takes the lock under which conflicts are looked for
        found = conflicts(session, row, now_us)
        if found and override_conflicts is None:
            raise _refused(session, row, found)
        held_out = [holdout.key for holdout in holdout_rows(session)]
        need_segments(session, row.definition)
        details = {
            "override_conflicts": override_conflicts,
            "conflicts": [met.shown() for met in found[:MOST_RECORDED]],
            "holdouts": held_out,
            "layer_seed": _layer_seed(session, row.definition["layer"]),
        }
        mark(row, "start", now_us, actor=actor, **details)
        _enter(session, row, "start", actor, now_us, details)
    return row


def _refused(session: Session, row: ExperimentRow, found: list[Met]) -> Conflict:
    """Names the first conflict, and shows the others and a layer that would avoid them."""
    first = found[0]
    proposal = propose_layer(row.definition, found, _others(session, row))
    shown = {"conflicts": [met.shown() for met in found[:MOST_RECORDED]], "proposal": proposal}
    detail = f"conflicts with {first.experiment}: {first.detail}; override_conflicts gives a reason"
    return Conflict(detail, first.code, first.field, shown)


def _layer_seed(session: Session, use: dict[str, Any] | None) -> str | None:
    """Written down at the start: later the layer may get a new seed, and this experiment's past stays."""
    layer = None if use is None else session.get(LayerRow, use["key"])
    return None if layer is None else layer.seed


def act(database: Database, key: str, action: str, actor: str, now_us: int) -> ExperimentRow:
    """Pause, resume, freeze, stop or archive; repeating an action in effect changes nothing.

    Raises:
        Conflict: impossible now.
    """
    with database.write() as session:
        row = get_row(session, key, lock=True)
        if not moves(row, action):
            return row
        mark(row, action, now_us, actor=actor)
        bump(session)
        _enter(session, row, action, actor, now_us)
    return row


def ramp(database: Database, key: str, coverage: float, actor: str, now_us: int) -> ExperimentRow:
    """Widen the coverage of a running experiment; nobody who has a variant gets another.

    Raises:
        Conflict: impossible now, or not upwards.
    """
    with database.write() as session:
        row = get_row(session, key, lock=True)
        if row.state not in RAMPED_IN:
            raise impossible(row, "ramp")
        before = row.definition["coverage"]
        if coverage == before:
            return row
        if coverage < before:
            raise Conflict(f"only upwards: it is {before} now", "coverage_only_grows", "coverage")
        if row.definition["variants"][0]["range"] is not None:
            raise Conflict("explicit ranges cannot be ramped", "explicit_ranges", "coverage")
        row.definition = {**row.definition, "coverage": coverage}
        mark(row, "ramp", now_us, actor=actor, coverage=coverage)
        bump(session)
        after = {"coverage": coverage}
        record(session, actor, "experiment.ramp", key, {"coverage": before}, after, now_us)
    return row


def decide(database: Database, key: str, body: DecideBody, actor: str, now_us: int) -> ExperimentRow:
    """Give one variant to everybody.

    Raises:
        Conflict: impossible now, or something else was decided before.
        Invalid: there is no such variant.
    """
    with database.write() as session:
        row = get_row(session, key, lock=True)
        if body.variant not in {variant["key"] for variant in row.definition["variants"]}:
            raise Invalid("is no variant of this experiment", "unknown_variant", "variant")
        decision = {**body.model_dump(), "hold_back_share": body.hold_back_share or 0.0}
        if not moves(row, "decide"):
            if {**(row.decision or {}), "at_us": None} != {**decision, "at_us": None}:
                raise Conflict("something else was decided", "decided_already", "variant")
            return row
        row.decision = {**decision, "at_us": now_us}
        mark(row, "decide", now_us, actor=actor, **decision)
        bump(session)
        _enter(session, row, "decide", actor, now_us, decision)
    return row


def _enter(  # noqa: PLR0913, PLR0917 - what the audit entry says
    session: Session,
    row: ExperimentRow,
    action: str,
    actor: str,
    now_us: int,
    details: dict[str, Any] | None = None,
) -> None:
    before, row.state = {"status": row.state}, TRANSITIONS[action].target
    after = {"status": row.state, **(details or {})}
    record(session, actor, f"experiment.{action}", row.key, before, after, now_us)
