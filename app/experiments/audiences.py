"""Whether two audiences can have a person in common: provably not, or perhaps. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

_LOWER = {"$gt": False, "$gte": True}
_UPPER = {"$lt": False, "$lte": True}


def are_disjoint(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether no attributes can satisfy both conditions.

    Only what is certain counts: one attribute that both name must have different values, come from disjoint
    lists (the attribute itself is taken to be one value, not a list), or lie in ranges apart. Everything else
    (`$or`, patterns, versions) may overlap.

    Args:
        one: condition with groups and segments written out.
        other: likewise.

    >>> are_disjoint({"country": "RU"}, {"country": {"$in": ["KZ", "BY"]}})
    True
    >>> are_disjoint({"orders_count": {"$gte": 1}}, {"orders_count": {"$lt": 5}})
    False
    """
    theirs = list(_facts(other))
    return any(
        attribute == named and _apart(fact, against)
        for attribute, fact in _facts(one)
        for named, against in theirs
    )


@dataclass(frozen=True, slots=True)
class _Values:
    """The attribute is one of these (or none of these); loosely: the text "5" passes for the number."""

    values: frozenset[tuple[str, Any]]
    wanted: bool = True
    loosely: bool = False

    @property
    def kinds(self) -> set[str]:
        return {kind for kind, _ in self.values}


@dataclass(frozen=True, slots=True)
class _Above:
    """A number above, or from, a bound."""

    bound: float
    inclusive: bool


@dataclass(frozen=True, slots=True)
class _Below:
    """A number below, or up to, a bound."""

    bound: float
    inclusive: bool


_Fact = _Values | _Above | _Below


def _facts(condition: Mapping[str, Any]) -> Iterator[tuple[str, _Fact]]:
    for key, expected in condition.items():
        if key == "$and":
            for part in expected:
                yield from _facts(part)
        elif not key.startswith("$"):
            for fact in _of_attribute(expected):
                yield key, fact


def _of_attribute(expected: Any) -> Iterator[_Fact]:
    if not isinstance(expected, Mapping):
        found = _values([expected])
        if found is not None:
            yield _Values(found, loosely=not _is_word(expected))
        return
    for operator, operand in expected.items():
        fact = _of_operator(operator, operand)
        if fact is not None:
            yield fact


def _of_operator(operator: str, operand: Any) -> _Fact | None:
    if operator in {"$eq", "$ne", "$in", "$nin"}:
        found = _values(operand if operator in {"$in", "$nin"} else [operand])
        return None if found is None else _Values(found, operator in {"$eq", "$in"})
    if isinstance(operand, bool) or not isinstance(operand, int | float):
        return None
    if operator in _LOWER:
        return _Above(operand, _LOWER[operator])
    return _Below(operand, _UPPER[operator]) if operator in _UPPER else None


def _values(values: Any) -> frozenset[tuple[str, Any]] | None:
    """Scalars with their kind (true is not 1, "1" is not 1); None where one is not a scalar."""
    if not isinstance(values, list) or not all(isinstance(one, str | int | float) for one in values):
        return None
    return frozenset((_kind(one), one) for one in values)


def _kind(value: Any) -> str:
    return "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def _is_word(value: Any) -> bool:
    """Whether no number or truth value passes for it where a plain value is compared."""
    return (
        isinstance(value, str) and value[:1].isalpha() and value not in {"true", "false", "NaN", "Infinity"}
    )


def _apart(one: _Fact, other: _Fact) -> bool:
    if isinstance(one, _Values) and isinstance(other, _Values):
        if one.wanted and other.wanted:
            return len(one.kinds | other.kinds) == 1 and not one.values & other.values
        if one.wanted or other.wanted:
            wanted, unwanted = (one, other) if one.wanted else (other, one)
            return not wanted.loosely and wanted.values <= unwanted.values
        return False
    if isinstance(one, _Values) or isinstance(other, _Values):
        return _outside(one, other) if isinstance(one, _Values) else _outside(other, one)
    return _between(one, other) or _between(other, one)


def _outside(values: _Fact, span: _Fact) -> bool:
    """Whether wanted numbers all lie outside a range."""
    if not isinstance(values, _Values) or isinstance(span, _Values) or not values.wanted:
        return False
    if any(kind != "number" for kind, _ in values.values):
        return False
    return not any(_holds(span, number) for _, number in values.values)


def _holds(span: _Above | _Below, number: float) -> bool:
    if number == span.bound:
        return span.inclusive
    return number > span.bound if isinstance(span, _Above) else number < span.bound


def _between(lower: _Fact, upper: _Fact) -> bool:
    """Whether a range from below begins after the other has ended."""
    if not isinstance(lower, _Above) or not isinstance(upper, _Below):
        return False
    if lower.bound == upper.bound:
        return not (lower.inclusive and upper.inclusive)
    return inf > lower.bound > upper.bound
