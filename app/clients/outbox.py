"""Events that wait to be sent: bounded, in order, none taken out before it was acknowledged.

When the queue is full a newcomer is dropped and counted; nothing that waits is thrown away. The last fifth of
the room is kept for what carries money or identity, so that page views cannot crowd out an order.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from app.clients.exchange import EVENTS, Receipt

BATCH_EVENTS = 500
BATCH_BYTES = 900_000
_ROOM_FOR_ANYTHING = 0.8


class Waiting(NamedTuple):
    """One event.

    Attributes:
        door: where it goes.
        body: its JSON; the same bytes however often it is sent.
    """

    door: str
    body: bytes


@dataclass
class Deliveries:
    """What became of events so far.

    Attributes:
        accepted: stored by the service.
        duplicates: stored before: an answer had been lost on its way.
        rejected: not taken by the service, each for a reason of its own.
        refused: whole requests that can never be taken, or content that cannot be written as JSON.
        dropped: not queued, because the queue was full or the client closed.
        retries: tries that failed and are made again.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    refused: int = 0
    dropped: int = 0
    retries: int = 0

    def note(self, receipt: Receipt) -> None:
        """Count an acknowledged batch; what was ignored counts as accepted, for nothing is left to do."""
        self.accepted += receipt.accepted + receipt.ignored
        self.duplicates += receipt.duplicates
        self.rejected += len(receipt.rejected)


class Outbox:
    """A queue between any number of threads and one sender.

    Args:
        limit: events that may wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._events: deque[Waiting] = deque()
        self._lock = threading.Lock()
        self._is_shut = False
        self.put_in = 0
        self.finished = 0
        self.counts = Deliveries()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._events)

    def put(self, event: Waiting, *, is_vital: bool) -> bool:
        """Queue an event; False when there was no room, or nobody to send it any more.

        Args:
            event: what to send.
            is_vital: money or identity: may use the last fifth of the room.
        """
        room = self._limit if is_vital else max(int(self._limit * _ROOM_FOR_ANYTHING), 1)
        with self._lock:
            if self._is_shut or len(self._events) >= room:
                self.counts.dropped += 1
                return False
            self._events.append(event)
            self.put_in += 1
            return True

    def shut(self) -> None:
        """Take no more: nobody sends them."""
        self._is_shut = True

    def batch(self, most: int = BATCH_EVENTS) -> list[Waiting]:
        """The events that have waited longest and go through the same door; they stay in the queue."""
        with self._lock:
            ahead = list(islice(self._events, most))
        chosen: list[Waiting] = []
        size = 0
        for event in ahead:
            size += len(event.body) + 1
            if chosen and (size > BATCH_BYTES or event.door != chosen[0].door):
                break
            chosen.append(event)
        return chosen

    def finish(self, batch: Sequence[Waiting]) -> None:
        """Take out what needs no further try: the first events of the queue."""
        with self._lock:
            for _ in batch:
                self._events.popleft()
            self.finished += len(batch)


def envelope(batch: Sequence[Waiting]) -> bytes:
    """One request's body of events of one door.

    >>> envelope([Waiting(EVENTS, b"{}"), Waiting(EVENTS, b"{}")])
    b'{"events":[{},{}]}'
    """
    name = b"events" if batch[0].door == EVENTS else b"batch"
    return b'{"%b":[%b]}' % (name, b",".join([event.body for event in batch]))
