"""Taking people out of what managers wrote down about them: forced units and members of segments."""

from collections.abc import Collection

from sqlmodel import Session, col, delete, select

from app.experiments.tables import ForcedRow, SegmentRow


def drop_people(session: Session, ids: Collection[str]) -> bool:
    """Unpin these units and take them out of all lists of members; whether anything changed.

    A segment in use loses them too: erasure comes before everything else.
    """
    gone = session.exec(delete(ForcedRow).where(col(ForcedRow.unit_id).in_(ids)))
    is_changed = bool(gone.rowcount)
    for row in session.exec(select(SegmentRow)).all():
        kept = None if row.members is None else [one for one in row.members if one not in ids]
        if kept != row.members:
            row.members, is_changed = kept, True
    session.flush()
    return is_changed
