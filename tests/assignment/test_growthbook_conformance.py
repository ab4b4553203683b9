"""Oracles: the conformance cases of GrowthBook's SDK specification 0.8.0, and its own Python SDK."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from growthbook import core as sdk

from assignment.hashing import bucket
from assignment.ranges import choose, forgiving_ranges, split_ranges
from assignment.targeting import compile_condition, validate_condition

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "growthbook" / "cases.json"

UNSUPPORTED_HASHES = {
    1: "biased, and dependent between seeds; Offerlab writes version 2 everywhere",
    99: "no such version",
}
REPAIRED_BY_GROWTHBOOK = {  # its SDKs mend these silently; an experiment defined here is refused instead
    "negative coverage": "coverage is -0.2",
    "coverage above 1": "coverage is 1.5",
    "weights sum below 1": "sum to 0.5",
    "weights sum above 1": "sum to 1.29",
    "weights.length not equal to num variations": None,  # the number of variants is checked by Experiment
    "weights sum almost equals 1": "sum to 0.9999",
}
REFUSED_WHEN_DEFINED = {  # they evaluate as the specification says, but nobody can mean them
    "$groups - match": "unknown operator '\\$groups'",
    "$groups - no match": "unknown operator '\\$groups'",
    "$in - not array": "takes a list",
    "$nin - not array": "takes a list",
    "$ini - not array": "takes a list",
    "$nini - not array": "takes a list",
    "unknown operator - pass": "unknown operator '\\$regx'",
    "$regex invalid - pass": "nested quantifiers",
    "$regex invalid - fail": "nested quantifiers",
    "$inGroup fails for unknown group id": "unknown group 'unknowngroup_id'",
    "$notInGroup passes for unknown group id": "unknown group 'unknowngroup_id'",
}


def cases(name: str) -> list[Any]:
    if not CASES.exists():
        return [
            pytest.param(None, marks=pytest.mark.skip(reason="../shared/growthbook/cases.json is missing"))
        ]
    loaded: list[Any] = json.loads(CASES.read_text(encoding="utf-8"))[name]
    return [case for case in loaded if name != "hash" or case[2] not in UNSUPPORTED_HASHES]


@pytest.mark.parametrize("case", cases("hash"))
def test_buckets_are_those_of_the_specification(case: list[Any]) -> None:
    seed, unit_id, version, expected = case
    assert version == 2
    assert bucket(seed, unit_id) == expected


@pytest.mark.parametrize("case", cases("getBucketRange"))
def test_ranges_are_those_of_the_specification(case: list[Any]) -> None:
    _, (n_variants, coverage, weights), expected = case
    laid = forgiving_ranges(n_variants, coverage, weights)
    assert len(laid) == len(expected)
    for ours, theirs in zip(laid, expected, strict=True):
        assert ours == pytest.approx(tuple(theirs), abs=1e-12)


@pytest.mark.parametrize("case", cases("getBucketRange"))
def test_a_planned_split_is_laid_out_the_same_or_refused(case: list[Any]) -> None:
    name, (n_variants, coverage, weights), expected = case
    planned = weights or [1 / n_variants] * n_variants
    if REPAIRED_BY_GROWTHBOOK.get(name):
        with pytest.raises(ValueError, match=REPAIRED_BY_GROWTHBOOK[name]):
            split_ranges(planned, coverage)
        return
    laid = split_ranges(planned, coverage)
    assert len(laid) == len(planned)
    if name not in REPAIRED_BY_GROWTHBOOK:
        assert [edge for one in laid for edge in one] == pytest.approx(
            [edge for one in expected for edge in one]
        )


@pytest.mark.parametrize("case", cases("chooseVariation"))
def test_the_variant_of_a_bucket_is_that_of_the_specification(case: list[Any]) -> None:
    _, at, ranges, expected = case
    assert choose(at, ranges) == (None if expected == -1 else expected)


@pytest.mark.parametrize("case", cases("evalCondition"))
def test_conditions_hold_as_the_specification_says(case: list[Any]) -> None:
    _, condition, attributes, expected, *groups = case
    assert compile_condition(condition, *groups)(attributes) is expected


@pytest.mark.parametrize("case", cases("evalCondition"))
def test_the_conditions_of_the_specification_may_be_defined_but_for_the_listed_ones(case: list[Any]) -> None:
    name, condition, _, _, *groups = case
    if name in REFUSED_WHEN_DEFINED:
        with pytest.raises(ValueError, match=REFUSED_WHEN_DEFINED[name]):
            validate_condition(condition, *groups)
    else:
        validate_condition(condition, *groups)
        assert compile_condition(condition, *groups) is not None


def test_every_listed_exception_is_a_case_of_the_specification() -> None:
    if not CASES.exists():
        pytest.skip("../shared/growthbook/cases.json is missing")
    assert {case[0] for case in cases("evalCondition")} >= REFUSED_WHEN_DEFINED.keys()
    assert {case[0] for case in cases("getBucketRange")} >= REPAIRED_BY_GROWTHBOOK.keys()


ALPHABETS = {
    "ascii": [chr(code) for code in range(1, 128)],
    "cyrillic": list("абвгдеёжзийклмнопрстуфхцчшщъыьэюя₽-0123456789"),
    "beyond the basic plane": list("😀🛒𝒳a1é"),
    "lone surrogates": ["\ud83d", "\ude00", "a"],
}


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS.keys())
def test_random_ids_get_the_bucket_of_the_growthbook_sdk(alphabet: list[str]) -> None:
    rng = random.Random(20260301)
    for _ in range(2_000):
        seed = f"{rng.getrandbits(64):016x}"
        unit_id = "".join(rng.choices(alphabet, k=rng.randint(1, 40)))
        assert bucket(seed, unit_id) == sdk.gbhash(seed, unit_id, 2)


def test_random_splits_are_laid_out_as_by_the_growthbook_sdk() -> None:
    rng = random.Random(7)
    for _ in range(500):
        parts = [rng.randint(1, 100) for _ in range(rng.randint(1, 8))]
        weights, coverage = [part / sum(parts) for part in parts], rng.random()
        assert list(split_ranges(weights, coverage)) == sdk.getBucketRanges(len(weights), coverage, weights)
