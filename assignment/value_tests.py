"""Tests of one attribute's value: what the operators of a condition ask once they are compiled."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assignment.comparison import intersects, order, same_scalar, scalar_identity, to_text, version_order
from assignment.patterns import compile_pattern

ValueTest = Callable[[Any], bool]

_NUMBERS = (int, float)  # exactly these: True is not a number


def equality(key: str, operand: Any) -> ValueTest:
    """`$eq` and `$ne`: `===` of scalars."""
    wanted = key == "$eq"
    return lambda value: same_scalar(value, operand) is wanted


_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}


def ordering(key: str, operand: Any) -> ValueTest:
    """`$lt`, `$lte`, `$gt` and `$gte`: numbers, or two texts."""
    holds = _SIGNS[key.removeprefix("$")]
    is_number = type(operand) in _NUMBERS

    def test(value: Any) -> bool:
        if is_number and type(value) in _NUMBERS:  # what a shop mostly asks; the same answer, sooner
            return holds(value, operand)
        sign = order(value, operand)
        return sign is not None and holds(sign, 0)

    return test


def version(key: str, operand: Any) -> ValueTest:
    """`$veq` … `$vgte`: version numbers."""
    holds = _SIGNS[key.removeprefix("$v")]
    return lambda value: holds(version_order(value, operand), 0)


def among(members: Sequence[Any], fold: Callable[[Any], Any], *, wanted: bool) -> ValueTest:
    """Whether the value, or an element of an array, is (`wanted`) or is not one of the members."""
    identities = frozenset(scalar_identity(fold(member)) for member in members)
    texts = frozenset(member for member in members if isinstance(member, str)) if fold is as_is else None

    def test(value: Any) -> bool:
        if texts is not None and type(value) is str:
            return (value in texts) is wanted
        return intersects(identities, value, fold) is wanted

    return test


def as_is(value: Any) -> Any:
    """Case counts."""
    return value


def lower(value: Any) -> Any:
    """Case does not count."""
    return value.lower() if isinstance(value, str) else value


def existence(operand: Any) -> ValueTest:
    """`$exists`: null counts as missing."""
    return lambda value: (value is not None) is bool(operand)


def pattern(key: str, operand: Any) -> ValueTest:
    """`$regex` and `$regexi`."""
    search = compile_pattern(operand, fold_case=key == "$regexi")

    def test(value: Any) -> bool:
        text = to_text(value)
        return text is not None and search(text)

    return test
