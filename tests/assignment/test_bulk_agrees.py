"""`assign_many` against `decide`, id by id: the slow path is the oracle.

Compiled and by numpy, from texts and from packed bytes.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment import blocks
from assignment.blocks import PackedIds, decimal_hash
from assignment.bulk import BLOCK, assign_many, bucket_indices
from assignment.compiled import kernels
from assignment.decision import Assigned, Experiment, decide
from assignment.hashing import bucket_index, fnv1a32
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
ROOT = Path(__file__).resolve().parents[2]
WAYS = ["compiled", "numpy", "compiled packed", "numpy packed"]
way_of_hashing = st.sampled_from(WAYS)
AUDIENCES = {"everybody": None, "RU": compile_condition({"country": "RU"})}


@contextmanager
def hashing(way: str) -> Iterator[None]:
    """Blocks of any size go one way."""
    chosen = kernels() if way.startswith("compiled") else None
    assert (chosen is not None) == way.startswith("compiled"), "numba is part of requirements/dev.txt"
    with patch.object(blocks, "_compiled", lambda _: chosen):
        yield


def laid_out(way: str, ids: list[str]) -> Sequence[str] | PackedIds:
    if not way.endswith("packed"):
        return ids
    ahead = "before the first"  # a slice of a column begins in the middle of its bytes
    parts = [part.encode() for part in (ahead, *ids)]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int32)
    return PackedIds(np.frombuffer(b"".join(parts), np.uint8), ends)


def assigned(way: str, rules: Experiment, ids: list[str], attributes: dict[str, Any]) -> list[int]:
    with hashing(way):
        return list(assign_many(rules, laid_out(way, ids), attributes).tolist())


def expected(rules: Experiment, ids: list[str], attributes: dict[str, Any]) -> list[int]:
    answers = [decide(rules, unit_id, attributes) for unit_id in ids]
    return [rules.variants.index(one.variant) if isinstance(one, Assigned) else -1 for one in answers]


@settings(max_examples=300, deadline=None, database=None)
@given(
    way=way_of_hashing,
    ids=st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
        | st.integers(0, 10**12).map(str)
        | st.just("v-1"),
        max_size=40,
    ),
    state=st.sampled_from(["running", "paused", "frozen", "stopped", "decided", "archived"]),
    audience=st.sampled_from(list(AUDIENCES)),
    country=st.sampled_from(["RU", "KZ"]),
)
def test_many_units_get_what_each_would_get_alone(
    way: str, ids: list[str], state: Any, audience: str, country: str
) -> None:
    rules = replace(RULES, state=state, condition=AUDIENCES[audience])
    attributes = {"country": country}
    assert assigned(way, rules, ids, attributes) == expected(rules, ids, attributes)


@settings(max_examples=300, deadline=None, database=None)
@given(
    way=way_of_hashing,
    data=st.data(),
    width=st.integers(1, 70),
    alphabet=st.sampled_from(["ab\n", "a\0", "aя", "0123456789abcdef-"]),
)
def test_ids_of_one_length_get_what_each_would_get_alone(
    way: str, data: st.DataObject, width: int, alphabet: str
) -> None:
    one = st.text(alphabet, min_size=width, max_size=width)
    ids = data.draw(st.lists(one, min_size=1, max_size=20))
    assert assigned(way, RULES, ids, {}) == expected(RULES, ids, {})


def test_no_attributes_are_an_empty_set_of_attributes() -> None:
    targeted = replace(RULES, condition=AUDIENCES["RU"], forced={})
    assert assign_many(targeted, ["a", "b"]).tolist() == [-1, -1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [0, 1, BLOCK, BLOCK + 1])
def test_blocks_join_without_a_seam(count: int, way: str) -> None:
    ids = [f"visitor-{number}" for number in range(count)]
    rules = replace(RULES, layer_slot=None, holdouts=())
    assert assigned(way, rules, ids, {}) == expected(rules, ids, {})


@pytest.mark.parametrize("way", ["compiled", "numpy"])
def test_ids_of_every_length_and_script_hash_alike(way: str) -> None:
    rng = random.Random(5)
    alphabets = ["abc019-_", "a\0b", "яюэ₽", "😀a", "\ud83d\ude00"]
    ids = ["".join(rng.choices(rng.choice(alphabets), k=rng.randint(0, 70))) for _ in range(3_000)]
    for seed in ("0123456789abcdef", "", "семя"):
        with hashing(way):
            assert bucket_indices(seed, ids).tolist() == [bucket_index(seed, unit_id) for unit_id in ids]


@pytest.mark.parametrize("way", ["compiled", "numpy"])
def test_numbers_of_every_length_hash_as_their_digits(way: str) -> None:
    edges = {10**power + step for power in range(10) for step in (-1, 0, 1)} | {2**32 - 1}
    numbers = sorted(edges | set(random.Random(3).choices(range(2**32), k=2_000)))
    with hashing(way):
        found = decimal_hash(np.array(numbers, dtype=np.uint32)).tolist()
    assert found == [fnv1a32(str(number)) for number in numbers]


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
from assignment import compiled
compiled.find_spec = lambda _: None
from assignment.bulk import bucket_indices
print(sum(bucket_indices("seed", [str(number) for number in range(5_000)]).tolist()))
"""


def test_the_same_without_numba_and_a_few_ids_never_load_it() -> None:
    few = "import sys; from assignment.bulk import bucket_indices; bucket_indices('seed', ['a'] * 999)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = [sys.executable, "-c"]
    told = subprocess.run(
        [*run, f"{few}; print('numba' in sys.modules)"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == "False"
    told = subprocess.run([*run, WITHOUT_NUMBA], env=environment, check=True, capture_output=True, text=True)
    assert int(told.stdout) == sum(bucket_index("seed", str(number)) for number in range(5_000))
