"""Group commit: requests of many clients → one queue → one thread → one transaction → their answers."""

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import Any

from app.clock import Clock
from app.database import Database
from app.errors import Refusal, Unavailable
from app.ledger.rows import Identifier, Item
from app.ledger.stores import Store, away_errors, open_store
from app.ledger.transaction import Deed, Follower, Transaction

log = logging.getLogger("offerlab.ledger")
QUEUE_CAPACITY_EVENTS = 10_000
BATCH_EVENTS = 5_000
CACHED_NUMBERS = 100_000
CLOSE_TIMEOUT_SECONDS = 15.0


class Request:
    """The items of one append, or one deed, and the future that waits; made on the loop that awaits it."""

    __slots__ = ("abandoned", "deed", "future", "items", "loop", "size")

    def __init__(self, items: Sequence[Item] = (), deed: Deed | None = None) -> None:
        self.items = items
        self.deed = deed
        self.size = len(items) if deed is None else deed.size
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.abandoned = False


def unavailable(detail: str, code: str = "ledger_unavailable") -> Unavailable:
    """The refusal of a whole request: try again in a second; what was stored counts as a duplicate then."""
    return Unavailable(detail, code, retry_after_seconds=1)


class Writer:
    """The one thread of a process that writes the ledger. Every answer is given after the commit.

    Args:
        database: where; the writer opens a connection of its own, and a new one after a fault.
        clock: stamps `received_at_us`.
        capacity_events: how many events may wait; more are refused.
        followers: hear of new events in their own transaction.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        capacity_events: int = QUEUE_CAPACITY_EVENTS,
        followers: Sequence[Follower] = (),
    ) -> None:
        self._database = database
        self._clock = clock
        self._capacity_events = capacity_events
        self._followers = tuple(followers)
        self._away = away_errors(database)
        self._waiting: deque[Request] = deque()
        self._waiting_events = 0
        self._changed = threading.Condition()
        self._open = False
        self._thread: threading.Thread | None = None
        self._store: Store | None = None
        self._store_lock = threading.Lock()  # nobody severs a connection that is being replaced
        self._busy_since: float | None = None
        self._numbers: OrderedDict[Identifier, int] = OrderedDict()
        self._erasures = 0

    def start(self) -> None:
        """Start the thread; it connects with the first batch, so a missing database does not stop a start."""
        self._open = True
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits, answer it, stop. Later requests are refused."""
        with self._changed:
            self._open = False
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(CLOSE_TIMEOUT_SECONDS)
        self._drop_store()

    def submit(self, request: Request) -> None:
        """Queue a request.

        Raises:
            Unavailable: the queue is full, or the writer is closed.
        """
        with self._changed:
            if not self._open:
                raise unavailable("the ledger is closed")
            if self._waiting and self._waiting_events + request.size > self._capacity_events:
                raise unavailable("too many events are waiting to be written", "queue_full")
            self._waiting.append(request)
            self._waiting_events += request.size
            self._changed.notify()

    def break_off(self, after_seconds: float) -> None:
        """Give up a database call that has run longer than this; its requests are answered as unavailable."""
        since = self._busy_since
        if since is None or time.monotonic() - since < after_seconds:
            return
        with self._store_lock:
            if self._store is not None:
                self._store.sever()

    def _run(self) -> None:
        while requests := self._take():
            self._write([request for request in requests if not request.abandoned])

    def _take(self) -> list[Request]:
        """The next requests to write together; none when closed and drained."""
        with self._changed:
            while not self._waiting and self._open:
                self._changed.wait()
            taken: list[Request] = []
            size = 0
            while self._waiting and (not taken or size + self._waiting[0].size <= BATCH_EVENTS):
                request = self._waiting.popleft()
                size += request.size
                taken.append(request)
            self._waiting_events -= size
            return taken

    def _write(self, requests: list[Request]) -> None:
        if not requests:
            return
        self._busy_since = time.monotonic()
        try:
            answers = self._commit(requests)
        except Exception as error:  # noqa: BLE001 - whatever happens, every client gets an answer and the thread lives
            self._drop_store()
            self._refuse(requests, error)
        else:
            self._answer(requests, answers)
        finally:
            self._busy_since = None

    def _commit(self, requests: Sequence[Request]) -> list[Any]:
        """One transaction: returns once it is durable; if it raises, nothing of it may be acknowledged."""
        store = self._connected()
        store.begin()
        self._notice(store.erasures())
        transaction = Transaction(store, self._numbers, self._clock.now_us())
        answers = self._carry_out(transaction, requests)
        store.commit()
        self._remember(transaction.numbers)
        return answers

    def _carry_out(self, transaction: Transaction, requests: Sequence[Request]) -> list[Any]:
        """All events in one go, then the deeds one by one; an answer for each request."""
        items = [item for request in requests for item in request.items]
        outcomes = iter(transaction.append(items, self._followers) if items else ())
        deeds = [request.deed for request in requests if request.deed is not None]
        done = iter(transaction.perform(deeds) if deeds else ())
        transaction.finish()
        return [
            list(itertools.islice(outcomes, len(request.items))) if request.deed is None else next(done)
            for request in requests
        ]

    def _notice(self, erasures: int) -> None:
        """After an erasure by any process: numbers that were remembered may stand for nobody now."""
        if erasures != self._erasures:
            self._numbers.clear()
            self._erasures = erasures

    def _connected(self) -> Store:
        if self._store is None:
            opened = open_store(self._database)
            with self._store_lock:
                self._store = opened
        assert self._store is not None  # noqa: S101 - for the type checker: set just above
        return self._store

    def _drop_store(self) -> None:
        """Close the connection: that rolls back whatever it had open."""
        with self._store_lock:
            store, self._store = self._store, None
            if store is not None:
                with contextlib.suppress(Exception):
                    store.close()

    def _refuse(self, requests: list[Request], error: Exception) -> None:
        if len(requests) > 1 and not isinstance(error, self._away):
            log.warning("a batch failed (%s); writing its requests one by one", type(error).__name__)
            for request in requests:
                self._write([request])
            return
        log.warning("%d requests could not be stored: %s", len(requests), type(error).__name__)
        refusal = "the database does not answer; nothing is acknowledged, send it again"
        _settle((request, unavailable(refusal)) for request in requests)

    def _answer(self, requests: list[Request], answers: list[Any]) -> None:
        _settle(zip(requests, answers, strict=True))

    def _remember(self, numbers: dict[Identifier, int]) -> None:
        for key, number in numbers.items():
            self._numbers[key] = number
            self._numbers.move_to_end(key)
        while len(self._numbers) > CACHED_NUMBERS:
            self._numbers.popitem(last=False)


_Answers = Iterable[tuple[Request, Any]]


def _settle(answers: _Answers) -> None:
    """Hand answers over to the loops that wait for them, one call per loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Any]] = {}
    for request, answer in answers:
        by_loop.setdefault(request.loop, []).append((request.future, answer))
    for loop, pairs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(pairs: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, answer in pairs:
        if future.done():
            continue
        if isinstance(answer, Refusal):
            future.set_exception(answer)
        else:
            future.set_result(answer)
