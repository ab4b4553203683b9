"""Strict request bodies: no unknown field, no coercion, nothing that cannot be stored or read back."""

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.clock import to_us
from app.errors import Invalid
from app.ledger.currencies import CURRENCIES

LARGEST_MINOR: Final = 10**15
LARGEST_INTEGER: Final = 2**63 - 1
DEEPEST_JSON: Final = 40
_LONGEST_CURSOR = 18  # digits; stays inside 64 bits
KEY_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,99}$"
_KEY = re.compile(KEY_PATTERN.removesuffix("$"))
_FORBIDDEN_CHARACTERS = re.compile("[\x00\ud800-\udfff]")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?")


class Strict(BaseModel):
    """Base of every request body."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        """Free JSON inside the body (audience, custom terms) is checked as well as named fields."""
        fault = unstorable(value)
        if fault is not None:
            path, reason = fault
            raise PydanticCustomError("unstorable", "{reason}", {"reason": reason, "path": path})
        return value


def unstorable(value: Any, path: str = "", depth: int = 0) -> tuple[str, str] | None:
    """Where and why a JSON value cannot be stored and read back unchanged; None when it can.

    >>> unstorable({"a": [1, "б"]}), unstorable({"a": [float("nan")]})
    (None, ('a.0', 'holds NaN or an infinite number'))
    """
    if depth > DEEPEST_JSON:
        return path, f"is nested deeper than {DEEPEST_JSON} levels"
    if not isinstance(value, dict | list):
        reason = _unstorable_scalar(value)
        return None if reason is None else (path, reason)
    if isinstance(value, dict) and any(_FORBIDDEN_CHARACTERS.search(key) for key in value):
        return path, "has a field name with a NUL or half a character"
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for step, part in parts:
        fault = unstorable(part, f"{path}.{step}" if path else str(step), depth + 1)
        if fault is not None:
            return fault
    return None


def _unstorable_scalar(value: Any) -> str | None:
    if isinstance(value, str) and _FORBIDDEN_CHARACTERS.search(value):
        return "holds a NUL or half a character"
    if isinstance(value, float) and not math.isfinite(value):
        return "holds NaN or an infinite number"
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return "holds an integer beyond 64 bits"
    return None


def is_key(text: str) -> bool:
    """Whether a text may be the key of an experiment, layer or holdout.

    >>> is_key("promo-1"), is_key("Promo")
    (True, False)
    """
    return _KEY.fullmatch(text) is not None


def _moment(text: str) -> str:
    if _RFC3339.fullmatch(text) is None:
        raise PydanticCustomError("moment", "must be RFC 3339, for example 2026-03-01T12:00:00+03:00")
    try:
        moment = datetime.fromisoformat(text.upper())
        utc = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("moment", "is not a day and time that exists") from None
    if moment.tzinfo is None:
        raise PydanticCustomError("naive_moment", "needs an offset, for example 2026-03-01T12:00:00+03:00")
    return utc.isoformat().replace("+00:00", "Z")


def moment_us(text: str) -> int:
    """Microseconds since 1970 UTC of an RFC 3339 moment with an offset.

    Raises:
        ValueError: it has no offset or does not exist.

    >>> moment_us("1970-01-01T03:00:01+03:00")
    1000000
    """
    return to_us(datetime.fromisoformat(text.upper()))


def checked_key(text: str, field: str) -> str:
    """The text, if it may be a key.

    Raises:
        Invalid: naming the field.
    """
    if not is_key(text):
        raise Invalid("1 to 100 of a-z 0-9 . _ -, beginning with a letter or digit", "invalid_key", field)
    return text


def cursor_number(cursor: str | None) -> int | None:
    """The number in a cursor of a list, or None.

    Raises:
        Invalid: it is not one of ours.
    """
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _LONGEST_CURSOR):
        raise Invalid("not a cursor of this list", "invalid_cursor", "cursor")
    return int(cursor)


def _currency(text: str) -> str:
    if text not in CURRENCIES:
        raise PydanticCustomError("currency", "must be an ISO 4217 code in capitals, for example RUB")
    return text


Key = Annotated[str, Field(pattern=KEY_PATTERN)]
Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
Text200 = Annotated[str, Field(min_length=1, max_length=200)]
Text2000 = Annotated[str, Field(max_length=2000)]
Moment = Annotated[str, AfterValidator(_moment)]
Currency = Annotated[str, AfterValidator(_currency)]
Minor = Annotated[int, Field(ge=0, le=LARGEST_MINOR)]
PositiveMinor = Annotated[int, Field(gt=0, le=LARGEST_MINOR)]
Percent = Annotated[float, Field(gt=0, le=100)]
Count = Annotated[int, Field(ge=1, le=10**12)]
Days = Annotated[int, Field(ge=1, le=730)]
Share = Annotated[float, Field(ge=0, le=1)]
