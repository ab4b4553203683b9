"""Many experiments at once. Oracle: `decision.decide`, experiment by experiment."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment.decision import Experiment, decide
from assignment.hashing import BUCKETS, bucket_index
from assignment.layers import Holdout, Layer, LayerSlot
from assignment.many_seeds import splitter
from assignment.panel import FORCED, NO_BUCKET, OUTSIDE, Panel, code_of, unit_of, unit_rule
from assignment.ranges import split_ranges
from assignment.targeting import compile_condition
from tests.support.effort import examples

SHARED = [
    None,
    compile_condition({"country": "RU"}),
    compile_condition({"orders_count": {"$gte": 2}, "country": {"$in": ["RU", "BY"]}}),
]
HOLDOUTS = [Holdout("global", "5f", 0.3), Holdout("small", "60", 0.05)]
ids = (
    st.none()
    | st.sampled_from(["", "v-1", "покупатель-7", "🛒-9", "שלום"])
    | st.text(min_size=1, max_size=40)
)
attributes = st.fixed_dictionaries(
    {}, optional={"country": st.sampled_from(["RU", "BY", "KZ", 7]), "orders_count": st.integers(0, 4)}
)


@st.composite
def experiments(draw: Callable[..., Any]) -> Experiment:
    unit = draw(st.sampled_from(["visitor", "customer"]))
    weights = draw(st.sampled_from([(0.5, 0.5), (0.9, 0.1), (0.2, 0.3, 0.5)]))
    variants = ("a", "b", "c")[: len(weights)]
    return Experiment(
        key=draw(st.text("abc", min_size=1, max_size=3)),
        version=1,
        unit=unit,
        seed=draw(st.sampled_from(["0f3a", "семя", "77"])),
        variants=variants,
        ranges=split_ranges(weights, draw(st.sampled_from([0.0, 0.4, 1.0]))),
        state=draw(st.sampled_from(["running", "running", "paused", "frozen", "stopped", "decided"])),
        condition=draw(st.sampled_from(SHARED)),
        layer_slot=draw(st.none() | st.just(LayerSlot(Layer("cart", "1a"), 0.2, 0.7))),
        holdouts=tuple(draw(st.lists(st.sampled_from(HOLDOUTS), max_size=2, unique=True))),
        forced=draw(st.sampled_from([{}, {"v-1": "b"}])),
        decided_variant="b",
        hold_back=draw(st.sampled_from([0.0, 0.5])),
        hold_back_seed="9e",
        fallback_unit=draw(st.sampled_from([None, "visitor"])) if unit == "customer" else None,
    )


@given(st.lists(experiments(), max_size=8), ids, ids, attributes, st.booleans(), st.booleans())
@settings(max_examples=examples(120, 400), deadline=None)
def test_a_panel_answers_as_each_experiment_by_itself(  # noqa: PLR0913, PLR0917 - what a request may hold
    rules: list[Experiment],
    visitor: str | None,
    customer: str | None,
    known: dict[str, Any],
    is_bot: bool,  # noqa: FBT001 - drawn
    enrolled: bool,  # noqa: FBT001 - drawn
) -> None:
    panel = Panel(rules)
    found = panel.decide(visitor, customer, known, is_bot=is_bot, enrolled=lambda _key, _unit: enrolled)
    fast = Panel(rules, compiled=True)
    assert found == fast.decide(
        visitor, customer, known, is_bot=is_bot, enrolled=lambda _key, _unit: enrolled
    )
    for place, one in enumerate(rules):
        alone = decide(
            one, unit_of(unit_rule(one), visitor, customer), known, is_bot=is_bot, enrolled=enrolled
        )
        assert panel.explain(place, found.codes[place], found.indexes[place]) == alone
        assert found.codes[place] == code_of(one, alone)


def test_frozen_experiments_ask_for_the_very_unit() -> None:
    halves = Experiment("f", 1, "customer", "seed", ("a", "b"), split_ranges((0.5, 0.5)), state="frozen")
    asked: list[tuple[str, str]] = []

    def note(key: str, unit_id: str) -> bool:
        asked.append((key, unit_id))
        return False

    assert Panel([halves]).decide("v-1", "c-1", {}, enrolled=note).codes == [OUTSIDE["FROZEN"]]
    assert asked == [("f", "c-1")]


def test_codes_of_one_kind_do_not_meet_those_of_another() -> None:
    assert max(OUTSIDE.values()) < FORCED
    assert NO_BUCKET < 0


def test_only_an_experiment_on_customers_falls_back_on_the_visitor() -> None:
    halves = Experiment("f", 1, "visitor", "seed", ("a", "b"), split_ranges((0.5, 0.5)))
    with pytest.raises(ValueError, match="fallback_unit"):
        replace(halves, fallback_unit="visitor")
    either = replace(halves, unit="customer", fallback_unit="visitor")
    panel = Panel([either])
    assert panel.decide("v-1", None, {}) == panel.decide(None, "v-1", {}) == panel.decide("v-2", "v-1", {})
    assert panel.decide(None, None, {}).codes == [OUTSIDE["NO_UNIT"]]


def test_machine_code_gives_the_buckets_of_many_seeds() -> None:
    seeds = [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in range(1, 60)]
    table = bytes(index % 251 for index in range(BUCKETS))
    split = splitter(seeds, [table] * len(seeds))
    assert split is not None, "numba belongs to the tests' packages"
    for number in range(500):
        unit_id = f"v-{number}" * (1 + number % 7)
        codes, indexes = split(unit_id.encode())
        assert indexes == [bucket_index(seed, unit_id) for seed in seeds]
        assert codes == [index % 251 for index in indexes]
