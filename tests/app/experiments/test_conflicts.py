"""Conflicts before a start. Oracles: docs/decisions/0010, and attributes that satisfy both audiences."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from app.experiments.audiences import are_disjoint
from app.experiments.conflicts import free_ranges
from assignment.targeting import compile_condition
from tests.support.inprocess import InProcess, definition, in_process

LAYER = "offers"
CONDITIONS: list[dict[str, Any]] = [
    {},
    {"country": "RU"},
    {"country": "KZ"},
    {"country": {"$in": ["KZ", "BY"]}},
    {"country": {"$in": ["RU", "KZ"]}},
    {"country": {"$ne": "RU"}},
    {"country": {"$nin": ["KZ", "BY"]}},
    {"n": {"$gte": 5}},
    {"n": {"$gt": 5}},
    {"n": {"$lte": 5}},
    {"n": {"$lt": 5}},
    {"n": {"$gt": 1, "$lt": 3}},
    {"n": 5},
    {"n": {"$in": [1, 2]}},
    {"n": True},
    {"n": "5"},
    {"$and": [{"country": "RU"}, {"n": {"$lt": 2}}]},
    {"$or": [{"country": "RU"}, {"country": "KZ"}]},
    {"$not": {"country": "RU"}},
    {"country": None},
    {"country": {"$exists": True}},
    {"country": {"$regex": "^R"}},
]
COUNTRIES = [None, "RU", "KZ", "BY", "US"]
NUMBERS = [None, 0, 1, 2, 3, 4.5, 5, 5.5, 6, True, "5", "1"]
DISJOINT = [
    ({"country": "RU"}, {"country": "KZ"}),
    ({"country": "RU"}, {"country": {"$in": ["KZ", "BY"]}}),
    ({"country": "RU"}, {"country": {"$ne": "RU"}}),
    ({"n": {"$gte": 5}}, {"n": {"$lt": 5}}),
    ({"n": {"$in": [1, 2]}}, {"n": {"$gt": 5}}),
    ({"$and": [{"country": "RU"}, {"n": {"$lt": 2}}]}, {"n": {"$gt": 1, "$gte": 3}}),
]


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(sqlite_url, tmp_path) as running:
        running.call("PUT", f"/api/v1/layers/{LAYER}", {})
        yield running


def _found(service: InProcess, key: str) -> list[tuple[str, str]]:
    page = service.call("GET", f"/api/v1/experiments/{key}/conflicts", kind="ro").json()
    return [(item["code"], item["experiment"]) for item in page["items"]]


def _variants(*offers: Any) -> list[dict[str, Any]]:
    variants: list[dict[str, Any]] = definition()["variants"]
    for variant, offer in zip(variants, offers, strict=True):
        variant["offer"] = offer
    return variants


def test_audiences_called_disjoint_have_nobody_in_common() -> None:
    people = [{"country": country, "n": n} for country, n in product(COUNTRIES, NUMBERS)]
    called = [(one, other) for one, other in product(CONDITIONS, CONDITIONS) if are_disjoint(one, other)]
    assert len(called) > 30
    for one, other in called:
        first, second = compile_condition(one), compile_condition(other)
        assert [person for person in people if first(person) and second(person)] == [], (one, other)


@pytest.mark.parametrize(("one", "other"), DISJOINT)
def test_what_is_provable_is_proved_both_ways(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert are_disjoint(one, other)
    assert are_disjoint(other, one)


def test_exclusive_offers_stop_the_start_unless_a_reason_is_recorded(
    service: InProcess,
) -> None:
    service.running(key="first")
    service.create(key="second")
    assert _found(service, "second") == [("exclusive_offers", "first")]
    refused = service.act("second", "start", {})
    body = refused.json()
    assert (refused.status_code, body["code"], body["field"]) == (
        409,
        "exclusive_offers",
        "variants.0.offer.stacking",
    )
    assert "first" in body["detail"]
    assert body["proposal"]["layer"] == "second-layer"
    assert service.call("GET", "/api/v1/experiments/second").json()["status"] == "draft"
    started = service.act("second", "start", {"override_conflicts": "both are tiny"})
    assert started.status_code == 200
    begun = started.json()["timeline"][-1]
    assert (begun["override_conflicts"], begun["conflicts"][0]["experiment"]) == ("both are tiny", "first")
    assert "first" in started.json()["warnings"][0]["detail"]


@pytest.mark.parametrize(
    "fields",
    [
        {"audience": {"country": "KZ"}},
        {"ends_at": "2026-05-01T00:00:00Z", "starts_at": "2026-04-01T00:00:00Z"},
        {"starts_at": "2027-01-01T00:00:00Z"},
        {"variants": _variants(None, {"kind": "content", "title": "Recipes"})},
        {"variants": _variants({"kind": "none"}, {"kind": "reminder", "channel": "sms", "delay_hours": 1})},
        {
            "variants": _variants(
                None, {"kind": "gift", "product": "cup", "stacking": {"combinable_with": ["first"]}}
            )
        },
        {
            "variants": _variants(
                None, {"kind": "percent_off", "percent": 5, "validity": {"starts_at": "2027-01-01T00:00:00Z"}}
            )
        },
        {"layer": {"key": LAYER, "range": [0.5, 1]}},
    ],
    ids=["audience", "over", "later", "content", "reminder", "combinable", "validity", "layer"],
)
def test_offers_that_cannot_meet_are_no_conflict(service: InProcess, fields: dict[str, Any]) -> None:
    naming = {"kind": "percent_off", "percent": 10, "stacking": {"combinable_with": ["second"]}}
    service.running(
        key="first",
        audience={"country": "RU"},
        variants=_variants(None, naming),
        layer={"key": LAYER, "range": [0, 0.5]},
        ends_at="2026-12-01T00:00:00Z",
    )
    service.create(key="second", **fields)
    assert _found(service, "second") == []


def test_a_layer_keeps_nobody_apart_when_the_ids_differ(service: InProcess) -> None:
    service.running(key="first", layer={"key": LAYER, "range": [0, 0.5]})
    service.create(key="second", unit="customer", layer={"key": LAYER, "range": [0.5, 1]})
    assert _found(service, "second") == [("exclusive_offers", "first")]


def test_the_same_part_of_a_layer_stops_the_start_unless_a_reason_is_recorded(service: InProcess) -> None:
    service.running(key="first", layer={"key": LAYER, "range": [0, 0.5]})
    service.running(key="third")
    service.create(key="second", layer={"key": LAYER, "range": [0.25, 0.75]})
    assert _found(service, "second") == [
        ("overlapping_ranges", "first"),
        ("exclusive_offers", "third"),
    ]
    refused = service.act("second", "start", {})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (
        409,
        "overlapping_ranges",
        "layer.range",
    )
    assert [one["experiment"] for one in refused.json()["conflicts"]] == ["first", "third"]
    started = service.act("second", "start", {"override_conflicts": "both are tiny"})
    assert started.json()["timeline"][-1]["override_conflicts"] == "both are tiny"


@pytest.mark.parametrize("action", ["pause", "freeze"])
def test_paused_and_frozen_experiments_count_and_stopped_ones_do_not(service: InProcess, action: str) -> None:
    service.running(key="first")
    service.act("first", action)
    service.create(key="second")
    assert _found(service, "second") == [("exclusive_offers", "first")]
    service.act("first", "stop")
    assert _found(service, "second") == []


def test_a_layer_with_its_free_ranges_is_proposed(service: InProcess) -> None:
    service.running(key="first", layer={"key": LAYER, "range": [0.25, 0.5]})
    service.create(key="second")
    page = service.call("GET", "/api/v1/experiments/second/conflicts").json()
    assert page["proposal"] == {
        "layer": LAYER,
        "exists": True,
        "free": [[0.0, 0.25], [0.5, 1.0]],
        "settles": ["first"],
    }
    low, high = page["proposal"]["free"][1]
    service.call("PATCH", "/api/v1/experiments/second", {"layer": {"key": LAYER, "range": [low, high]}})
    assert _found(service, "second") == []


def test_without_a_layer_a_new_one_is_proposed(service: InProcess) -> None:
    service.running(key="first")
    service.create(key="second")
    page = service.call("GET", "/api/v1/experiments/second/conflicts").json()
    assert page["proposal"] == {
        "layer": "second-layer",
        "exists": False,
        "free": [[0.0, 1.0]],
        "settles": [],
    }


def test_free_ranges_join_what_overlaps() -> None:
    assert free_ranges([]) == [[0.0, 1.0]]
    assert free_ranges([[0, 0.5], [0.25, 0.75]]) == [[0.75, 1.0]]
    assert free_ranges([[0, 1]]) == []


def test_an_override_among_fifty_experiments_notes_twenty_of_them(service: InProcess) -> None:
    for number in range(50):
        service.running(key=f"many-{number}")
    recorded = service.call("GET", "/api/v1/experiments/many-49").json()["warnings"]
    assert len(recorded) == 20


TEN = {"kind": "percent_off", "percent": 10}
FIVE = {"kind": "percent_off", "percent": 5, "stacking": {"combinable_with": ["next"]}}
BLIND = {"kind": "percent_off", "percent": 7, "stacking": {"combinable_with": ["first"]}}


@pytest.mark.parametrize(
    ("chosen", "hold_back_share", "found"),
    [("reusable", 0, [("exclusive_offers", "first")]), ("single-use", 0, []), ("single-use", 0.1, None)],
)
def test_what_was_decided_is_in_the_way_wherever_its_layer_was(
    service: InProcess, chosen: str, hold_back_share: float, found: list[tuple[str, str]] | None
) -> None:
    """`reusable` excludes the new offer, `single-use` may be combined with it."""
    service.running(key="first", variants=_variants(FIVE, TEN), layer={"key": LAYER, "range": [0, 0.5]})
    expected = [("exclusive_offers", "first")] if found is None else found
    service.create(key="next", variants=_variants(None, BLIND), layer={"key": LAYER, "range": [0.5, 1]})
    assert _found(service, "next") == []
    for action, body in (
        ("stop", {}),
        ("decide", {"variant": chosen, "reason": "it won", "hold_back_share": hold_back_share}),
    ):
        assert service.act("first", action, body).status_code == 200
    assert _found(service, "next") == expected
    assert service.act("next", "start", {}).status_code == (409 if expected else 200)
    assert service.act("first", "archive", {}).status_code == 200
    assert _found(service, "next") == []


@pytest.mark.parametrize("whose", ["mine", "theirs"])
def test_a_fallback_meets_offers_of_other_audiences(service: InProcess, whose: str) -> None:
    mine, theirs = (TEN, None) if whose == "mine" else (None, TEN)
    service.running(key="first", audience={"country": "RU"}, variants=_variants(None, TEN), fallback=theirs)
    service.create(
        key="second",
        audience={"country": "KZ"},
        variants=_variants(None, {**TEN, "percent": 5}),
        fallback=mine,
    )
    assert _found(service, "second") == [("exclusive_offers", "first")]
    body = service.act("second", "start", {}).json()
    assert body["field"] == ("fallback.stacking" if whose == "mine" else "variants.1.offer.stacking")
    assert "the fallback" in body["detail"]


@pytest.mark.parametrize("reason", ["", "   ", "\t\n"])
def test_a_blank_reason_is_none(service: InProcess, reason: str) -> None:
    service.running(key="first")
    service.create(key="second")
    refused = service.act("second", "start", {"override_conflicts": reason})
    assert (refused.status_code, refused.json()["field"]) == (422, "override_conflicts")
    assert service.act("first", "stop", {}).status_code == 200
    decided = service.act("first", "decide", {"variant": "reusable", "reason": reason})
    assert (decided.status_code, decided.json()["field"]) == (422, "reason")


def test_a_full_layer_settles_nothing(service: InProcess) -> None:
    for key, span in (("left", [0, 0.5]), ("right", [0.5, 1])):
        service.running(key=key, layer={"key": LAYER, "range": span})
    service.create(key="second")
    proposal = service.act("second", "start", {}).json()["proposal"]
    assert proposal == {"layer": LAYER, "exists": True, "free": [], "settles": []}
