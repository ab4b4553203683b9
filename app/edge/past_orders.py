"""Earlier orders for quotes: asked of the ledger where an offer needs them, and never waited for long."""

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from app.clock import MICROSECONDS
from app.edge.asking import Asking
from app.ledger.histories import Purchase, SessionReader, numbers_of
from app.offers.carts import History, history_of
from app.offers.past import orders_of, with_orders
from app.offers.quotes import HistoryUsed
from app.offers.ready import Ready
from app.serving.people import Ids

if TYPE_CHECKING:
    from app.bootstrap import Services

log = logging.getLogger("offerlab")
PATIENCE_SECONDS: Final = 0.5
AWAY_US: Final = MICROSECONDS
"""So long after a failure nobody asks again."""
THREADS: Final = 4
MOST_WAITING: Final = 32


Named = tuple[str | None, str | None]


class Past(NamedTuple):
    """What is known of a shopper, and from where; None: nobody needs to know."""

    history: History
    used: HistoryUsed | None


class PastOrders:
    """Asks the ledger; when it does not answer in time the request's own attributes have to do.

    Args:
        services: the process.
    """

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._threads = ThreadPoolExecutor(THREADS, "past-orders")
        self._waiting = 0
        self._away_until_us = 0

    async def of(self, asking: Asking, named: Named, offers: Iterable[Ready], currency: str) -> Past:
        """The history that a quote needs.

        Args:
            asking: the request.
            named: visitor and customer, as the shop names them.
            offers: whose terms decide whether anything is asked.
            currency: of the cart.
        """
        told = history_of(asking.attributes)
        if not any(ready.asks_history for ready in offers):
            return Past(told, None)
        ids = self._services.snapshots.follower.people.ids_of(*named)
        orders = await self._asked(ids, asking.now_us)
        if orders is None:
            return Past(told, HistoryUsed("request", "database_away"))
        return Past(with_orders(told, orders, currency, asking.now_us), HistoryUsed("ledger", None))

    async def _asked(self, ids: Ids, now_us: int) -> list[Purchase] | None:
        if now_us < self._away_until_us or self._waiting >= MOST_WAITING:
            return None
        self._waiting += 1
        reading = asyncio.get_running_loop().run_in_executor(self._threads, self._read, ids)
        reading.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(reading), PATIENCE_SECONDS)
        except (TimeoutError, SQLAlchemyError, OSError) as error:
            log.warning("earlier orders cannot be read now: %s", type(error).__name__)
            self._away_until_us = now_us + AWAY_US
            return None

    def _read(self, ids: Ids) -> list[Purchase]:
        with self._services.database.read() as session:
            reader = SessionReader(session)
            visitors = numbers_of(reader, "visitor", ids.visitors)
            customers = numbers_of(reader, "customer", ids.customers)
            return orders_of(reader, {*visitors.values(), *customers.values()})

    def _done(self, reading: "asyncio.Future[list[Purchase]]") -> None:
        self._waiting -= 1
        if not reading.cancelled():
            reading.exception()  # looked at here too: nobody may be waiting any more
