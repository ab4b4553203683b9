"""The ledger as the rest of the service sees it: append events, ask how far it reaches."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from app.clock import Clock
from app.database import Database
from app.ledger.rows import Item, Outcome
from app.ledger.transaction import Deed, Follower
from app.ledger.writer import QUEUE_CAPACITY_EVENTS, Request, Writer, unavailable

APPEND_TIMEOUT_SECONDS = 1.9


class Ledger:
    """The append-only ledger of one database; each process has one.

    Args:
        database: where it is.
        clock: stamps the moment of receipt.
        capacity_events: how many events may wait for the writer; more are refused.
        followers: hear of new events in their own transaction.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        capacity_events: int = QUEUE_CAPACITY_EVENTS,
        followers: Sequence[Follower] = (),
    ) -> None:
        self._writer = Writer(database, clock, capacity_events, followers)

    def start(self) -> None:
        """Start the writer thread."""
        self._writer.start()

    def close(self) -> None:
        """Write and answer what waits, then stop; blocks, so call it from a thread."""
        self._writer.close()

    async def append(self, items: Sequence[Item]) -> list[Outcome]:
        """Store items; returns one outcome each, only after the commit.

        Raises:
            Unavailable: the queue is full, or the database does not answer within `APPEND_TIMEOUT_SECONDS`.
                Nothing of it is acknowledged; sending it again is safe, what was stored is a duplicate then.
        """
        if not items:
            return []
        found: list[Outcome] = await self._settled(Request(items))
        return found

    async def do(self, deed: Deed) -> Any:
        """Do a deed in the writer's transaction; returns its answer, only after the commit.

        Raises:
            Refusal: the deed's own; nothing of it was stored.
            Unavailable: as of `append`; it may have been stored, so a deed must bear being done again.
        """
        return await self._settled(Request(deed=deed))

    async def _settled(self, request: Request) -> Any:
        self._writer.submit(request)
        patience = request.loop.call_later(APPEND_TIMEOUT_SECONDS, self._give_up, request)
        try:
            return await request.future
        finally:
            patience.cancel()
            request.abandoned = True  # nobody waits any more; if it is still queued it is passed over

    def _give_up(self, request: Request) -> None:
        if not request.future.done():
            self._writer.break_off(APPEND_TIMEOUT_SECONDS / 2)
            request.future.set_exception(unavailable("the database did not answer in time; send it again"))


def head_seq(database: Database) -> int:
    """The highest sequence number, 0 in an empty ledger."""
    with database.read() as session:
        return int(
            session.connection().execute(text("SELECT coalesce(max(seq), 0) FROM events")).scalar_one()
        )
