"""Time as an object, so that tests can hold it still and every room is told `now`."""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

MICROSECONDS = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Gives the present moment in microseconds since 1970 UTC."""

    def now_us(self) -> int:
        """Now, in microseconds since 1970-01-01T00:00Z."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Now, in microseconds since 1970-01-01T00:00Z."""
        return time.time_ns() // 1000


@dataclass
class FixedClock:
    """A clock that stands still until it is moved; for tests."""

    at_us: int

    def now_us(self) -> int:
        """The moment it was set to."""
        return self.at_us

    def advance(self, seconds: float) -> None:
        """Move the clock by so many seconds (negative: back)."""
        self.at_us += round(seconds * MICROSECONDS)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exactly.

    Raises:
        ValueError: the datetime is naive.

    >>> to_us(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs an offset, for example 2026-03-01T12:00:00+03:00")
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_us(at_us: int) -> datetime:
    """The UTC datetime of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=at_us)


def isoformat(at_us: int) -> str:
    """RFC 3339 in UTC with as many digits as needed.

    >>> isoformat(86400000000)
    '1970-01-02T00:00:00Z'
    """
    return from_us(at_us).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=65536)
def day_start_us(day: int, timezone: str) -> int:
    """The first moment of a shop day (days since 1970-01-01), in microseconds since 1970 UTC.

    Days are cut at local midnight in the shop's zone: a day may have 23 or 25 hours.

    >>> day_start_us(0, "Europe/Moscow") // 3_600_000_000
    -3
    """
    local = date(1970, 1, 1) + timedelta(days=day)
    return to_us(datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(timezone)))


def shop_day(at_us: int, timezone: str) -> int:
    """The shop day (days since 1970-01-01) on which a moment falls.

    >>> shop_day(-1, "UTC")
    -1
    """
    return (from_us(at_us).astimezone(ZoneInfo(timezone)).date() - date(1970, 1, 1)).days


def last_closed_day(at_us: int, timezone: str) -> int:
    """The last shop day that has fully passed at a moment."""
    return shop_day(at_us, timezone) - 1


def day_iso(day: int) -> str:
    """The ISO date of a day number.

    >>> day_iso(9861)
    '1996-12-31'
    """
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def day_number(text: str) -> int:
    """The day number of an ISO date.

    >>> day_number("1970-01-02")
    1
    """
    return (date.fromisoformat(text) - date(1970, 1, 1)).days
