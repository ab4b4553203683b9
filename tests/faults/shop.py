"""A shop that sends orders, does not trust what it has not heard, and sends again until it has."""

import http.client
import json
import random
import threading
from dataclasses import dataclass, field
from typing import Any

LOST_SHARE = 0.2
"""Of the requests, so many are not waited for: the answer is lost and the request is sent again."""

_GONE = (OSError, http.client.HTTPException, json.JSONDecodeError)


def order(number: int) -> dict[str, Any]:
    """A new order of a new visitor."""
    return {
        "event_id": f"e-{number}",
        "type": "order",
        "occurred_at": "2026-01-06T10:00:00Z",
        "visitor_id": f"v-{number}",
        "order_id": f"o-{number}",
        "currency": "RUB",
        "items_minor": 100 + number,
        "discount_minor": 0,
        "shipping_minor": 0,
    }


@dataclass
class Shop:
    """Several clients at once.

    Args:
        port: where the service listens, when it does.
        key: of the shop's server.
        clients: how many send at the same time.

    Attributes:
        acknowledged: numbers of orders whose acceptance was heard.
        told: problem statuses that were heard meanwhile.
    """

    port: int
    key: str
    clients: int = 4
    acknowledged: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _next: int = 0
    _open: bool = True
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start sending."""
        self._threads = [
            threading.Thread(target=self._send_all, args=(random.Random(n),), daemon=True)
            for n in range(self.clients)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, more: int, seconds: float = 120) -> bool:
        """Wait until so many more orders were acknowledged."""
        with self._changed:
            wanted = len(self.acknowledged) + more
            return self._changed.wait_for(lambda: len(self.acknowledged) >= wanted, seconds)

    def stop(self) -> None:
        """Send nothing new; what is under way is sent until it is acknowledged."""
        self._open = False
        for thread in self._threads:
            thread.join(120)

    def abandon(self) -> None:
        """Stop at once."""
        self._open = False
        self.port = 0

    def _numbers(self, count: int) -> list[int]:
        with self._changed:
            self._next += count
            return list(range(self._next - count, self._next))

    def _send_all(self, rng: random.Random) -> None:
        while self._open:
            numbers = self._numbers(rng.choice([1, 1, 1, 5]))
            body = json.dumps({"events": [order(number) for number in numbers]}).encode()
            while not self._sent(body, is_lost=rng.random() < LOST_SHARE):
                if self.port == 0:
                    return
            with self._changed:
                self.acknowledged.update(numbers)
                self._changed.notify_all()

    def _sent(self, body: bytes, *, is_lost: bool) -> bool:
        """One attempt; whether acceptance was heard."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {"content-type": "application/json", "x-api-key": self.key}
            line.request("POST", "/api/v1/events", body, headers)
            answer = line.getresponse()
            if is_lost:
                return False
            found = json.loads(answer.read())
        except _GONE:
            threading.Event().wait(0.01)  # nobody is there: do not take the processor from who starts
            return False
        finally:
            line.close()
        if answer.status != 200:
            self.told.add(answer.status)
            threading.Event().wait(0.01)
            return False
        return bool(found["accepted"] + found["duplicates"] == body.count(b"event_id"))
