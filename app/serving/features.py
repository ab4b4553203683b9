"""One experiment as a feature of a GrowthBook SDK, which then hashes the visitor itself.

The same hash (version 2), seed, ranges, filters and condition as `assignment.decision`, so the variant is the
same for every unit id. What only the server knows stays out: who was enrolled before a freeze (the split goes
on there), who is whose customer, forced units.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.offers.schemas import public_offer
from assignment.decision import Experiment

HASH_ATTRIBUTES = {"visitor": "id", "customer": "customer_id"}
_NOT_A_BOT = {"bot": {"$ne": True}}  # `decide` knows crawlers by the same attribute
_SHOWN = ("running", "frozen", "paused", "stopped", "decided")


def local_features(definition: Mapping[str, Any], rules: Experiment, state: str) -> dict[str, bytes]:
    """JSON of the feature in each state that the rules may take; empty where browsers must not see it.

    Args:
        definition: the stored definition; only one with `local_evaluation` may be shown.
        rules: its compiled rules.
        state: of the experiment: of a draft or an archived one nothing is shown.
    """
    if not definition["local_evaluation"] or state not in _SHOWN:
        return {}
    outside = public_offer(definition["fallback"])
    split = _split_rule(definition, rules)
    decided = _decided_rules(definition, rules, split) if rules.decided_variant is not None else []
    by_state: dict[str, list[dict[str, Any]]] = {
        "running": [split],
        "frozen": [split],
        "paused": [],
        "stopped": [],
        "decided": decided,
    }
    return {
        name: msgspec.json.encode({"defaultValue": outside, "rules": found})
        for name, found in by_state.items()
    }


def _split_rule(definition: Mapping[str, Any], rules: Experiment) -> dict[str, Any]:
    variants = definition["variants"]
    return {
        "id": f"{rules.key}:{rules.version}",
        "key": rules.key,
        "name": definition["name"],
        "seed": rules.seed,
        "hashAttribute": HASH_ATTRIBUTES[rules.unit],
        **({"fallbackAttribute": HASH_ATTRIBUTES["visitor"]} if rules.fallback_unit else {}),
        "hashVersion": 2,
        "phase": str(rules.version - 1),
        "variations": [public_offer(variant["offer"]) for variant in variants],
        "ranges": [list(span) for span in rules.ranges],
        "meta": [{"key": variant["key"], "name": variant["key"]} for variant in variants],
        "filters": _filters(rules),
        "condition": _condition(definition, with_bots=False),
    }


def _decided_rules(
    definition: Mapping[str, Any], rules: Experiment, split: dict[str, Any]
) -> list[dict[str, Any]]:
    """The hold-back keeps its split; everybody else of the audience gets the chosen offer, crawlers too."""
    offers = {variant["key"]: public_offer(variant["offer"]) for variant in definition["variants"]}
    chosen = {"id": f"{rules.key}:decided", "force": offers[str(rules.decided_variant)]}
    condition = _condition(definition, with_bots=True)
    rest = {**chosen, "condition": condition} if condition else chosen
    if not rules.hold_back:
        return [rest]
    held = _filter(rules.hold_back_seed, HASH_ATTRIBUTES[rules.unit], 0.0, rules.hold_back)
    return [{**split, "filters": [*split["filters"], held]}, rest]


def _condition(definition: Mapping[str, Any], *, with_bots: bool) -> dict[str, Any]:
    audience: dict[str, Any] = definition["audience"] or {}
    if with_bots:
        return audience
    return {"$and": [audience, _NOT_A_BOT]} if audience else _NOT_A_BOT


def _filters(rules: Experiment) -> list[dict[str, Any]]:
    """The layer's slot and the holdouts, as ranges that a unit must be in."""
    attribute, slot = HASH_ATTRIBUTES[rules.unit], rules.layer_slot
    found = [_filter(slot.layer.seed, attribute, slot.low, slot.high)] if slot is not None else []
    return found + [_filter(held.seed, attribute, held.share, 1.0) for held in rules.holdouts]


def _filter(seed: str, attribute: str, low: float, high: float) -> dict[str, Any]:
    return {"seed": seed, "attribute": attribute, "hashVersion": 2, "ranges": [[low, high]]}
