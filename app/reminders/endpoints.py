"""The door of reminders (srv): whom to message now."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.access.dependencies import operation
from app.bootstrap import Services
from app.dependencies import services
from app.reminders.schemas import ReminderPage
from app.reminders.service import Known, due_document, moment_of, place_of, reminding
from app.strict import Cursor, Key, Moment

router = APIRouter(tags=["offers"])
Wired = Annotated[Services, Depends(services)]


@router.get("/api/v1/reminders/due", **operation("list_due_reminders", 404, 422))
def list_due_reminders(
    wired: Wired,
    experiment: Annotated[Key | None, Query(description="key; absent: all with reminders")] = None,
    at: Annotated[
        Moment | None, Query(description="RFC 3339; default now, at most five minutes in the future")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor | None = None,
) -> ReminderPage:
    """Whom to message now: exposed, in a variant that reminds, nothing bought and no message since.

    Send `message_sent` with an item's `event_id` and your own `occurred_at` before you send the message:
    of two senders one is told `conflict`, and does not send.
    """
    now_us = wired.clock.now_us()
    sources, reason = reminding(wired.snapshots.current.experiments, experiment, now_us)
    follower = wired.snapshots.follower
    known = Known(follower.people, follower.enrolled.holds)
    document = due_document(wired.database, known, sources, moment_of(at, now_us), place_of(cursor), limit)
    return ReminderPage(reason=reason, **document)
