"""What makes assignment trustworthy, on many ids. Oracles: closed forms, chi-square laws, another process."""

import os
import random
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scipy.special import chdtrc

from assignment.decision import Assigned, Experiment, decide
from assignment.hashing import bucket_index
from assignment.layers import Holdout, Layer, LayerSlot
from assignment.ranges import only_widens, split_ranges

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
RNG = random.Random(41)
SEEDS = [f"{RNG.getrandbits(64):016x}" for _ in range(8)]

FINGERPRINT = """
import hashlib
from assignment.decision import Experiment, decide
from assignment.layers import Holdout, Layer, LayerSlot
from assignment.ranges import split_ranges
rules = Experiment(
    "reuse", 1, "visitor", "0123456789abcdef", ("once", "often", "never"), split_ranges([0.5, 0.3, 0.2], 0.8),
    layer_slot=LayerSlot(Layer("cart", "fedcba9876543210"), 0.1, 0.9),
    holdouts=(Holdout("global", "00112233445566ff", 0.05),),
)
answers = hashlib.sha256()
for number in range(100_000):
    unit_id = f"{'посетитель' if number % 10 == 0 else 'v'}-{number}"
    answers.update(repr(tuple(decide(rules, unit_id, {}))).encode())
print(answers.hexdigest())
"""
PUBLISHED = "aaa31db11848eaaf53c79244b2b027e9b97e95ce4283ea2c502dca8e79a3db7e"


def fingerprint(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", FINGERPRINT],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "0", "TZ": "UTC", "LANG": "C"},
        {"PYTHONHASHSEED": "4242", "TZ": "Asia/Vladivostok", "LANG": "ru_RU.UTF-8", "PYTHONOPTIMIZE": "1"},
    ],
    ids=["plain", "elsewhere"],
)
def test_100_000_answers_are_the_same_in_every_process_for_ever(environment: dict[str, str]) -> None:
    # the digest was confirmed once with the GrowthBook SDK's hash and must never change: a change here moves
    # people between offers
    assert fingerprint(**environment) == PUBLISHED


def visitor_ids(kind: str, count: int) -> list[str]:
    rng = random.Random(kind)
    makers: dict[str, Callable[[int], str]] = {
        "sequential": lambda number: f"{number}",
        "prefixed": lambda number: f"visitor-{number:09d}",
        "uuid": lambda _: f"{rng.getrandbits(128):032x}",
    }
    return [makers[kind](number) for number in range(count)]


