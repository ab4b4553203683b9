"""Msgspec's findings about a body, as refusals that name the field."""

import re
from typing import TypeVar

import msgspec

from app.edge.asking import LONGEST_ID
from app.errors import BadRequest, Invalid

_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"missing required field `(.*)`", re.DOTALL)
Shape = TypeVar("Shape")


def decode(decoder: msgspec.json.Decoder[Shape], body: bytes) -> Shape:
    """The request in a body.

    Raises:
        BadRequest: it is not JSON.
        Invalid: a field is unknown, missing or of the wrong type; it is named.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise named(str(error)) from None
    except (ValueError, RecursionError):  # msgspec's and Unicode's errors are ValueErrors
        raise BadRequest("the body cannot be read as JSON", "not_json") from None


def named(message: str) -> Invalid:
    """Msgspec's finding with the name of its field.

    >>> named("Object missing required field `cart`").field
    'cart'
    >>> named("Object contains unknown field `total` - at `$.cart.lines[0]`").field
    'cart.lines.0.total'
    """
    place, message = _AT.search(message), _AT.sub("", message)
    path = re.sub(r"\[(\d+)\]", r".\1", place.group(1).replace("[...]", "")) if place else ""
    for pattern, code, detail in (
        (_UNKNOWN, "extra_forbidden", "there is no such field"),
        (_MISSING, "missing", "this field is needed"),
    ):
        found = pattern.search(message)
        if found is not None:
            name = found.group(1)[:LONGEST_ID]
            return Invalid(detail, code, f"{path}.{name}" if path else name)
    return Invalid(message[:LONGEST_ID], "invalid_field", path or None)


def no_nul(**ids: str | None) -> None:
    """Refuse an id that holds a NUL.

    Raises:
        Invalid: naming the field.
    """
    for field, value in ids.items():
        if value is not None and "\0" in value:
            raise Invalid("holds a NUL", "invalid_field", field)
