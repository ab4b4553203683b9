"""Each answer of `decide` and the order of its checks. Oracle: hand-computed buckets of the seed "seed"."""

from dataclasses import replace
from typing import Any

import pytest

from assignment.decision import Assigned, Experiment, NotAssigned, decide
from assignment.layers import Holdout, Layer, LayerSlot, overlapping
from assignment.targeting import compile_condition

# GrowthBook's published cases: with seed "seed", "a" has bucket 0.0505 and "b" has 0.2696
RULES = Experiment("reuse", 1, "visitor", "seed", ("once", "often"), ((0.0, 0.2), (0.5, 0.7)))
OUT_OF_LAYER = LayerSlot(Layer("cart", "seed"), 0.06, 1.0)
HOLDING_ALL = Holdout("global", "seed", 1.0)
NOBODY = compile_condition({"country": "RU"})
DECIDED = replace(RULES, state="decided", decided_variant="often")


def test_a_covered_unit_is_split_by_its_bucket() -> None:
    assert decide(RULES, "a", {}) == Assigned("once", 0.0505, "SPLIT", in_experiment=True)


def test_an_uncovered_unit_learns_its_bucket() -> None:
    assert decide(RULES, "b", {}) == NotAssigned("NOT_COVERED", 0.2696)


@pytest.mark.parametrize("missing", [None, ""])
def test_a_missing_or_empty_id_is_no_unit(missing: str | None) -> None:
    assert decide(RULES, missing, {}) == NotAssigned("NO_UNIT")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "stopped"}, "ENDED"),
        ({"state": "archived"}, "ENDED"),
        ({"state": "paused"}, "PAUSED"),
        ({"condition": NOBODY}, "NOT_TARGETED"),
        ({"holdouts": (HOLDING_ALL,)}, "HOLDOUT"),
        ({"layer_slot": OUT_OF_LAYER}, "LAYER"),
    ],
)
def test_each_rule_gives_its_reason(change: dict[str, Any], reason: str) -> None:
    answer = decide(replace(RULES, **change), "a", {})
    assert isinstance(answer, NotAssigned)
    assert answer.reason == reason


def test_a_bot_is_not_assigned() -> None:
    assert decide(RULES, "a", {}, is_bot=True) == NotAssigned("BOT")


@pytest.mark.parametrize("enrolled", [None, False])
def test_a_frozen_experiment_takes_no_new_unit(enrolled: bool | None) -> None:  # noqa: FBT001 - a parameter of the case
    assert decide(replace(RULES, state="frozen"), "a", {}, enrolled=enrolled) == NotAssigned("FROZEN", 0.0505)


def test_a_frozen_experiment_keeps_the_variant_of_enrolled_units() -> None:
    assert decide(replace(RULES, state="frozen"), "a", {}, enrolled=True) == decide(RULES, "a", {})


def test_being_enrolled_changes_nothing_while_running() -> None:
    assert decide(RULES, "b", {}, enrolled=True) == decide(RULES, "b", {})


@pytest.mark.parametrize("state", ["running", "paused", "stopped", "frozen"])
def test_a_forced_unit_gets_its_variant_in_every_state_and_is_not_measured(state: Any) -> None:
    forced = replace(RULES, forced={"b": "often"}, state=state)
    assert decide(forced, "b", {}, is_bot=True) == Assigned("often", 0.2696, "FORCED", in_experiment=False)


def test_the_decided_variant_goes_to_the_whole_audience_without_measuring() -> None:
    everywhere = replace(DECIDED, layer_slot=OUT_OF_LAYER, holdouts=(HOLDING_ALL,))
    for unit_id, at in (("a", 0.0505), ("b", 0.2696)):
        assert decide(everywhere, unit_id, {}) == Assigned("often", at, "DECIDED", in_experiment=False)


def test_the_decided_variant_stays_inside_the_audience() -> None:
    assert decide(replace(DECIDED, condition=NOBODY), "a", {}) == NotAssigned("NOT_TARGETED")


def test_the_hold_back_share_keeps_its_split_and_is_measured() -> None:
    held = replace(DECIDED, hold_back=0.06, hold_back_seed="seed")
    assert decide(held, "a", {}) == Assigned("once", 0.0505, "SPLIT", in_experiment=True)
    assert decide(held, "b", {}) == Assigned("often", 0.2696, "DECIDED", in_experiment=False)


