"""What both clients are made of, and what can be seen of it."""

import asyncio
import contextlib

from app.clients.asking import Desk
from app.clients.exchange import Exchange
from app.clients.options import Options
from app.clients.outbox import Deliveries, Outbox
from app.clients.polling import Polls, Rules
from app.clients.sending import Sender
from app.clients.tracking import Tracking


class Parts(Tracking):
    """Rules, desk and outbox of one client, on one way to the service."""

    def __init__(self, url: str, key: str, options: Options | None = None) -> None:
        self._url, self._key = url.rstrip("/"), key
        self._options = options or Options()
        self._assemble()

    def _assemble(self) -> None:
        options = self._options
        self._exchange = Exchange(self._url, self._key, options.transport)
        self._outbox = Outbox(options.queue_limit)
        self._rules = Rules(self._exchange, options, self._url)
        self._desk = Desk(self._exchange, self._rules, options)
        self._sender = Sender(self._exchange, self._outbox, options)

    async def _work(self) -> None:
        """Poll and send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._rules.run())
            group.create_task(self._sender.run())

    async def _rules_came(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rules.came.wait()
        return self._rules.current is not None

    @property
    def is_key_refused(self) -> bool:
        """Whether the service did not admit the key when it was last asked."""
        return self._exchange.is_key_refused

    @property
    def config_version(self) -> int | None:
        """Version of the rules in force; None while there are none."""
        return None if self._rules.current is None else self._rules.current.config_version

    @property
    def queued(self) -> int:
        """Events that wait to be sent."""
        return len(self._outbox)

    @property
    def deliveries(self) -> Deliveries:
        """What became of events."""
        return self._outbox.counts

    @property
    def polls(self) -> Polls:
        """How the questions for rules went."""
        return self._rules.counts

    @property
    def asked(self) -> int:
        """How often the service was asked for one unit."""
        return self._desk.asked

    @property
    def fallbacks(self) -> int:
        """How often neither the rules nor the service gave an answer."""
        return self._desk.fallbacks
