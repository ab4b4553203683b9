"""Segments: named audiences that several experiments share; unchangeable while one of them takes part.

A segment is either a condition over attributes, named by an experiment's `segments`, or a list of members for
the operators `$inGroup` and `$notInGroup` of any audience.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlmodel import Session

from app.audit.service import record
from app.clock import isoformat
from app.database import Database
from app.errors import Conflict, Invalid
from app.experiments.queries import list_rows
from app.experiments.tables import SegmentRow
from app.serving.config import bump, lock
from assignment.targeting import validate_condition

_IN_USE = frozenset({"running", "paused", "frozen", "decided"})
_GROUPS = {"$inGroup": "$in", "$notInGroup": "$nin"}


def put_segment(
    database: Database, key: str, content: Mapping[str, Any], actor: str, now_us: int
) -> dict[str, Any]:
    """Make a segment, or change one that no experiment in progress relies on.

    Args:
        database: where.
        key: its name.
        content: `condition` or `members`, the other None.
        actor: for the audit log.
        now_us: the present moment.

    Returns:
        The segment.

    Raises:
        Invalid: both or neither were given, or the condition means nothing.
        Conflict: it would change under an experiment in progress.
    """
    _check(content)
    with database.write() as session:
        lock(session)
        row = session.get(SegmentRow, key)
        before = None if row is None else segment_shown(row)
        if row is None:
            row = SegmentRow(key=key, created_at_us=now_us)
            session.add(row)
        elif {"condition": row.condition, "members": row.members} == content:
            return segment_shown(row)
        else:
            _refuse_if_used(session, key)
        row.condition, row.members = content["condition"], content["members"]
        session.flush()
        bump(session)
        record(session, actor, "segment.put", key, _counted(before), _counted(segment_shown(row)), now_us)
    return segment_shown(row)


def _check(content: Mapping[str, Any]) -> None:
    condition, members = content["condition"], content["members"]
    if (condition is None) == (members is None):
        raise Invalid("give either a condition or members", "condition_or_members", "condition")
    if condition is None:
        return
    if any(True for _ in named_groups(condition)):
        raise Invalid("a segment names no other segment", "nested_segment", "condition")
    try:
        validate_condition(condition)
    except ValueError as error:
        raise Invalid(str(error)[:300], "invalid_condition", "condition") from None


def _counted(shown: dict[str, Any] | None) -> dict[str, Any] | None:
    """Members may be people's ids, and the audit log is never erased: it counts them."""
    if shown is None or shown["members"] is None:
        return shown
    return {**shown, "members": len(shown["members"])}


def _refuse_if_used(session: Session, key: str) -> None:
    users = [
        row.key
        for row in list_rows(session)
        if row.state in _IN_USE and key in {*segments_of(row.definition)}
    ]
    if users:
        raise Conflict(f"{users[0]} relies on it", "in_use", "key", {"experiments": users})


def segments_of(definition: Mapping[str, Any]) -> list[str]:
    """Every segment a definition names, in its audience or beside it."""
    return [*definition.get("segments", ()), *named_groups(definition["audience"])]


def named_groups(condition: Any) -> Iterator[str]:
    """Groups that a condition names with `$inGroup` or `$notInGroup`."""
    if isinstance(condition, Mapping):
        for name, value in condition.items():
            if name in _GROUPS and isinstance(value, str):
                yield value
            else:
                yield from named_groups(value)
    elif isinstance(condition, list):
        for part in condition:
            yield from named_groups(part)


def need_segments(session: Session, definition: Mapping[str, Any]) -> None:
    """Refuse a definition that names a segment that does not exist, or one of the other kind.

    Raises:
        Invalid: naming the field.
    """
    for field, keys, kind in (
        ("segments", definition.get("segments", ()), "condition"),
        ("audience", named_groups(definition["audience"]), "members"),
    ):
        for key in keys:
            row = session.get(SegmentRow, key)
            if row is None or getattr(row, kind) is None:
                raise Invalid(f"no segment {key!r} with {kind}; make it first", "unknown_segment", field)


def resolved_audience(definition: Mapping[str, Any], segments: Mapping[str, SegmentRow]) -> dict[str, Any]:
    """The audience in plain words: groups written out, conditions of segments joined.

    Raises:
        KeyError: a segment is missing.
    """
    own = _written_out(definition["audience"] or {}, segments)
    joined = [segments[key].condition for key in definition.get("segments", ())]
    parts = [part for part in (own, *joined) if part]
    if len(parts) > 1:
        return {"$and": parts}
    return dict(parts[0]) if parts else {}


def _written_out(condition: Any, segments: Mapping[str, SegmentRow]) -> Any:
    if isinstance(condition, Mapping):
        return dict(_items_written_out(condition.items(), segments))
    if isinstance(condition, list):
        return [_written_out(part, segments) for part in condition]
    return condition


def _items_written_out(
    items: Iterable[tuple[str, Any]], segments: Mapping[str, SegmentRow]
) -> Iterator[tuple[str, Any]]:
    for name, value in items:
        if name in _GROUPS and isinstance(value, str):
            yield _GROUPS[name], list(segments[value].members or ())
        else:
            yield name, _written_out(value, segments)


def segment_shown(row: SegmentRow) -> dict[str, Any]:
    """A segment as the API shows it."""
    return {
        "key": row.key,
        "condition": row.condition,
        "members": row.members,
        "created_at": isoformat(row.created_at_us),
    }