def test_a_held_back_unit_that_was_never_in_the_split_gets_the_decided_variant() -> None:
    held = replace(DECIDED, hold_back=1.0, hold_back_seed="seed")
    assert decide(held, "b", {}) == Assigned("often", 0.2696, "DECIDED", in_experiment=False)


def test_a_bot_is_never_measured_after_the_decision() -> None:
    held = replace(DECIDED, hold_back=1.0, hold_back_seed="seed")
    assert decide(held, "a", {}, is_bot=True) == Assigned("often", 0.0505, "DECIDED", in_experiment=False)


def test_the_checks_answer_in_the_documented_order() -> None:
    # every check fails at once; each is lifted in turn and the next one answers
    rules = replace(
        RULES,
        ranges=((0.9, 0.9), (0.9, 1.0)),
        state="stopped",
        condition=NOBODY,
        holdouts=(HOLDING_ALL,),
        layer_slot=OUT_OF_LAYER,
        forced={"a": "once"},
    )
    reasons = [decide(rules, "", {}, is_bot=True).reason, decide(rules, "a", {}, is_bot=True).reason]
    rules = replace(rules, forced={})
    reasons.append(decide(rules, "a", {}, is_bot=True).reason)
    rules = replace(rules, state="paused")
    reasons.append(decide(rules, "a", {}, is_bot=True).reason)
    reasons.append(decide(rules, "a", {}).reason)
    rules = replace(rules, state="frozen")
    lifted: list[dict[str, Any]] = [
        {},
        {"condition": None},
        {"holdouts": ()},
        {"layer_slot": None},
        {"ranges": RULES.ranges},
    ]
    for change in lifted:
        rules = replace(rules, **change)
        reasons.append(decide(rules, "a", {}).reason)
    assert reasons == [
        *("NO_UNIT", "FORCED", "ENDED", "BOT", "PAUSED"),
        *("NOT_TARGETED", "HOLDOUT", "LAYER", "NOT_COVERED", "FROZEN"),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": ""}, "no seed"),
        ({"variants": ("once",)}, "as many as the ranges, 2"),
        ({"variants": ("once", "once")}, "must be different"),
        ({"ranges": ((0.0, 0.6), (0.5, 1.0))}, r"range \(0.5, 1.0\) overlaps the one that ends at 0.6"),
        ({"ranges": ((0.0, 0.5), (0.5, 1.1))}, r"range \(0.5, 1.1\) must satisfy"),
        ({"ranges": ((0.0, float("nan")), (0.5, 1.0))}, "must satisfy"),
        ({"forced": {"a": "third"}}, "'third'.* no variants of 'reuse'"),
        ({"decided_variant": "third"}, "'third'.* no variants of 'reuse'"),
        ({"state": "decided"}, "names no decided variant"),
        ({"hold_back": 1.5}, "hold_back is 1.5; it must be between 0 and 1"),
        ({"hold_back": 0.1}, "no hold_back_seed"),
    ],
)
def test_contradicting_rules_are_refused_with_value_and_bound(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(RULES, **change)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Layer("cart", ""), "layer 'cart' has no seed"),
        (lambda: LayerSlot(Layer("cart", "seed"), 0.5, 0.5), "0 <= low < high <= 1"),
        (lambda: LayerSlot(Layer("cart", "seed"), 0.5, 1.01), "0 <= low < high <= 1"),
        (lambda: Holdout("global", "seed", -0.1), "share of holdout 'global' is -0.1"),
        (lambda: Holdout("global", "", 0.1), "holdout 'global' has no seed"),
    ],
)
def test_layers_and_holdouts_out_of_bounds_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_overlapping_slots_are_found_within_a_layer_only() -> None:
    cart, checkout = Layer("cart", "seed"), Layer("checkout", "other")
    first, second, third = LayerSlot(cart, 0.0, 0.5), LayerSlot(cart, 0.5, 1.0), LayerSlot(cart, 0.4, 0.6)
    assert overlapping([first, second, LayerSlot(checkout, 0.0, 1.0)]) == []
    assert overlapping([first, second, third]) == [(first, third), (second, third)]
