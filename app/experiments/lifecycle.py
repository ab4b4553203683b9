"""The life of an experiment: which action leads from which state to which. Pure."""

from dataclasses import dataclass
from typing import Any, Literal

from app.clock import MICROSECONDS, isoformat
from app.errors import Conflict
from app.experiments.tables import ExperimentRow
from app.strict import moment_us

Action = Literal["start", "pause", "resume", "ramp", "freeze", "stop", "decide", "archive"]


@dataclass(frozen=True, slots=True)
class Transition:
    """What an action needs and where it leads.

    Attributes:
        sources: states in which it is possible.
        target: the state it leads to; in that state repeating it changes nothing.
    """

    sources: frozenset[str]
    target: str


TRANSITIONS: dict[str, Transition] = {
    "start": Transition(frozenset({"draft"}), "running"),
    "pause": Transition(frozenset({"running"}), "paused"),
    "resume": Transition(frozenset({"paused"}), "running"),
    "freeze": Transition(frozenset({"running"}), "frozen"),
    "stop": Transition(frozenset({"running", "paused", "frozen"}), "stopped"),
    "decide": Transition(frozenset({"paused", "frozen", "stopped"}), "decided"),
    "archive": Transition(frozenset({"stopped", "decided"}), "archived"),
}
RAMPED_IN = frozenset({"running", "paused"})
ENTERS = frozenset({"running", "paused", "frozen"})
"""States in which an experiment holds its part of a layer."""


def moves(row: ExperimentRow, action: str) -> bool:
    """Whether the action changes the experiment's state.

    Returns:
        False when it is in effect already.

    Raises:
        Conflict: it is impossible now.
    """
    transition = TRANSITIONS[action]
    if row.state in transition.sources:
        return True
    if row.state == transition.target:
        return False
    raise impossible(row, action)


def impossible(row: ExperimentRow, action: str) -> Conflict:
    """The refusal of an action in the wrong state."""
    sources = sorted(TRANSITIONS[action].sources if action in TRANSITIONS else ())
    needed = f", and would have to be {' or '.join(sources)}" if sources else ""
    return Conflict(
        f"{action} is impossible: the experiment is {row.state}{needed}",
        "impossible_action",
        "status",
        {"status_now": row.state},
    )


def timeline_entry(action: str, now_us: int, **details: Any) -> dict[str, Any]:
    """What the timeline says of an action."""
    return {"action": action, "at_us": now_us, "at": isoformat(now_us), **details}


def mark(row: ExperimentRow, action: str, now_us: int, **details: Any) -> None:
    """Write an action to the timeline, and the moment it stands for to its column."""
    row.timeline = [*row.timeline, timeline_entry(action, now_us, **details)]
    if action == "start":
        row.started_at_us = now_us
    elif action == "freeze":
        row.frozen_at_us = now_us
    elif action == "archive":
        row.archived_at_us = now_us
    if action in {"stop", "decide"} and row.stopped_at_us is None:
        row.stopped_at_us = now_us


def running_spans(row: ExperimentRow) -> list[tuple[int, int | None]]:
    """Analysed time: half-open spans of microseconds since 1970 UTC, the last open (None) while it runs.

    It begins at `starts_at` (which may lie in the past, for imports) or else at the start action, leaves out
    pauses, and ends at the stop or at `ends_at`. A pause counts from its own moment, whatever the import.
    It begins with the whole second of the start: a storefront whose clock counts in seconds loses nothing.
    """
    if row.started_at_us is None:
        return []
    definition = row.definition
    started_us = row.started_at_us - row.started_at_us % MICROSECONDS
    earliest = started_us if definition["starts_at"] is None else moment_us(definition["starts_at"])
    begin: int | None = earliest
    spans: list[tuple[int, int | None]] = []
    for entry in row.timeline:
        if entry["action"] in {"pause", "stop", "decide"} and begin is not None:
            spans.append((begin, entry["at_us"]))
            begin = None
        elif entry["action"] == "resume":
            begin = max(entry["at_us"], earliest)
    if begin is not None:
        spans.append((begin, None))
    return _cut(spans, None if definition["ends_at"] is None else moment_us(definition["ends_at"]))


def _cut(spans: list[tuple[int, int | None]], end_us: int | None) -> list[tuple[int, int | None]]:
    if end_us is not None:
        spans = [(begin, end_us if end is None else min(end, end_us)) for begin, end in spans]
    return [(begin, end) for begin, end in spans if end is None or begin < end]
