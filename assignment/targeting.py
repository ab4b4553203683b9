"""Audience conditions: GrowthBook's condition language over a request's attributes.

A condition is compiled once into nested functions and evaluated many times. What cannot be read (an
unknown operator, an unsafe pattern, nesting beyond 20) is refused by `validate_condition` when the experiment
is defined; if such a condition is compiled all the same, it matches nobody, also under `$not`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assignment.comparison import equals_literal, type_name
from assignment.value_tests import among, as_is, equality, existence, lower, ordering, pattern, version

Attributes = Mapping[str, Any]
Condition = Callable[[Attributes], bool]
SavedGroups = Mapping[str, Sequence[Any]]
_ValueTest = Callable[[Any], bool]

DEEPEST_NESTING = 20
_OBJECT = (dict, Mapping)  # dict first: asking an abstract class is slow
_LOGICAL = ("$and", "$or", "$nor")


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a condition is being read: the groups it may name, how strictly, and how deep we are."""

    saved_groups: SavedGroups
    strict: bool
    depth: int = 0

    def deeper(self) -> "_Reading":
        if self.depth >= DEEPEST_NESTING:
            raise ValueError(f"the condition is nested deeper than {DEEPEST_NESTING} levels")
        return replace(self, depth=self.depth + 1)


def validate_condition(condition: Mapping[str, Any], saved_groups: SavedGroups | None = None) -> None:
    """Refuse a condition that cannot mean what its author intended.

    Args:
        condition: GrowthBook condition as JSON: attribute paths and operators.
        saved_groups: group id → members, for `$inGroup` and `$notInGroup`.

    Raises:
        ValueError: naming the unknown operator, the wrong operand, the unknown group, the unsafe pattern or
            the nesting beyond 20 levels.

    >>> validate_condition({"name": {"$regx": "hello"}})
    Traceback (most recent call last):
    ...
    ValueError: unknown operator '$regx'
    """
    _condition(condition, _Reading(saved_groups or {}, strict=True))


def compile_condition(condition: Mapping[str, Any], saved_groups: SavedGroups | None = None) -> Condition:
    """Compile a condition into a function of a request's attributes.

    Args:
        condition: GrowthBook condition as JSON; `{}` matches everybody.
        saved_groups: group id → members, for `$inGroup` and `$notInGroup`.

    Returns:
        A pure function attributes → bool that does not raise. A condition that cannot be read matches nobody.

    Source: GrowthBook SDK specification 0.8.0, `evalCondition`.

    >>> regulars = compile_condition({"country": "RU", "orders_count": {"$gte": 1}})
    >>> regulars({"country": "RU", "orders_count": 3}), regulars({"country": "RU", "orders_count": 0})
    (True, False)
    """
    try:
        return _condition(condition, _Reading(saved_groups or {}, strict=False))
    except ValueError:
        return lambda _attributes: False


def _condition(condition: object, reading: _Reading) -> Condition:
    if not isinstance(condition, Mapping):
        raise ValueError(f"a condition is an object; got {condition!r:.40}")  # noqa: TRY004 - a definition error
    inside = reading.deeper()
    return _all_of([_part(key, expected, inside) for key, expected in condition.items()])


def _all_of(tests: Sequence[_ValueTest]) -> _ValueTest:
    if len(tests) == 1:
        return tests[0]

    def every(value: Any) -> bool:
        for test in tests:  # noqa: SIM110 - all() over a generator doubles the time of a short condition
            if not test(value):
                return False
        return True

    return every


def _part(key: str, expected: object, reading: _Reading) -> Condition:
    if key in _LOGICAL:
        return _logical(key, expected, reading)
    if key == "$not":
        inner = _condition(expected, reading)
        return lambda attributes: not inner(attributes)
    if reading.strict and key.startswith("$"):
        raise ValueError(f"unknown operator {key!r}")
    path, test = key.split("."), _value_test(expected, reading)
    if len(path) > 1:
        return lambda attributes: test(_at_path(attributes, path))

    def at_key(attributes: Attributes) -> bool:
        return test(attributes.get(key) if type(attributes) is dict else _at_path(attributes, path))

    return at_key


def _logical(key: str, expected: object, reading: _Reading) -> Condition:
    parts = [_condition(branch, reading) for branch in _list_operand(key, expected)]
    if key == "$and":
        return _all_of(parts)
    if key == "$or":  # an empty list passes: the specification says so
        return lambda attributes: not parts or any(part(attributes) for part in parts)
    return lambda attributes: bool(parts) and not any(part(attributes) for part in parts)


