"""Conditions that must be refused, and values that must not hurt. Oracle: rules written out by hand."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment.comparison import order, to_number, version_order
from assignment.patterns import compile_pattern, subject_limit
from assignment.targeting import compile_condition, validate_condition


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"name": {"$regx": "a"}}, "unknown operator '\\$regx'"),
        ({"$adn": [{"a": 1}]}, "unknown operator '\\$adn'"),
        ({"a": {"$not": {"$gtt": 1}}}, "unknown operator '\\$gtt'"),
        ({"a": {"$gt": 1, "b": 2}}, "mixes operators with other keys"),
        ({"a": {}}, "holds nothing"),
        ({"$or": {"a": 1}}, "\\$or takes a list"),
        ({"$and": ["a"]}, "a condition is an object; got 'a'"),
        ({"tags": {"$all": "one"}}, "\\$all takes a list"),
        ({"id": {"$inGroup": "staff"}}, "unknown group 'staff'"),
        (["a"], "a condition is an object"),
    ],
)
def test_a_condition_nobody_can_mean_is_refused(condition: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        validate_condition(condition)


@pytest.mark.parametrize("wrap", [lambda inner: {"$not": inner}, lambda inner: {"a": {"$not": inner}}])
def test_what_cannot_be_read_matches_nobody_even_when_negated(wrap: Any) -> None:
    for unreadable in ({"$regx": "a"}, {"$regex": "(a+)+$"}, {"$in": "RU"}):
        matches = compile_condition(wrap({"a": unreadable}) if wrap({}) == {"$not": {}} else wrap(unreadable))
        assert not matches({"a": "a"})
        assert not matches({})


def nested(levels: int) -> dict[str, Any]:
    condition: dict[str, Any] = {"a": 1}
    for _ in range(levels - 1):
        condition = {"$not": condition}
    return condition


def test_nesting_ends_at_twenty_levels() -> None:
    validate_condition(nested(20))
    with pytest.raises(ValueError, match="nested deeper than 20"):
        validate_condition(nested(21))
    assert not compile_condition(nested(10_000))({"a": 2})


def test_a_deep_literal_counts_as_nesting() -> None:
    literal: Any = 1
    for _ in range(30):
        literal = [literal]
    with pytest.raises(ValueError, match="nested deeper than 20"):
        validate_condition({"a": literal})


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a+)+$", "nested quantifiers"),
        ("(a*)*", "nested quantifiers"),
        ("(a|a)*b", "nested quantifiers"),
        ("(?:a?){50}", "nested quantifiers"),
        ("((){1000}){1000}", "nested quantifiers"),
        ("a**", "nested quantifiers: two in a row"),
        ("a++", "nested quantifiers: two in a row"),
        ("a+{2}", "nested quantifiers: two in a row"),
        ("a?" * 30 + "a" * 30, "too many ways"),
        ("(?:a|aa)" * 25, "too many ways"),
        (".*a.*b.*c.*d", "too many ways"),
        ("a{0,5000}", "at most 1000"),
        ("a{3,2}", "in rising order"),
        (r"(a)\1", "refers back"),
        ("(?=a)b", "extension"),
        ("(?P<x>a)", "extension"),
        ("(" * 11 + ")" * 11, "deeper than 10"),
        ("(a", "open group"),
        ("a)", "closing bracket too many"),
        ("[]a]", "empty character class"),
        ("[a", "is not a regular expression"),
        ("a{,3}", "that is no count"),
        ("a" * 201, "at most 200 characters"),
        (5, "at most 200 characters; got 5"),
    ],
)
def test_a_pattern_that_could_hang_or_cannot_be_read_is_refused(pattern: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        validate_condition({"a": {"$regex": pattern}})


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"^[^@]+@(?:gmail|yandex)\.(com|ru)$", "anna@yandex.ru", True),
        (r"/catalog/.*/coffee", "https://shop.example/catalog/hot/coffee?x=1", True),
        ("^(RU|KZ|BY)$", "KZ", True),
        (r"^\+7\d{10}$", "+79161234567", True),
        (r"^\+7\d{10}$", "+7916123456", False),
        ("colou?r", "the color", True),
        ("^a{2,3}$", "aaaa", False),
        (r"[)(|*+?]\{", "x+{", True),
        ("(^ru|^kz)-", "kz-1", True),
        ("a|^b", "xb", False),
        ("^.*?b", "aab", True),
    ],
)
def test_useful_patterns_are_searched(pattern: str, text: str, matches: bool) -> None:  # noqa: FBT001 - a parameter of the case
    validate_condition({"a": {"$regex": pattern}})
    assert compile_pattern(pattern)(text) is matches


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [("^a+$", 1_000), ("a+", 1_000), ("^a+b+", 1_000), ("a+b+", 181), ("^a+b+c+", 181), ("^a+|b+c+", 163)],
)
def test_the_more_repeats_the_shorter_the_text_that_is_searched(pattern: str, limit: int) -> None:
    # limit: largest n ≤ 1,000 with ways × n^g / g! ≤ 10^6, g unbounded repeats (+1 when not anchored)
    assert subject_limit(pattern) == pytest.approx(limit, abs=20)


def test_text_beyond_the_limit_does_not_match() -> None:
    search = compile_pattern("a")
    assert search("a" * 1_000)
    assert not search("a" * 1_001)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OPERATORS = [
    *("$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"),
    *("$in", "$nin", "$ini", "$nini", "$all", "$alli", "$regex", "$regexi", "$elemMatch", "$size"),
    *("$not", "$exists", "$type", "$inGroup", "$notInGroup", "$bogus"),
]


@settings(max_examples=300, deadline=None, database=None)
@given(st.sampled_from(OPERATORS), documents, documents, st.sampled_from(["a", "a.b", "a.0", "a.length"]))
def test_no_condition_and_no_attribute_raises(key: str, operand: Any, value: Any, path: str) -> None:
    matches = compile_condition({path: {key: operand}})
    assert matches({"a": value}) in {True, False}
    assert matches({}) in {True, False}


@settings(max_examples=200, deadline=None, database=None)
@given(documents, documents)
def test_an_operator_and_its_negation_disagree_on_every_value(operand: Any, value: Any) -> None:
    pairs = [("$eq", "$ne"), ("$veq", "$vne"), ("$in", "$nin"), ("$ini", "$nini")]
    for positive, negative in pairs:
        wanted = [operand] if positive.startswith("$in") else operand
        attributes = {"a": value}
        assert compile_condition({"a": {positive: wanted}})(attributes) is not compile_condition(
            {"a": {negative: wanted}}
        )(attributes)


def test_a_missing_attribute_equals_no_number_and_no_text() -> None:
    for literal in (0, "", "null", False):
        assert not compile_condition({"orders": literal})({})


def test_elements_that_are_zero_or_empty_are_still_elements() -> None:
    assert compile_condition({"n": {"$elemMatch": {"$eq": 0}}})({"n": [1, 0]})
    assert not compile_condition({"n": {"$elemMatch": {"$eq": None}}})({"n": [None]})


def test_logical_conditions_apply_to_the_fields_of_elements() -> None:
    either = compile_condition({"items": {"$elemMatch": {"$or": [{"sku": "x"}, {"price": {"$gt": 9}}]}}})
    assert either({"items": [{"sku": "y", "price": 10}]})
    assert not either({"items": [{"sku": "y", "price": 9}]})


def test_paths_reach_into_arrays_by_index_and_length() -> None:
    assert compile_condition({"lines.1.sku": "b", "lines.length": 2})({"lines": [{"sku": "a"}, {"sku": "b"}]})
    assert not compile_condition({"lines.01.sku": "b"})({"lines": [{"sku": "a"}, {"sku": "b"}]})


def test_text_outside_the_basic_plane_sorts_by_code_units() -> None:
    assert order("\U0001f600", "\uffff") == -1  # by code points it would be 1


def test_hostile_numbers_and_versions_cost_nothing() -> None:
    assert to_number("1" * 100_000 + "x") != to_number("1" * 100_000 + "x")  # NaN, without backtracking
    assert compile_condition({"a": "1"})({"a": 10**5_000}) is False
    assert version_order("+" * 100_000 + "\nx", "1.0.0") == -1
