"""The result document: same rows, same bytes; what a moment, a freeze, a pause or a link changes."""

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.clock import day_number
from app.database import Database
from app.errors import Invalid, NotFound
from app.results.service import close_looks, results
from tests.support.results_shop import (
    CLOSED,
    CONTROL,
    KEY,
    START,
    TREATMENT,
    Shop,
    definition,
    exposure,
    open_shop,
    order,
    refund,
    shoppers,
    variant_of,
)

UNITS = 160


def read(shop: Shop, as_of: str | None = CLOSED, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(results(shop.services, KEY, as_of, **more))
    return found


def metric(document: dict[str, Any], key: str) -> dict[str, Any]:
    return next(one for one in document["metrics"] if one["key"] == key)


def exposed(document: dict[str, Any]) -> int:
    return sum(document["trust"]["srm"]["counts"].values())


def orders(document: dict[str, Any]) -> int:
    return sum(v["total"] for v in metric(document, "orders_per_unit")["variants"])


def in_variant(variant: str, first: int) -> str:
    """The first visitor from a number on that the hash gives this variant."""
    return next(f"w-{n}" for n in range(first, first + 100) if variant_of(f"w-{n}") == variant)


def test_before_the_first_look_there_is_no_number(shop: Shop) -> None:
    shop.define()
    shop.send(shoppers(UNITS))
    document = read(shop)
    comparison = metric(document, "conversion_rate")["comparisons"][0]
    assert (comparison["look"], comparison["pvalue"], comparison["interval"]) == (None, None, None)
    assert comparison["inconclusive"] == "no_look_yet"
    assert document["looks"] == []
    assert document["verdict"]["state"] == "collecting"
    assert document["verdict"]["reasons"][0]["code"] == "no_look_yet"
    assert set(document["verdict"]["text"]) == {"en", "ru"}


def test_the_fields_come_in_the_order_of_the_contract(sqlite_shop: Shop) -> None:
    sqlite_shop.define()
    promised = [
        "experiment",
        "version",
        "as_of",
        "through_seq",
        "trust",
        "metrics",
        "looks",
        "offers",
        "verdict",
        "inputs_sha256",
    ]
    assert list(read(sqlite_shop))[: len(promised)] == promised


def test_a_draft_and_an_empty_ledger_have_a_document_too(sqlite_shop: Shop) -> None:
    sqlite_shop.define()
    document = read(sqlite_shop)
    assert exposed(document) == 0
    assert document["through_seq"] == 0
    assert [v["inconclusive"] for v in metric(document, "conversion_rate")["variants"]] == [
        "no_mature_units"
    ] * 2


def test_shuffled_repeated_and_split_deliveries_give_the_same_bytes(
    sqlite_template: Path, tmp_path: Path, shop: Shop
) -> None:
    """Oracle: the same events sent once, in order, in one batch, to another database."""
    events = shoppers(UNITS)
    copy = tmp_path / "plain.sqlite3"
    copy.write_bytes(sqlite_template.read_bytes())
    plain = open_shop(Database(f"sqlite:///{copy}"), tmp_path)
    plain.define()
    plain.send(events)
    mixed = [*events, *random.Random(7).sample(events, 100)]
    random.Random(8).shuffle(mixed)
    shop.define()
    for first in range(0, len(mixed), 97):
        shop.send(mixed[first : first + 97])
    for each in (plain, shop):
        close_looks(each.services, KEY, day_number(CLOSED))
    assert results(shop.services, KEY, CLOSED) == results(plain.services, KEY, CLOSED)
    assert len(read(shop)["looks"]) > 20


def test_a_moment_and_the_end_of_its_day_are_the_same_question(sqlite_shop: Shop) -> None:
    sqlite_shop.define()
    sqlite_shop.send(shoppers(40))
    by_date = results(sqlite_shop.services, KEY, "2026-01-20")
    assert results(sqlite_shop.services, KEY, "2026-01-21T00:00:00+03:00") == by_date
    assert results(sqlite_shop.services, KEY, "2026-01-20T21:00:00Z") == by_date


def test_rows_at_or_after_the_moment_do_not_count(shop: Shop) -> None:
    shop.define()
    shop.send([exposure("v-1", START + timedelta(days=1)), exposure("v-2", START + timedelta(days=2))])
    shop.send(
        [order("o-1", START + timedelta(days=1, hours=1), "v-1"), refund("o-1", START + timedelta(days=4), 1)]
    )
    at = START + timedelta(days=2)
    assert exposed(read(shop, at.isoformat())) == 1
    assert exposed(read(shop, (at + timedelta(microseconds=1)).isoformat())) == 2
    before = read(shop, (START + timedelta(days=4)).isoformat())
    after = read(shop, (START + timedelta(days=4, microseconds=1)).isoformat())
    assert before["inputs_sha256"] != after["inputs_sha256"]


def test_units_of_the_open_day_count_for_the_banner_alone(sqlite_shop: Shop) -> None:
    sqlite_shop.set_time(START + timedelta(hours=12))
    sqlite_shop.define()
    sqlite_shop.send([exposure("v-1", START + timedelta(hours=11))])
    document = read(sqlite_shop, None)
    assert exposed(document) == document["progress"]["exposed_units"] == 1
    assert sum(v["n"] for v in metric(document, "conversion_rate")["variants"]) == 0


def test_a_sequence_number_cuts_what_came_in_later(shop: Shop) -> None:
    shop.define()
    shop.send([exposure("v-1", START + timedelta(days=1))])
    first = results(shop.services, KEY, CLOSED)
    shop.send([exposure("v-2", START + timedelta(days=1))])
    assert results(shop.services, KEY, CLOSED, through_seq=1) == first
    assert exposed(read(shop)) == 2
    assert read(shop)["through_seq"] == 2


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-01-01T12:00:00", "", "2026-01-01T25:00Z"])
def test_a_moment_that_is_none_is_refused_by_name(sqlite_shop: Shop, text: str) -> None:
    sqlite_shop.define()
    with pytest.raises(Invalid) as refused:
        results(sqlite_shop.services, KEY, text)
    assert refused.value.field == "as_of"


def test_an_unknown_experiment_is_not_found(sqlite_shop: Shop) -> None:
    with pytest.raises(NotFound):
        results(sqlite_shop.services, "nothing", CLOSED)


class TestTimeThatIsNotAnalysed:
    """Before the start, while paused, after a freeze."""

    def test_exposures_before_the_start_are_counted_and_not_analysed(self, shop: Shop) -> None:
        shop.define()
        shop.send([exposure("v-1", START - timedelta(hours=1)), exposure("v-2", START + timedelta(hours=1))])
        document = read(shop)
        assert exposed(document) == 1
        checks = {check["key"]: check["count"] for check in document["trust"]["checks"]}
        assert checks["exposures_outside_running"] == 1
        assert document["trust"]["status"] == "warning"

    def test_exposures_during_a_pause_are_not_analysed(self, shop: Shop) -> None:
        shop.set_time(START)
        shop.define()
        moments = []
        for action, days in (("pause", 5), ("resume", 7)):
            shop.set_time(START + timedelta(days=days))
            shop.act(action)
            moments.append(START + timedelta(days=days))
        shop.set_time(START + timedelta(days=90))
        last_us = timedelta(microseconds=1)
        times = [moments[0] - last_us, moments[0], moments[1] - last_us, moments[1]]
        shop.send([exposure(f"v-{n}", at) for n, at in enumerate(times)])
        assert exposed(read(shop)) == 2

    def test_after_a_freeze_nobody_enters_and_the_enrolled_are_measured_on(self, shop: Shop) -> None:
        shop.set_time(START)
        shop.define()
        shop.set_time(START + timedelta(days=5))
        shop.act("freeze")
        shop.set_time(START + timedelta(days=90))
        shop.send(
            [
                exposure("v-1", START + timedelta(days=4)),
                exposure("v-1", START + timedelta(days=6)),
                exposure("v-2", START + timedelta(days=5)),
                order("o-1", START + timedelta(days=6), "v-1"),
                order("o-2", START + timedelta(days=6), "v-2"),
            ]
        )
        document = read(shop)
        assert (exposed(document), orders(document)) == (1, 1)

    def test_a_later_stop_does_not_change_an_earlier_reading(self, sqlite_shop: Shop) -> None:
        sqlite_shop.define()
        sqlite_shop.send(shoppers(40))
        before = results(sqlite_shop.services, KEY, CLOSED)
        sqlite_shop.act("stop")
        assert results(sqlite_shop.services, KEY, CLOSED) == before


class TestPeopleWithTwoIds:
    """First touch follows links between ids; strict takes units as randomised."""

    def link(self, visitor: str, customer: str, at: datetime) -> dict[str, Any]:
        event = {"event_id": f"i-{visitor}-{customer}", "type": "identify", "occurred_at": at.isoformat()}
        return event | {"visitor_id": visitor, "customer_id": customer}

    def test_an_order_of_the_customer_counts_for_the_visitor_only_under_first_touch(self, shop: Shop) -> None:
        shop.define()
        shop.send(
            [
                exposure("v-1", START + timedelta(days=1)),
                self.link("v-1", "anna", START + timedelta(days=2)),
                order("o-1", START + timedelta(days=3), None, customer_id="anna"),
            ]
        )
        assert orders(read(shop)) == 1
        assert orders(read(shop, policy="strict")) == 0

    def test_two_devices_are_one_unit_under_its_first_variant(self, shop: Shop) -> None:
        shop.define()
        phone, laptop = in_variant(CONTROL, 0), in_variant(TREATMENT, 200)
        shop.send(
            [
                exposure(phone, START + timedelta(days=1)),
                exposure(laptop, START + timedelta(days=2)),
                self.link(laptop, "anna", START + timedelta(days=3)),
                self.link(phone, "anna", START + timedelta(days=4)),
            ]
        )
        document = read(shop)
        assert document["trust"]["srm"]["counts"] == {CONTROL: 1, TREATMENT: 0}
        assert document["trust"]["crossover"]["by_variant"] == {CONTROL: 1, TREATMENT: 0}
        merged = {check["key"]: check["count"] for check in document["trust"]["checks"]}
        assert merged["merged"] == 1
        assert exposed(read(shop, policy="strict")) == 2

    def test_a_verdict_that_depends_on_the_links_is_not_trusted(self, sqlite_shop: Shop) -> None:
        """By devices treatment wins 35 % to 13 %; by people it loses 27 % to 70 %."""
        shop = sqlite_shop
        shop.define(definition(plan={"planned_units": 240, "guardrails": []}))
        shop.send(two_devices_each(CONTROL, buyers=84, first=0))
        shop.send(two_devices_each(TREATMENT, buyers=32, first=1))
        close_looks(shop.services, KEY, day_number(CLOSED))
        for policy in ("first_touch", "strict"):
            verdict = read(shop, policy=policy)["verdict"]
            assert verdict["state"] == "do_not_trust"
            assert [reason["code"] for reason in verdict["reasons"]] == ["policies_contradict"]

    def test_the_same_people_without_the_contradiction_are_rolled_out(self, sqlite_shop: Shop) -> None:
        """The check above sees a difference: here both policies give the treatment the buyers."""
        shop = sqlite_shop
        shop.define(definition(plan={"planned_units": 240, "guardrails": []}))
        shop.send(two_devices_each(CONTROL, buyers=32, first=0, by_second=False))
        shop.send(two_devices_each(TREATMENT, buyers=100, first=1, by_second=False))
        close_looks(shop.services, KEY, day_number(CLOSED))
        assert read(shop)["verdict"]["state"] == "roll_out"


def two_devices_each(
    variant: str, buyers: int, first: int, *, by_second: bool = True
) -> list[dict[str, Any]]:
    """120 people: first seen under `variant`, later on a second device of the other variant; some buy."""
    other = TREATMENT if variant == CONTROL else CONTROL
    mine, theirs = (
        [f"w-{n}" for n in range(1200) if n % 2 == where and variant_of(f"w-{n}") == which][:120]
        for where, which in ((first, variant), (first, other))
    )
    events: list[dict[str, Any]] = []
    for n, (one, two) in enumerate(zip(mine, theirs, strict=True)):
        at = START + timedelta(days=n % 7, hours=10)
        for device, minutes in ((one, 1), (two, 2)):
            linked = {"event_id": f"i-{device}", "type": "identify", "customer_id": f"c-{one}"}
            moment = START + timedelta(minutes=minutes)
            events.append(linked | {"visitor_id": device, "occurred_at": moment.isoformat()})
            events.append(exposure(device, at + timedelta(minutes=minutes)))
        if n < buyers:
            events.append(order(f"o-{one}", at + timedelta(hours=2), two if by_second else one))
    return events
