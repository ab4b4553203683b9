"""The two clients: `AsyncClient` lives in the caller's event loop, `Client` in a loop of its own."""

import asyncio
import atexit
import contextlib
import os
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, Self, TypeVar

from app.clients.answers import CLOSED, TIMEOUT, Answer, Question
from app.clients.options import Options
from app.clients.parts import Parts

WAITING_SHARE = 0.95  # of the budget, for the other thread: a little longer than it may ask
CLOSE_SECONDS = 5.0
EXIT_SECONDS = 2.0
Found = TypeVar("Found")


class AsyncClient(Parts):
    """For programs with an event loop: `async with AsyncClient(url, key) as offers`.

    Args:
        url: address of the service.
        key: a `srv` key.
        options: everything that can be set.
    """

    _worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start polling and sending; does not wait for the service."""
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def assign(
        self,
        experiment: str,
        visitor_id: str | None,
        customer_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        default: Any = None,
    ) -> Answer:
        """Which offer this visitor gets, within the budget; never raises for anything the service does.

        Args:
            experiment: its key.
            visitor_id: the visitor, or None.
            customer_id: the customer who is logged in, or None.
            attributes: what the audience is matched against.
            default: the offer where neither the rules nor a fallback give one.
        """
        question = Question(experiment, visitor_id, customer_id or None, attributes or {}, default)
        found = self._desk.local(question)
        if found is not None:
            return found
        if self._worker is None:
            return self._desk.fallback(question, CLOSED)
        return await self._desk.ask(question)

    async def ready(self, timeout_seconds: float = 5.0) -> bool:
        """Wait for the first rules of the service.

        Returns:
            Whether there are any rules now, from the service or from disk.
        """
        return await self._rules_came(timeout_seconds)

    async def flush(self, timeout_seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until everything reported so far is acknowledged; False when the time is over."""
        return await self._sender.flush(timeout_seconds)

    async def close(self, timeout_seconds: float = CLOSE_SECONDS) -> int:
        """Send what waits, then stop.

        Returns:
            How many events were not acknowledged in time and are lost.
        """
        if self._worker is None:
            return len(self._outbox)
        await self._sender.flush(timeout_seconds)
        worker, self._worker = self._worker, None
        self._outbox.shut()
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
        await self._exchange.close()
        return len(self._outbox)


class Client(Parts):
    """For programs without an event loop; safe to share between threads, works on after a fork.

    Args:
        url: address of the service.
        key: a `srv` key.
        options: everything that can be set.
    """

    def __init__(self, url: str, key: str, options: Options | None = None) -> None:
        super().__init__(url, key, options)
        self._starting = threading.Lock()
        self._start()
        atexit.register(self.close, EXIT_SECONDS)

    def __enter__(self) -> Self:
        """The client, which works already."""
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def assign(
        self,
        experiment: str,
        visitor_id: str | None,
        customer_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        default: Any = None,
    ) -> Answer:
        """Which offer this visitor gets, within the budget; never raises for anything the service does.

        Args:
            experiment: its key.
            visitor_id: the visitor, or None.
            customer_id: the customer who is logged in, or None.
            attributes: what the audience is matched against.
            default: the offer where neither the rules nor a fallback give one.
        """
        self._survive_fork()
        question = Question(experiment, visitor_id, customer_id or None, attributes or {}, default)
        found = self._desk.local(question)
        if found is not None:
            return found
        if self._stop.is_set():
            return self._desk.fallback(question, CLOSED)
        budget = self._options.budget_seconds * WAITING_SHARE
        try:
            return self._wait_for(self._desk.ask(question), budget)
        except TimeoutError:
            return self._desk.fallback(question, TIMEOUT)

    def ready(self, timeout_seconds: float = 5.0) -> bool:
        """Wait for the first rules of the service.

        Returns:
            Whether there are any rules now, from the service or from disk.
        """
        self._survive_fork()
        return self._wait_for(self._rules_came(timeout_seconds), timeout_seconds + 1)

    def flush(self, timeout_seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until everything reported so far is acknowledged; False when the time is over."""
        self._survive_fork()
        try:
            return self._wait_for(self._sender.flush(timeout_seconds), timeout_seconds + 1)
        except TimeoutError:
            return False

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> int:
        """Send what waits, then stop.

        Returns:
            How many events were not acknowledged in time and are lost.
        """
        atexit.unregister(self.close)
        if self._pid == os.getpid() and not self._stop.is_set():
            self.flush(timeout_seconds)
            self._stop.set()
            self._outbox.shut()
            self._loop.call_soon_threadsafe(self._worker.cancel)
            self._thread.join(EXIT_SECONDS)
        return len(self._outbox)

    # ---- the loop of its own

    def _start(self) -> None:
        self._pid = os.getpid()
        self._stop = threading.Event()
        running = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(running,), name="offerlab-client", daemon=True
        )
        self._thread.start()
        running.wait()

    def _run(self, running: threading.Event) -> None:
        async def live() -> None:
            self._loop = asyncio.get_running_loop()
            self._worker = asyncio.create_task(self._work())
            running.set()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
            await self._exchange.close()

        with contextlib.suppress(RuntimeError):  # of a loop that tidies up while the interpreter shuts down
            asyncio.run(live())

    def _queue(self, door: str, event: dict[str, Any], event_id: str, *, is_vital: bool) -> str | None:
        self._survive_fork()
        return super()._queue(door, event, event_id, is_vital=is_vital)

    def _survive_fork(self) -> None:
        """A child has the rules but no thread; what its parent has queued, its parent sends."""
        if self._pid == os.getpid():
            return
        with self._starting:
            if self._pid != os.getpid():
                known = self._rules.current
                self._assemble()
                self._rules.current = self._rules.current or known
                self._start()

    def _wait_for(self, work: Coroutine[Any, Any, Found], seconds: float) -> Found:
        """Run in the loop and wait at most so long.

        Raises:
            TimeoutError: it took longer, or the loop has ended.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:  # closed in between
            work.close()
            raise TimeoutError from error
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise
        except asyncio.CancelledError as error:
            raise TimeoutError from error
