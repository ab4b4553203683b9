"""People under several ids, planted in a simulated shop: found, counted, and never deciding."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.analyze.events import analyze_events
from app.clock import day_number
from app.database import Database
from app.exports.service import export
from app.results import inputs, service
from app.results.memory import ResultMemory
from app.results.service import close_looks, results
from tests.app.results.test_referrals_in_results import by_referral, referral
from tests.support.results_shop import (
    CONTROL,
    KEY,
    START,
    TREATMENT,
    Shop,
    definition,
    exposure,
    open_shop,
    order,
    variant_of,
)

FAMILIES, CHEATS, TOLD = 120, 30, "2026-02-15"


def printed(name: str, at: Any, visitor: str, **prints: str) -> dict[str, Any]:
    return order(name, at, visitor, fingerprints=prints)


def brought(inviter: str, friend: str, number: int, marks: dict[str, str], **friends: str) -> Iterator[Any]:
    """An inviter who buys and a friend who buys, with the fingerprints of both."""
    seen = START + timedelta(days=number % 10, hours=9, minutes=number % 50)
    variant = variant_of(inviter)
    yield exposure(inviter, seen)
    yield printed(f"o-{inviter}", seen + timedelta(minutes=5), inviter, **marks)
    yield {**referral(0, inviter, friend, seen + timedelta(hours=1)), "event_id": f"f-{friend}"}
    yield exposure(friend, seen + timedelta(hours=2), variant=variant)
    yield printed(f"o-{friend}", seen + timedelta(hours=3), friend, **friends)


def families() -> Iterator[Any]:
    """Everybody at one address with a card and a device of their own."""
    for number in range(FAMILIES):
        home = f"home-{number}"
        own = {"address": home, "payment": f"card-{number}", "device": f"phone-{number}"}
        friend = {"address": home, "payment": f"card-{number}-b", "device": f"phone-{number}-b"}
        yield from brought(f"v-{number}", f"kin-{number}", number, own, **friend)


def cheats() -> Iterator[Any]:
    """One person under two ids: the same card in another name."""
    for number in range(FAMILIES, FAMILIES + CHEATS):
        own = {"payment": f"card-{number}", "device": f"phone-{number}"}
        friend = {"payment": f"card-{number}", "device": f"phone-{number}-b"}
        yield from brought(f"v-{number}", f"self-{number}", number, own, **friend)


def read(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(results(shop.services, KEY, TOLD))
    return found


def test_planted_self_referrals_are_found_and_honest_families_are_not(shop: Shop) -> None:
    shop.define(by_referral())
    shop.send([*families(), *cheats()])
    document = read(shop)
    block = document["offers"]["abuse"]
    planted = [variant_of(f"v-{number}") for number in range(FAMILIES, FAMILIES + CHEATS)]
    rows = {row["variant"]: row for row in block["rows"]}
    assert {name: row["self_referral"] for name, row in rows.items()} == {
        name: planted.count(name) for name in (CONTROL, TREATMENT)
    }
    assert sum(row["units"] for row in rows.values()) == FAMILIES + CHEATS
    assert (block["suspected"], block["many"], block["inconclusive"]) == (CHEATS, True, None)
    warned = {check["key"]: check["count"] for check in document["trust"]["checks"]}
    assert warned["suspected_units"] == CHEATS


def singles() -> list[dict[str, Any]]:
    """Visitors who invite nobody; under treatment every second buys, under control every third."""
    events = []
    for number in range(1000, 1200):
        visitor, seen = f"v-{number}", START + timedelta(days=number % 10, hours=9)
        events.append(exposure(visitor, seen))
        if buys(number):
            events.append(
                printed(f"o-{number}", seen + timedelta(hours=1), visitor, payment=f"card-{number}")
            )
    return events


def buys(number: int) -> bool:
    return number % (3 if variant_of(f"v-{number}") == CONTROL else 2) == 0


def share(variant: str, numbers: range, sure: range) -> float:
    own = [n for n in numbers if variant_of(f"v-{n}") == variant]
    cheating = [n for n in sure if variant_of(f"v-{n}") == variant]
    return (sum(map(buys, own)) + len(cheating)) / (len(own) + len(cheating))


def test_the_effect_is_read_with_everybody_and_without_them(shop: Shop) -> None:
    """Oracle: shares counted by hand; each planted cluster has an order, so it is one more buyer."""
    shop.define(by_referral())
    shop.send([*singles(), *cheats()])
    (line,) = read(shop)["offers"]["abuse"]["effects"]
    assert (line["metric"], line["treatment"]) == ("conversion_rate", TREATMENT)
    told, planted = range(1000, 1200), range(FAMILIES, FAMILIES + CHEATS)
    for name, sure in (("everybody", planted), ("without", range(0))):
        expected = share(TREATMENT, told, sure) - share(CONTROL, told, sure)
        difference, low, high = line[name]
        assert difference == pytest.approx(expected, abs=1e-12)
        assert low < difference < high


def test_suspicion_moves_no_decision_and_no_metric(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_shop.define(by_referral())
    sqlite_shop.send([*families(), *cheats()])
    close_looks(sqlite_shop.services, KEY, 20_500)
    with_marks = read(sqlite_shop)
    monkeypatch.setattr(inputs, "suspected", lambda *_: None)
    monkeypatch.setattr(service, "_memory", ResultMemory(64))
    without = read(sqlite_shop)
    for name in ("metrics", "looks", "verdict"):
        assert with_marks[name] == without[name]
    assert without["offers"]["abuse"]["inconclusive"] == "no_fingerprints"
    assert with_marks["inputs_sha256"] != without["inputs_sha256"]


def test_any_order_of_arrival_gives_the_same_bytes_on_both_databases(
    sqlite_shop: Shop, postgres_url: str, tmp_path: Path
) -> None:
    shops, documents = [sqlite_shop, open_shop(Database(postgres_url), tmp_path / "other")], []
    for seed, shop in enumerate(shops):
        events = [*families(), *cheats(), *singles()]
        random.Random(seed).shuffle(events)
        shop.define(by_referral())
        for start in range(0, len(events), 97 + seed):
            shop.send(events[start : start + 97 + seed])
        documents.append(results(shop.services, KEY, TOLD))
    assert documents[0] == documents[1]


def hurried() -> list[dict[str, Any]]:
    """Five visitors use codes with one card within an hour, five others with cards of their own."""
    events = []
    for number in range(40):
        seen = START + timedelta(days=2, hours=9, minutes=number)
        events.append(exposure(f"v-{number}", seen))
        coded = {"discounts": [{"offer": KEY, "amount_minor": 40_000}], "discount_minor": 40_000}
        card = "one-card" if number < 5 else f"card-{number}"
        name, at = f"o-{number}", seen + timedelta(minutes=1)
        events.append(order(name, at, f"v-{number}", fingerprints={"payment": card}, **coded))
    return events


def with_codes() -> dict[str, Any]:
    made = definition()
    for variant in made["variants"]:
        variant["offer"]["code"] = {"issue": "per_visitor", "uses_per_customer": 1}
    return made


def test_a_hurry_of_redemptions_by_one_card_is_counted_by_variant(shop: Shop) -> None:
    shop.define(with_codes())
    shop.send(hurried())
    block = read(shop)["offers"]["abuse"]
    expected = [variant_of(f"v-{number}") for number in range(5)]
    assert {row["variant"]: row["velocity"] for row in block["rows"]} == {
        name: expected.count(name) for name in (CONTROL, TREATMENT)
    }
    assert {row["variant"]: row["redemptions"] for row in block["rows"]} == {
        name: expected.count(name) for name in (CONTROL, TREATMENT)
    }
    assert (block["suspected"], block["many"]) == (5, False)


def test_without_codes_and_referrals_nobody_is_watched(shop: Shop) -> None:
    shop.define()
    shop.send(hurried())
    assert read(shop)["offers"]["abuse"]["inconclusive"] == "no_fingerprints"


@pytest.mark.parametrize("people", ["suspected", "honest"])
def test_exported_files_give_the_service_s_document_with_its_suspects(
    sqlite_shop: Shop, tmp_path: Path, people: str
) -> None:
    sqlite_shop.define(by_referral())
    sqlite_shop.send([*singles(), *families(), *(cheats() if people == "suspected" else ())])
    close_looks(sqlite_shop.services, KEY, day_number(TOLD))
    for name in ("exposures.csv", "orders.csv", "suspects.csv", "plan.toml"):
        (tmp_path / name).write_bytes(b"".join(export(sqlite_shop.services, KEY, name, TOLD).parts))
    exposures, orders, suspects, plan = (
        tmp_path / name for name in ("exposures.csv", "orders.csv", "suspects.csv", "plan.toml")
    )
    listed = suspects if people == "suspected" else None
    _, document = analyze_events(exposures, orders, None, plan, suspects_path=listed)
    assert json.loads(document) == read(sqlite_shop)
