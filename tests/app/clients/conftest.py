"""A clock that hurries, and a service that can be told to misbehave."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from app.clients.timing import SystemClock
from tests.app.clients.bad_service import BadService, bad_service


@dataclass
class HurriedClock:
    """Real time, but long waits end at once; what was asked for is written down.

    Attributes:
        waits: seconds of every wait that nothing cut short.
    """

    waits: list[float] = field(default_factory=list)
    real: SystemClock = field(default_factory=SystemClock)

    def now_us(self) -> int:
        return self.real.now_us()

    def monotonic(self) -> float:
        return self.real.monotonic()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        self.waits.append(seconds)
        await self.real.wait(event, min(seconds, 0.01))


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
def bad() -> Iterator[BadService]:
    with bad_service() as running:
        yield running
