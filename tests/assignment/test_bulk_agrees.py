"""`assign_many` against `decide`, id by id: the slow path is the oracle."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment.bulk import BLOCK, assign_many, bucket_indices
from assignment.decision import Assigned, Experiment, decide
from assignment.hashing import bucket_index
from assignment.layers import Holdout, Layer, LayerSlot
from assignment.ranges import split_ranges
from assignment.targeting import compile_condition

RULES = Experiment(
    "reuse",
    1,
    "visitor",
    "0123456789abcdef",
    ("once", "often", "never"),
    split_ranges([0.5, 0.3, 0.2], 0.8),
    layer_slot=LayerSlot(Layer("cart", "fedcba9876543210"), 0.1, 0.9),
    holdouts=(Holdout("global", "00112233445566ff", 0.1), Holdout("spring", "семя", 0.1)),
    forced={"v-1": "never", "": "often", "пять": "once"},
    decided_variant="often",
    hold_back=0.3,
    hold_back_seed="abcdefabcdefabcd",
)
AUDIENCES = {"everybody": None, "RU": compile_condition({"country": "RU"})}


def expected(rules: Experiment, ids: list[str], attributes: dict[str, Any]) -> list[int]:
    answers = [decide(rules, unit_id, attributes) for unit_id in ids]
    return [rules.variants.index(one.variant) if isinstance(one, Assigned) else -1 for one in answers]


@settings(max_examples=150, deadline=None, database=None)
@given(
    ids=st.lists(st.text(max_size=80) | st.integers(0, 10**12).map(str) | st.just("v-1"), max_size=40),
    state=st.sampled_from(["running", "paused", "frozen", "stopped", "decided", "archived"]),
    audience=st.sampled_from(list(AUDIENCES)),
    country=st.sampled_from(["RU", "KZ"]),
)
def test_many_units_get_what_each_would_get_alone(
    ids: list[str], state: Any, audience: str, country: str
) -> None:
    rules = replace(RULES, state=state, condition=AUDIENCES[audience])
    assert assign_many(rules, ids, {"country": country}).tolist() == expected(
        rules, ids, {"country": country}
    )


@settings(max_examples=150, deadline=None, database=None)
@given(
    data=st.data(),
    width=st.integers(1, 70),
    alphabet=st.sampled_from(["ab\n", "a\0", "aя", "0123456789abcdef-"]),
)
def test_ids_of_one_length_get_what_each_would_get_alone(
    data: st.DataObject, width: int, alphabet: str
) -> None:
    one = st.text(alphabet, min_size=width, max_size=width)
    ids = data.draw(st.lists(one, min_size=1, max_size=20))
    assert assign_many(RULES, ids).tolist() == expected(RULES, ids, {})


def test_no_attributes_are_an_empty_set_of_attributes() -> None:
    targeted = replace(RULES, condition=AUDIENCES["RU"], forced={})
    assert assign_many(targeted, ["a", "b"]).tolist() == [-1, -1]


@pytest.mark.parametrize("count", [0, 1, BLOCK, BLOCK + 1])
def test_blocks_join_without_a_seam(count: int) -> None:
    ids = [f"visitor-{number}" for number in range(count)]
    rules = replace(RULES, layer_slot=None, holdouts=())
    assert assign_many(rules, ids).tolist() == expected(rules, ids, {})


def test_ids_of_every_length_and_script_hash_alike() -> None:
    rng = random.Random(5)
    alphabets = ["abc019-_", "a\0b", "яюэ₽", "😀a", "\ud83d\ude00"]
    ids = ["".join(rng.choices(rng.choice(alphabets), k=rng.randint(0, 70))) for _ in range(3_000)]
    for seed in ("0123456789abcdef", "", "семя"):
        assert bucket_indices(seed, ids).tolist() == [bucket_index(seed, unit_id) for unit_id in ids]
