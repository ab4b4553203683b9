"""Reading experiments, layers, holdouts and segments."""

from sqlmodel import Session, col, select

from app.errors import NotFound
from app.experiments.lifecycle import ENTERS
from app.experiments.tables import ExperimentRow, HoldoutRow, LayerRow, SegmentRow
from app.strict import is_key


def get_row(session: Session, key: str, *, lock: bool = False) -> ExperimentRow:
    """The experiment with this key.

    Args:
        session: to read with.
        key: its key; anything may be asked for.
        lock: hold the row until the transaction ends (PostgreSQL; SQLite writes one at a time anyway).

    Raises:
        NotFound: there is none.
    """
    query = select(ExperimentRow).where(ExperimentRow.key == key)
    row = session.exec(query.with_for_update() if lock else query).first() if is_key(key) else None
    if row is None:
        raise NotFound("no experiment has this key", "unknown_experiment", "experiment")
    return row


def list_rows(
    session: Session, status: str | None = None, limit: int | None = None, before_id: int | None = None
) -> list[ExperimentRow]:
    """Experiments, newest first.

    Args:
        session: to read with.
        status: only those in this state, or None.
        limit: at most so many; None: all.
        before_id: only those with a smaller id, or None.
    """
    query = select(ExperimentRow).order_by(col(ExperimentRow.id).desc()).limit(limit)
    if status is not None:
        query = query.where(ExperimentRow.state == status)
    if before_id is not None:
        query = query.where(col(ExperimentRow.id) < before_id)
    return list(session.exec(query).all())


def layer_rows(session: Session, limit: int | None = None, after: str = "") -> list[LayerRow]:
    """Layers by key."""
    query = select(LayerRow).where(col(LayerRow.key) > after).order_by(col(LayerRow.key)).limit(limit)
    return list(session.exec(query).all())


def holdout_rows(session: Session, limit: int | None = None, after: str = "") -> list[HoldoutRow]:
    """Holdouts by key."""
    query = select(HoldoutRow).where(col(HoldoutRow.key) > after).order_by(col(HoldoutRow.key)).limit(limit)
    return list(session.exec(query).all())


def segment_rows(session: Session, limit: int | None = None, after: str = "") -> list[SegmentRow]:
    """Segments by key."""
    query = select(SegmentRow).where(col(SegmentRow.key) > after).order_by(col(SegmentRow.key)).limit(limit)
    return list(session.exec(query).all())


def giving_rows(session: Session, key: str) -> list[ExperimentRow]:
    """Other experiments that give offers: they run, are paused or frozen, or were decided; oldest first."""
    query = select(ExperimentRow).where(
        col(ExperimentRow.state).in_(sorted({*ENTERS, "decided"})), ExperimentRow.key != key
    )
    return list(session.exec(query.order_by(col(ExperimentRow.id))).all())
