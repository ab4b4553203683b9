"""The result object as the contract's JSON: fixed field order, the same bytes for the same values."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from app.clock import day_number, day_start_us, to_us
from app.errors import Invalid
from dashboards.wording import verdict_sentence
from stats.results import Result

LOCALES = ("en", "ru")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# the contract's fields in its order, then ours
_FIELDS = (
    "experiment",
    "version",
    "as_of",
    "through_seq",
    "trust",
    "metrics",
    "looks",
    "offers",
    "verdict",
    "inputs_sha256",
    "currency",
    "progress",
    "unusable",
)


def with_words(result: Result, unit: str = "visitor") -> Result:
    """The same result, its verdict said in every language.

    Args:
        result: without words.
        unit: whom the experiment randomises, `visitor` or `customer`.
    """
    text = {locale: verdict_sentence(result, locale, unit=unit) for locale in LOCALES}
    return replace(result, verdict=replace(result.verdict, text=text))


def encode(result: Result) -> bytes:
    """The result as JSON; numbers in their shortest exact form, no number as null."""
    fields: dict[str, Any] = {name: getattr(result, name) for name in _FIELDS}
    return msgspec.json.encode(fields)


def as_of_us(text: str, timezone: str) -> int:
    """The moment an `as_of` means, microseconds since 1970 UTC.

    Args:
        text: RFC 3339 with an offset, or a date, which means the end of that shop day.
        timezone: the experiment's zone.

    Raises:
        Invalid: it is neither; names `as_of`.

    >>> as_of_us("1970-01-01", "UTC"), as_of_us("1970-01-01T03:00:01+03:00", "UTC")
    (86400000000, 1000000)
    """
    try:
        if _DATE.fullmatch(text):
            return day_start_us(day_number(text) + 1, timezone)
        # an unescaped + of a URL arrives as a space
        return to_us(datetime.fromisoformat(re.sub(r" (?=\d\d:\d\d$)", "+", text.upper())))
    except (ValueError, OverflowError):
        raise Invalid(
            "must be a date, or RFC 3339 with an offset, for example 2026-03-01T12:00:00+03:00",
            "invalid_as_of",
            "as_of",
        ) from None
