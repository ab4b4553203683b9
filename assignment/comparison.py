"""How GrowthBook compares two JSON values: JavaScript's rules, written out.

Values are None, bool, int, float, str, list and dict. Where SDK generations differ, this file follows the
conformance cases of specification 0.8.0 and, where those are silent, the choice that needs no luck:
None equals only None; arrays and objects equal no scalar and have no order.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import nan
from typing import Any

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LONGEST_NUMBER = 400  # characters; longer text is no number anybody meant
_LONGEST_KNOWN = 32  # characters; a version that is remembered, so that nobody fills the memory with others
_RELEASE_PARTS = 3  # major, minor, patch
_LARGEST_PLAIN = 1e21  # from here on JavaScript writes an exponent: nobody targets such a number as text


def type_name(value: Any) -> str:
    """JSON type of a value: null, boolean, number, string, array or object ("unknown" for anything else).

    >>> [type_name(value) for value in (None, True, 1, "a", [], {})]
    ['null', 'boolean', 'number', 'string', 'array', 'object']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):  # before int, whose subclass it is
        return "boolean"
    for kinds, name in (
        (int | float, "number"),
        (str, "string"),
        (list | tuple, "array"),
        (Mapping, "object"),
    ):
        if isinstance(value, kinds):
            return name
    return "unknown"


def scalar_identity(value: Any) -> tuple[str, Any] | None:
    """A hashable identity under which `===` is equality; None for arrays and objects, which equal nothing.

    >>> scalar_identity(1) == scalar_identity(1.0), scalar_identity(1) == scalar_identity(True)
    (True, False)
    """
    name = type_name(value)
    return None if name in {"array", "object", "unknown"} else (name, value)


def same_scalar(one: Any, other: Any) -> bool:
    """`===` of two JSON values."""
    identity = scalar_identity(one)
    return identity is not None and identity == scalar_identity(other)


def same_document(one: Any, other: Any) -> bool:
    """Whether two JSON values print the same: types, values and the order of keys.

    >>> same_document({"a": [1]}, {"a": [1.0]}), same_document([1], [True])
    (True, False)
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and all(same_document(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_document, one, other))
    return same_scalar(one, other)


def to_number(value: Any) -> float:
    """JavaScript's Number(): None is 0, text is read as decimal; NaN where there is no number.

    >>> to_number(None), to_number(True), to_number(" 8 "), to_number("eight")
    (0, 1, 8.0, nan)
    """
    if value is None:
        return 0
    if isinstance(value, bool | int | float):
        return value if isinstance(value, float) else int(value)
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return nan
    text = value.strip()
    if not text:
        return 0
    return float(text) if _DECIMAL.fullmatch(text) else nan


def to_text(value: Any) -> str | None:
    """JavaScript's String() of a scalar; None for null, arrays, objects, NaN and numbers from 1e21 on.

    >>> to_text(8.0), to_text(True), to_text(None)
    ('8', 'true', None)
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | float):
        return None
    if not abs(value) < _LARGEST_PLAIN:  # NaN too
        return None
    return str(int(value)) if value == int(value) else str(value)


def equals_literal(expected: Any, *, fold_case: bool = False) -> Callable[[Any], bool]:
    """Test for `{"attribute": expected}`: loose for scalars (text "8" is the number 8), exact for documents.

    >>> equals_literal(8)("8"), equals_literal("8")(8), equals_literal(True)("yes"), equals_literal(0)(None)
    (True, True, True, False)
    """
    if isinstance(expected, str):
        return _equals_text(expected, fold_case=fold_case)
    if isinstance(expected, bool):
        return lambda value: value is not None and _is_truthy(value) is expected
    if isinstance(expected, int | float):
        return lambda value: value is not None and to_number(value) == expected
    return lambda value: same_document(value, expected)


def _equals_text(expected: str, *, fold_case: bool) -> Callable[[Any], bool]:
    if not fold_case:
        return lambda value: value == expected if type(value) is str else to_text(value) == expected
    folded = expected.lower()

    def equal(value: Any) -> bool:
        text = to_text(value)
        return text is not None and text.lower() == folded

    return equal


def _is_truthy(value: Any) -> bool:
    if isinstance(value, list | tuple | Mapping):  # empty ones are true in JavaScript
        return True
    return bool(value) and value == value  # noqa: PLR0124 - NaN is false, and only NaN differs from itself


def order(one: Any, other: Any) -> int | None:
    """−1, 0 or 1 as `one` is below, equal to or above `other`; None when they cannot be ordered.

    Two strings compare by UTF-16 code units, anything else as numbers.

    >>> order("b", "a"), order("9", 10), order(None, -1), order("x", 1)
    (1, -1, 1, None)
    """
    if isinstance(one, str) and isinstance(other, str):
        return _text_order(one, other)
    first = one if type(one) is int else to_number(one)
    second = other if type(other) is int else to_number(other)
    if first > second:
        return 1
    if first < second:
        return -1
    return 0 if first == second else None


def _text_order(one: str, other: str) -> int:
    if one.isascii() and other.isascii():
        return (one > other) - (one < other)
    first, second = (text.encode("utf-16-be", "surrogatepass") for text in (one, other))
    return (first > second) - (first < second)


def version_order(one: Any, other: Any) -> int:
    """−1, 0 or 1 for two version numbers in GrowthBook's reading of semantic versions.

    >>> version_order("1.10.0", "1.9.0"), version_order("1.0.0-rc.1", "1.0.0")
    (1, -1)
    """
    return _text_order(sortable_version(one), sortable_version(other))


def sortable_version(version: Any) -> str:
    """A text that sorts as the version does.

    Without build and leading v; numbers are padded to five characters so that 9 sorts before 10; a release
    gets a part "~" that sorts behind every pre-release.

    >>> sortable_version("v1.2.3-rc.1+build")
    '    1-    2-    3-rc-    1'
    """
    text = (None if isinstance(version, bool) else to_text(version)) or "0"
    return _known_version(text) if len(text) <= _LONGEST_KNOWN else _laid_out(text)


def _laid_out(text: str) -> str:
    parts = re.split("[-.]", text.removeprefix("v").partition("+")[0])
    if len(parts) == _RELEASE_PARTS:
        parts.append("~")
    return "-".join(part.rjust(5) if part.isascii() and part.isdigit() else part for part in parts)


_known_version = lru_cache(maxsize=1024)(_laid_out)  # applications have few versions, each asked about often


def intersects(identities: frozenset[tuple[str, Any] | None], value: Any, fold: Callable[[Any], Any]) -> bool:
    """Whether the value, or one element of an array, is among known scalar identities."""
    elements: Sequence[Any] = value if isinstance(value, list | tuple) else (value,)
    return any(
        identity is not None and identity in identities
        for identity in (scalar_identity(fold(element)) for element in elements)
    )
