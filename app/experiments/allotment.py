"""Layers and holdouts: made once, unchangeable while an experiment in progress relies on them."""

import secrets
from typing import Any

from sqlmodel import Session

from app.audit.service import record
from app.clock import isoformat
from app.database import Database
from app.errors import Conflict
from app.experiments.queries import list_rows
from app.experiments.tables import ExperimentRow, HoldoutRow, LayerRow
from app.serving.config import bump, lock

SEED_BYTES = 8
_OVER = {"draft", "archived"}
_HOLDS_A_SLOT = {"running", "paused", "frozen", "decided"}


def put_layer(database: Database, key: str, seed: str | None, actor: str, now_us: int) -> dict[str, Any]:
    """Make a layer, or change the seed of one that nothing relies on.

    Returns:
        The layer.

    Raises:
        Conflict: the seed would change under a started experiment.
    """
    with database.write() as session:
        lock(session)
        row = session.get(LayerRow, key)
        before = None if row is None else layer_shown(row)
        if row is None:
            row = LayerRow(key=key, seed=seed or secrets.token_hex(SEED_BYTES), created_at_us=now_us)
            session.add(row)
        elif seed is None or seed == row.seed:
            return layer_shown(row)
        else:
            _refuse_if_used(_users_of_layer(session, key), "seed")
            row.seed = seed
        session.flush()
        bump(session)
        record(session, actor, "layer.put", key, before, layer_shown(row), now_us)
    return layer_shown(row)


def put_holdout(  # noqa: PLR0913, PLR0917 - the fields of the body and who sends it
    database: Database, key: str, share: float, seed: str | None, actor: str, now_us: int
) -> dict[str, Any]:
    """Make a holdout, or change one that nothing relies on.

    Returns:
        The holdout.

    Raises:
        Conflict: it would change under a started experiment.
    """
    with database.write() as session:
        lock(session)
        row = session.get(HoldoutRow, key)
        before = None if row is None else holdout_shown(row)
        if row is None:
            row = HoldoutRow(
                key=key, share=share, seed=seed or secrets.token_hex(SEED_BYTES), created_at_us=now_us
            )
            session.add(row)
        elif share == row.share and seed in {None, row.seed}:
            return holdout_shown(row)
        else:
            _refuse_if_used(_users_of_holdout(session, key), "share" if share != row.share else "seed")
            row.share, row.seed = share, seed or row.seed
        session.flush()
        bump(session)
        record(session, actor, "holdout.put", key, before, holdout_shown(row), now_us)
    return holdout_shown(row)


def holdouts_of(row: ExperimentRow) -> list[str]:
    """Keys of the holdouts written down at an experiment's start."""
    for entry in row.timeline:
        if entry["action"] == "start":
            return list(entry["holdouts"])
    return []


def layer_seed_of(row: ExperimentRow) -> str | None:
    """The seed of its layer when it started; None for a draft, or without a layer."""
    for entry in row.timeline:
        if entry["action"] == "start":
            seed: str | None = entry.get("layer_seed")
            return seed
    return None


def _users_of_layer(session: Session, key: str) -> list[str]:
    return [
        row.key
        for row in list_rows(session)
        if row.state in _HOLDS_A_SLOT and (row.definition["layer"] or {}).get("key") == key
    ]


def _users_of_holdout(session: Session, key: str) -> list[str]:
    return [row.key for row in list_rows(session) if row.state not in _OVER and key in holdouts_of(row)]


def _refuse_if_used(users: list[str], field: str) -> None:
    if users:
        raise Conflict(f"{users[0]} relies on it", "in_use", field, {"experiments": users})


def layer_shown(row: LayerRow) -> dict[str, Any]:
    """A layer as the API shows it."""
    return {"key": row.key, "seed": row.seed, "created_at": isoformat(row.created_at_us)}


def holdout_shown(row: HoldoutRow) -> dict[str, Any]:
    """A holdout as the API shows it."""
    return {
        "key": row.key,
        "seed": row.seed,
        "share": row.share,
        "created_at": isoformat(row.created_at_us),
    }
