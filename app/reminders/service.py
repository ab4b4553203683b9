"""Reminders as the rest of the service sees them: a page of messages that are due, and why there are none."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from app.clock import MICROSECONDS, isoformat
from app.database import Database
from app.errors import Invalid, NotFound
from app.ledger.histories import SessionReader
from app.reminders.candidates import LATE_US, Place, Source, sources_of
from app.reminders.due import Due, Known, due_page
from app.serving.served import ServedExperiment
from app.strict import moment_us

__all__ = ["Known", "due_document", "moment_of", "place_of", "reminding"]

FUTURE_TOLERANCE_SECONDS: Final = 5 * 60
REMINDING: Final = frozenset({"running", "frozen", "decided"})
"""States in which messages are due."""
Reason = Literal["PAUSED", "ENDED"] | None
_CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})")


def moment_of(at: str | None, now_us: int) -> int:
    """The moment asked about; the present one when none is named.

    Args:
        at: RFC 3339 with an offset, as of `app.strict.Moment`, or None.
        now_us: the present moment.

    Raises:
        Invalid: more than five minutes in the future: whoever asks has another clock than we.
    """
    if at is None:
        return now_us
    at_us = moment_us(at)
    if at_us > now_us + FUTURE_TOLERANCE_SECONDS * MICROSECONDS:
        raise Invalid("is more than five minutes in the future", "future_time", "at")
    return at_us


def place_of(cursor: str | None) -> Place | None:
    """The place in a cursor of ours.

    Raises:
        Invalid: it is not one of ours.

    >>> place_of("1780000000000000-17")
    Place(due_us=1780000000000000, seq=17)
    """
    if cursor is None:
        return None
    found = _CURSOR.fullmatch(cursor)
    if found is None or not cursor.isascii():
        raise Invalid("not a cursor of this list", "invalid_cursor", "cursor")
    return Place(int(found[1]), int(found[2]))


def reminding(
    experiments: Mapping[str, ServedExperiment], key: str | None, now_us: int
) -> tuple[list[Source], Reason]:
    """The variants that remind now, and why one named experiment does not.

    Args:
        experiments: all that are served, by key.
        key: of one; None: every experiment with reminders.
        now_us: the present moment.

    Raises:
        NotFound: no such experiment was started.
        Invalid: it has no reminder.
    """
    if key is None:
        found = [one for one in experiments.values() if _state(one, now_us) in REMINDING]
        return [source for one in found for source in sources_of(one)], None
    served = experiments.get(key)
    if served is None or served.state == "draft":
        raise NotFound("no experiment with this key was started", "unknown_experiment", "experiment")
    sources = sources_of(served)
    if not sources:
        raise Invalid("no variant of this experiment has a reminder", "no_reminder", "experiment")
    state = _state(served, now_us)
    if state in REMINDING:
        return sources, None
    return [], "PAUSED" if state == "paused" else "ENDED"


def _state(served: ServedExperiment, now_us: int) -> str:
    return "draft" if served.state == "draft" else served.rules_at(now_us).state


def due_document(  # noqa: PLR0913, PLR0917 - what is asked, of whom
    database: Database,
    known: Known,
    sources: Sequence[Source],
    at_us: int,
    after: Place | None,
    limit: int,
) -> dict[str, Any]:
    """One page of messages as the API shows it, without the reason; reads only.

    Args:
        database: of the ledger.
        known: who is who.
        sources: as of `reminding`.
        at_us: as of `moment_of`.
        after: as of `place_of`.
        limit: most messages of the page.
    """
    with database.read() as session:
        page = due_page(SessionReader(session), known, sources, at_us, after, limit)
    return {
        "at": isoformat(at_us),
        "items": [_shown(due) for due in page.items],
        "next": None if page.next is None else f"{page.next.due_us}-{page.next.seq}",
    }


def _shown(due: Due) -> dict[str, Any]:
    candidate, source = due.candidate, due.candidate.source
    visitors, customers = due.person
    return {
        "experiment": source.served.key,
        "version": source.served.version,
        "variant": source.variant,
        "unit_id": due.unit_id,
        "visitor_id": candidate.visitor_id or next(iter(visitors), None),
        "customer_id": candidate.customer_id or next(iter(customers), None),
        "channel": source.terms["channel"],
        "exposed_at": isoformat(candidate.occurred_us),
        "due_at": isoformat(candidate.due_us),
        "too_late_at": isoformat(candidate.due_us + LATE_US),
        "event_id": due.event_id,
        "offer": source.shown,
    }
