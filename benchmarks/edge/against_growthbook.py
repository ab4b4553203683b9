"""One person × fifty experiments in process, against the GrowthBook SDK with the same features."""

import json
import statistics
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import httpx
from growthbook import GrowthBook

from assignment.decision import Experiment
from assignment.panel import Panel
from assignment.ranges import NO_VARIANT, split_ranges
from assignment.targeting import compile_condition
from benchmarks.edge.over_http import shop
from benchmarks.edge.shop import EXPERIMENTS, Person, definition, people
from benchmarks.edge.table import Figure, Plan, spread
from benchmarks.side_by_side import compare

LEAST = 20.0
Answer = list[str | None]
"""Variant of each experiment, or None."""


def our_side() -> "Panel":
    """What the edge puts its question to: every experiment's compiled rules, arranged once."""
    return Panel([_rules(definition(number)) for number in range(EXPERIMENTS)])


def _rules(made: Mapping[str, Any]) -> Experiment:
    weights = [variant["weight"] for variant in made["variants"]]
    return Experiment(
        key=made["key"],
        version=1,
        unit="visitor",
        seed=made["seed"],
        variants=tuple(variant["key"] for variant in made["variants"]),
        ranges=split_ranges(weights, made["coverage"]),
        condition=_compiled(json.dumps(made["audience"])) if made["audience"] else None,
    )


_conditions: dict[str, Any] = {}


def _compiled(text: str) -> Any:
    """Experiments with the same audience share its compiled form, as in the service's snapshot."""
    if text not in _conditions:
        _conditions[text] = compile_condition(json.loads(text))
    return _conditions[text]


def our_answer(panel: Panel, person: Person) -> Answer:
    """Variants as names, for comparison; the measured call is `panel.decide` alone."""
    codes = panel.decide(person.visitor_id, None, person.attributes).codes
    return [
        one.variants[code] if code < NO_VARIANT else None
        for one, code in zip(panel.experiments, codes, strict=True)
    ]


def sdk_of(features: dict[str, Any]) -> GrowthBook:
    """The SDK with the features that the service hands out."""
    return GrowthBook(features=features)


def _ask_sdk(sdk: GrowthBook, keys: list[str], person: Person) -> list[Any]:
    sdk.set_attributes({"id": person.visitor_id, **person.attributes})
    return [sdk.eval_feature(key) for key in keys]


def _sdk_answer(sdk: GrowthBook, keys: list[str], person: Person) -> Answer:
    found = _ask_sdk(sdk, keys, person)
    return [
        one.experimentResult.key
        if one.experimentResult is not None and one.experimentResult.inExperiment
        else None
        for one in found
    ]


def measure(plan: Plan) -> Iterator[Figure]:
    """Both sides in turns over the same people; every answer is compared before."""
    with shop(plan.folder / "growthbook") as made:
        url = f"{made.live.url}/api/features/{made.keys['pub']}"
        features = httpx.get(url).raise_for_status().json()["features"]
    everybody = list(people(plan.pick(1_000, 100), seed=5))
    keys, panel, sdk = list(features), our_side(), sdk_of(features)
    if keys != [one.key for one in panel.experiments]:
        raise SystemExit("the features are not those of the fifty experiments")
    answers = [our_answer(panel, person) for person in everybody]
    if answers != [_sdk_answer(sdk, keys, person) for person in everybody]:
        raise SystemExit("the SDK and we differ")
    enrolled = statistics.mean(sum(one is not None for one in answer) for answer in answers)

    def ours() -> None:
        for person in everybody:
            panel.decide(person.visitor_id, None, person.attributes)

    def theirs() -> None:
        for person in everybody:
            _ask_sdk(sdk, keys, person)

    pair = compare(ours, theirs, rounds=plan.pick(9, 3))
    ratios = [1 / ratio for ratio in pair.ratios]
    scale = 1e6 / len(everybody)
    yield Figure(
        f"one visitor × {EXPERIMENTS} experiments in process, on average {enrolled:.0f} of them enrolled, "
        f"against growthbook {version('growthbook')}",
        f"{pair.ours * scale:.1f} µs against {pair.reference * scale:,.0f} µs: "
        f"{spread(ratios, '{:.0f}')} × faster",
        f"≥ {LEAST:g} × faster",
        statistics.median(ratios) >= LEAST,
    )
