"""The sender: one batch at a time, again until it is acknowledged, with the patience the service asks for."""

import asyncio
import logging

from app.clients.exchange import Exchange, Failure
from app.clients.options import Options
from app.clients.outbox import BATCH_EVENTS, Outbox, Waiting, envelope
from app.clients.timing import next_wait

log = logging.getLogger("offerlab.client")


class Sender:
    """Empties an outbox.

    Args:
        exchange: the way to the service.
        outbox: what waits.
        options: clock, chance and pace.
    """

    def __init__(self, exchange: Exchange, outbox: Outbox, options: Options) -> None:
        self._exchange = exchange
        self._outbox = outbox
        self._options = options
        self._most = BATCH_EVENTS
        self._wanted = asyncio.Event()
        self._progress = asyncio.Event()
        self._never = asyncio.Event()

    async def run(self) -> None:
        """Send for ever, whatever happens."""
        attempt = 0
        while True:
            if not len(self._outbox):
                await self._options.clock.wait(self._wanted, self._options.send_seconds)
                self._wanted.clear()
            failure = await self._try()
            if failure is None:
                attempt = 0
                continue
            clock, rng = self._options.clock, self._options.rng
            wait = next_wait(attempt, failure.retry_after, rng, clock.now_us())
            attempt += 1
            await clock.wait(self._never, wait)

    async def _try(self) -> Failure | None:
        try:
            return await self.send_one()
        except Exception as error:
            log.exception("sending failed")
            return Failure("away", type(error).__name__)

    async def flush(self, seconds: float) -> bool:
        """Wait until everything queued before this call needs no further try.

        Returns:
            Whether that happened in so many seconds.
        """
        until = self._outbox.put_in
        try:
            async with asyncio.timeout(seconds):
                while self._outbox.finished < until:
                    self._wanted.set()
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            return False
        return True

    async def send_one(self) -> Failure | None:
        """Try one batch.

        Returns:
            Why it must be tried again, or None.
        """
        batch = self._outbox.batch(self._most)
        if not batch:
            return None
        try:
            receipt = await self._exchange.deliver(batch[0].door, envelope(batch))
        except Failure as failure:
            return self._failed(batch, failure)
        for rejected in receipt.rejected[:3]:
            log.warning("an event was not taken: %s (%s)", rejected.code, rejected.detail)
        self._outbox.counts.note(receipt)
        self._most = BATCH_EVENTS
        self._finish(batch)
        return None

    def _failed(self, batch: list[Waiting], failure: Failure) -> Failure | None:
        if failure.kind != "refused":
            self._outbox.counts.retries += 1
            log.info("%d events will be sent again: %s", len(batch), failure.detail)
            return failure
        if len(batch) > 1:
            self._most = len(batch) // 2  # which of them is it?
            return None
        self._outbox.counts.refused += 1
        log.warning("an event can never be sent and is given up: %s", failure.detail)
        self._finish(batch)
        return None

    def _finish(self, batch: list[Waiting]) -> None:
        self._outbox.finish(batch)
        self._progress.set()
