"""Forced variants: units that quality assurance pins to a variant; served, marked, never analysed."""

from collections.abc import Mapping

from sqlmodel import Session, col, delete, select

from app.audit.service import record
from app.database import Database
from app.errors import Conflict, Invalid
from app.experiments.queries import get_row
from app.experiments.tables import ForcedRow
from app.serving.config import bump


def forced_units(session: Session, experiment: str) -> dict[str, str]:
    """Unit id → variant of one experiment, by unit id."""
    query = select(ForcedRow).where(ForcedRow.experiment == experiment).order_by(col(ForcedRow.unit_id))
    return {row.unit_id: row.variant for row in session.exec(query).all()}


def forced_rows(session: Session) -> list[ForcedRow]:
    """Forced units of all experiments."""
    query = select(ForcedRow).order_by(col(ForcedRow.experiment), col(ForcedRow.unit_id))
    return list(session.exec(query).all())


def put_forced(
    database: Database, key: str, units: Mapping[str, str], actor: str, now_us: int
) -> dict[str, str]:
    """Replace the forced units of an experiment; the audit log counts them and never names them.

    Args:
        database: where.
        key: of the experiment.
        units: unit id (of the experiment's kind) → variant.
        actor: for the audit log.
        now_us: the present moment.

    Returns:
        The units in force.

    Raises:
        Invalid: a variant is not one of the experiment's.
        Conflict: the experiment is archived.
    """
    with database.write() as session:
        row = get_row(session, key, lock=True)
        if row.state == "archived":
            raise Conflict("it is archived", "archived", "units")
        known = {variant["key"] for variant in row.definition["variants"]}
        for unit_id, variant in units.items():
            if variant not in known:
                raise Invalid("is no variant of this experiment", "unknown_variant", f"units.{unit_id}")
        before = forced_units(session, key)
        if before == units:
            return before
        session.exec(delete(ForcedRow).where(col(ForcedRow.experiment) == key))
        session.add_all(
            [ForcedRow(experiment=key, unit_id=unit_id, variant=units[unit_id]) for unit_id in units]
        )
        session.flush()
        bump(session)
        counts = ({"units": len(before)}, {"units": len(units)})
        record(session, actor, "experiment.force", key, *counts, now_us)
    return dict(sorted(units.items()))