@pytest.mark.parametrize("bins", [10, 100, 10_000])
@pytest.mark.parametrize("kind", ["sequential", "prefixed", "uuid"])
def test_buckets_of_200_000_ids_are_uniform(kind: str, bins: int) -> None:
    ids = visitor_ids(kind, 200_000)
    counts = Counter(bucket_index(SEEDS[0], unit_id) * bins // 10_000 for unit_id in ids)
    expected = len(ids) / bins
    statistic = sum((counts[bin_] - expected) ** 2 / expected for bin_ in range(bins))
    assert chdtrc(bins - 1, statistic) > 1e-4


def test_splits_with_different_seeds_are_independent() -> None:
    ids = visitor_ids("prefixed", 50_000)
    tenths = [[bucket_index(seed, unit_id) // 1_000 for unit_id in ids] for seed in SEEDS]
    for one, other in combinations(tenths, 2):
        together, rows, columns = Counter(zip(one, other, strict=True)), Counter(one), Counter(other)
        statistic = sum(
            (together[row, column] - expected) ** 2 / expected
            for row in rows
            for column in columns
            for expected in [rows[row] * columns[column] / len(ids)]
        )
        assert chdtrc(9 * 9, statistic) > 1e-5  # 28 pairs


def experiment(seed: str = SEEDS[0], coverage: float = 1.0) -> Experiment:
    ranges = split_ranges([0.2, 0.5, 0.3], coverage)
    return Experiment(f"e-{seed}", 1, "visitor", seed, ("control", "low", "high"), ranges)


def variants_of(rules: Experiment, ids: list[str]) -> dict[str, str]:
    answers = {unit_id: decide(rules, unit_id, {}) for unit_id in ids}
    return {unit_id: answer.variant for unit_id, answer in answers.items() if isinstance(answer, Assigned)}


def test_a_ramp_only_adds_units_and_moves_nobody() -> None:
    ids = visitor_ids("uuid", 20_000)
    before: dict[str, str] = {}
    for coverage in (0.01, 0.1, 0.35, 0.7, 0.99, 1.0):
        after = variants_of(experiment(coverage=coverage), ids)
        assert before.items() <= after.items()
        assert len(after) == pytest.approx(coverage * len(ids), abs=4 * 0.5 * len(ids) ** 0.5)
        before = after
    assert before.keys() == set(ids)


def test_a_change_of_weights_is_not_a_ramp() -> None:
    assert only_widens(split_ranges([0.5, 0.5], 0.2), split_ranges([0.5, 0.5], 0.6))
    assert not only_widens(split_ranges([0.5, 0.5], 0.6), split_ranges([0.5, 0.5], 0.2))
    assert not only_widens(split_ranges([0.5, 0.5]), split_ranges([0.4, 0.6]))


def test_variants_get_their_weights() -> None:
    ids = visitor_ids("sequential", 100_000)
    counts = Counter(variants_of(experiment(), ids).values())
    for variant, weight in (("control", 0.2), ("low", 0.5), ("high", 0.3)):
        deviation = (len(ids) * weight * (1 - weight)) ** 0.5
        assert abs(counts[variant] - weight * len(ids)) < 4.5 * deviation


@pytest.mark.parametrize("order", [1, 2])
def test_the_order_of_experiments_is_irrelevant(order: int) -> None:
    ids = visitor_ids("uuid", 500)
    asked = [(experiment(seed), unit_id) for seed in SEEDS for unit_id in ids]
    random.Random(order).shuffle(asked)
    for rules, unit_id in asked:
        answer = decide(rules, unit_id, {})
        assert answer.bucket == bucket_index(rules.seed, unit_id) / 10_000


def in_slot(low: float, high: float, layer: Layer, seed: str) -> Experiment:
    return Experiment(
        seed, 1, "visitor", seed, ("a", "b"), ((0.0, 0.5), (0.5, 1.0)), layer_slot=LayerSlot(layer, low, high)
    )


def test_experiments_of_one_layer_exclude_each_other_and_share_everybody() -> None:
    layer = Layer("cart", SEEDS[7])
    rules = [
        in_slot(low, high, layer, seed)
        for (low, high), seed in zip([(0, 0.1), (0.1, 0.6), (0.6, 1)], SEEDS, strict=False)
    ]
    ids = visitor_ids("prefixed", 20_000)
    entered = Counter(unit_id for one in rules for unit_id in variants_of(one, ids))
    assert entered == dict.fromkeys(ids, 1)


def test_a_layer_leaves_the_split_inside_it_even() -> None:
    ids = visitor_ids("prefixed", 100_000)
    counts = Counter(variants_of(in_slot(0.0, 0.5, Layer("cart", SEEDS[7]), SEEDS[0]), ids).values())
    assert abs(counts["a"] - counts["b"]) < 4.5 * sum(counts.values()) ** 0.5


def test_a_holdout_keeps_the_same_units_out_of_every_experiment_and_only_grows() -> None:
    ids, out = visitor_ids("uuid", 20_000), set[str]()
    for share in (0.0, 0.05, 0.2):
        holdout = Holdout("global", SEEDS[6], share)
        kept = [
            set(ids)
            - variants_of(
                Experiment(seed, 1, "visitor", seed, ("a",), ((0.0, 1.0),), holdouts=(holdout,)), ids
            ).keys()
            for seed in SEEDS[:3]
        ]
        assert kept[0] == kept[1] == kept[2]
        assert out <= kept[0]
        assert len(kept[0]) == pytest.approx(share * len(ids), abs=4 * (share * len(ids)) ** 0.5)
        out = kept[0]
