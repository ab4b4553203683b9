"""Time and patience: a clock that tests can replace, backoff with full jitter, `Retry-After`."""

import asyncio
import contextlib
import time
from email.utils import parsedate_to_datetime
from random import Random
from typing import Protocol

FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 30.0
LONGEST_RETRY_AFTER_SECONDS = 3600.0
_MICROSECONDS = 1_000_000


class Clock(Protocol):
    """The present moment, and waiting."""

    def now_us(self) -> int:
        """Now, in microseconds since 1970 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when the event is set, or after so many seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Now, in microseconds since 1970 UTC."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when the event is set, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()


def full_jitter(attempt: int, rng: Random) -> float:
    """Seconds to wait before another try: anything from nothing to twice as much each time.

    Args:
        attempt: how many tries have failed before this one, from 0.
        rng: where chance comes from.

    Source: M. Brooker, "Exponential backoff and jitter" (AWS Architecture Blog, 2015), full jitter.

    >>> 0 <= full_jitter(0, Random(1)) <= 0.2
    True
    """
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(attempt, 16))
    return rng.uniform(0.0, longest)


def next_wait(attempt: int, retry_after: str | None, rng: Random, now_us: int) -> float:
    """Seconds until the next try: never before the moment the server named, and not all clients at once.

    Args:
        attempt: how many tries have failed before this one.
        retry_after: the header's value, or None.
        rng: where chance comes from.
        now_us: the present moment, for a header that holds a date.
    """
    return retry_after_seconds(retry_after, now_us) + full_jitter(attempt, rng)


def retry_after_seconds(value: str | None, now_us: int) -> float:
    """Seconds of a `Retry-After` header, at most an hour; 0 where it says nothing that can be read.

    >>> retry_after_seconds("7", 0), retry_after_seconds("Thu, 01 Jan 1970 00:00:09 GMT", 2_000_000)
    (7.0, 7.0)
    >>> retry_after_seconds("soon", 0)
    0.0
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now_us / _MICROSECONDS
        except ValueError:
            return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)
