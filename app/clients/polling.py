"""The rules in force: recalled from disk, asked for with an ETag, swapped by one reference."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from app.clients.disk import Kept, keep, recall
from app.clients.exchange import Exchange, Failure
from app.clients.options import Options
from app.clients.rules import RuleBook, read_rules
from app.clients.timing import next_wait

log = logging.getLogger("offerlab.client")
Found = TypeVar("Found")
_SPREAD = 0.1  # clients that were started together do not ask together for ever


@dataclass
class Polls:
    """How the questions for rules went.

    Attributes:
        fetched: new rules came.
        not_modified: the service said that nothing has changed (304).
        failed: no usable answer.
    """

    fetched: int = 0
    not_modified: int = 0
    failed: int = 0


class Rules:
    """Holds the current rules and keeps them current.

    Args:
        exchange: the way to the service.
        options: pace, clock, and where the rules are kept.
        url: the service, for the file on disk.
    """

    def __init__(self, exchange: Exchange, options: Options, url: str) -> None:
        self._exchange = exchange
        self._options = options
        self._url = url
        self._etag: str | None = None
        self._confirmed_at: float | None = None
        self._never = asyncio.Event()
        self.came = asyncio.Event()
        self.counts = Polls()
        self.current: RuleBook | None = None
        self._recall()

    @property
    def is_stale(self) -> bool:
        """Whether the service has not confirmed the rules for a while, or never."""
        if self._confirmed_at is None:
            return True
        age = self._options.clock.monotonic() - self._confirmed_at
        return age > self._options.stale_after_seconds

    async def run(self) -> None:
        """Ask for ever, whatever happens."""
        attempt, clock, rng = 0, self._options.clock, self._options.rng
        while True:
            failure = await self._try()
            if failure is None:
                attempt = 0
                wait = self._options.poll_seconds * rng.uniform(1 - _SPREAD, 1 + _SPREAD)
            else:
                log.info("the rules were not confirmed: %s", failure.detail)
                wait = next_wait(attempt, failure.retry_after, rng, clock.now_us())
                attempt += 1
            await clock.wait(self._never, wait)

    async def _try(self) -> Failure | None:
        try:
            await self.ask()
        except Failure as failure:
            self.counts.failed += 1
            return failure
        except Exception as error:
            self.counts.failed += 1
            log.exception("asking for the rules failed")
            return Failure("away", type(error).__name__)
        return None

    async def ask(self) -> None:
        """Ask once.

        Raises:
            Failure: nothing usable came; the rules stay as they are.
        """
        found = await self._exchange.rules(self._etag)
        if found is None:
            self.counts.not_modified += 1
        else:
            await self._take(*found)
            self.counts.fetched += 1
        self._confirmed_at = self._options.clock.monotonic()
        self.came.set()

    async def _take(self, document: bytes, etag: str) -> None:
        try:
            self.current = await _beside(read_rules, document)
        except ValueError as error:
            raise Failure("away", f"rules that cannot be read: {error}") from error
        self._etag = etag
        path = self._options.cache_path
        if path is not None:
            await _beside(keep, path, Kept(self._url, etag, msgspec.Raw(document)))

    def _recall(self) -> None:
        path = self._options.cache_path
        kept = None if path is None else recall(path, self._url)
        if kept is None:
            return
        try:
            self.current = read_rules(bytes(kept.document))
        except ValueError as error:
            log.warning("the rules on disk cannot be used: %s", error)
            return
        self._etag = kept.etag


async def _beside(work: Callable[..., Found], *arguments: object) -> Found:
    """Done in another thread, so that the caller's loop goes on; here, where the program is ending."""
    try:
        return await asyncio.to_thread(work, *arguments)
    except RuntimeError:  # no more threads after the interpreter began to shut down
        return work(*arguments)