def _list_operand(key: str, expected: object) -> list[Any] | tuple[Any, ...]:
    if not isinstance(expected, list | tuple):
        raise ValueError(f"{key} takes a list; got {expected!r:.40}")  # noqa: TRY004 - a definition error
    return expected


def _at_path(document: Any, path: Sequence[str]) -> Any:
    current = document
    for step in path:
        if isinstance(current, _OBJECT):
            current = current.get(step)
        elif isinstance(current, list | tuple):
            current = _of_array(current, step)
        else:
            return None
    return current


def _of_array(array: Sequence[Any], step: str) -> Any:
    if step == "length":
        return len(array)
    canonical = step.isascii() and step.isdigit() and len(step) < 10 and (step == "0" or step[0] != "0")  # noqa: PLR2004 - nine digits index any array
    return array[int(step)] if canonical and int(step) < len(array) else None


def _holds_operators(expected: object, reading: _Reading) -> bool:
    if not isinstance(expected, Mapping):
        return False
    operators = [key for key in expected if key.startswith("$")]
    if reading.strict and len(operators) < max(len(expected), 1) and (operators or not expected):
        raise ValueError(f"{dict(expected)!r:.60} mixes operators with other keys, or holds nothing")
    return bool(operators) and len(operators) == len(expected)


def _value_test(expected: Any, reading: _Reading, *, fold_case: bool = False) -> _ValueTest:
    if not _holds_operators(expected, reading):
        _check_depth(expected, reading)
        return equals_literal(expected, fold_case=fold_case)
    inside = reading.deeper()
    return _all_of([_operator(key, operand, inside) for key, operand in expected.items()])


def _check_depth(literal: object, reading: _Reading) -> None:
    if isinstance(literal, Mapping | list | tuple):
        inside = reading.deeper()
        for item in literal.values() if isinstance(literal, Mapping) else literal:
            _check_depth(item, inside)


def _operator(key: str, operand: Any, reading: _Reading) -> _ValueTest:
    build = _OPERATORS.get(key)
    if build is None:
        raise ValueError(f"unknown operator {key!r}")
    return build(key, operand, reading)


_Build = Callable[[str, Any, _Reading], _ValueTest]


def _membership(key: str, operand: Any, _reading: _Reading) -> _ValueTest:
    fold = lower if key.endswith("ini") else as_is
    return among(_list_operand(key, operand), fold, wanted=not key.startswith("$n"))


def _group(key: str, operand: Any, reading: _Reading) -> _ValueTest:
    if not isinstance(operand, str) or (reading.strict and operand not in reading.saved_groups):
        raise ValueError(f"{key} names the unknown group {operand!r:.40}")
    return among(reading.saved_groups.get(operand, ()), as_is, wanted=key == "$inGroup")


def _every(key: str, operand: Any, reading: _Reading) -> _ValueTest:
    fold_case = key == "$alli"
    tests = [_value_test(item, reading, fold_case=fold_case) for item in _list_operand(key, operand)]
    return lambda value: isinstance(value, list | tuple) and all(any(map(test, value)) for test in tests)


def _element(_key: str, operand: Any, reading: _Reading) -> _ValueTest:
    on_fields = not _holds_operators(operand, reading) or any(key in operand for key in _LOGICAL)
    test: _ValueTest = _condition(operand, reading) if on_fields else _value_test(operand, reading)
    return lambda value: (
        isinstance(value, list | tuple) and any(test(item) for item in value if item is not None)
    )


def _size(_key: str, operand: Any, reading: _Reading) -> _ValueTest:
    test = _value_test(operand, reading)
    return lambda value: isinstance(value, list | tuple) and test(len(value))


def _negation(_key: str, operand: Any, reading: _Reading) -> _ValueTest:
    test = _value_test(operand, reading)
    return lambda value: not test(value)


_OPERATORS: Mapping[str, _Build] = {
    **dict.fromkeys(("$eq", "$ne"), lambda key, operand, _reading: equality(key, operand)),
    **dict.fromkeys(("$lt", "$lte", "$gt", "$gte"), lambda key, operand, _reading: ordering(key, operand)),
    **dict.fromkeys(
        ("$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"),
        lambda key, operand, _reading: version(key, operand),
    ),
    **dict.fromkeys(("$in", "$nin", "$ini", "$nini"), _membership),
    **dict.fromkeys(("$inGroup", "$notInGroup"), _group),
    **dict.fromkeys(("$all", "$alli"), _every),
    **dict.fromkeys(("$regex", "$regexi"), lambda key, operand, _reading: pattern(key, operand)),
    "$elemMatch": _element,
    "$size": _size,
    "$not": _negation,
    "$exists": lambda _key, operand, _reading: existence(operand),
    "$type": lambda _key, operand, _reading: lambda value: type_name(value) == operand,
}
