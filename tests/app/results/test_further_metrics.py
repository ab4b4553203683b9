"""Metrics of codes, new customers, products and custom events, from the events to the document and back.

Oracle: the same definitions counted by hand from the events below.
"""

import json
from dataclasses import asdict
from datetime import timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from app.analyze.events import analyze_events
from app.clock import day_number
from app.exports.service import export
from app.results import service
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
    variant_of,
)
from tests.support.results_shop import order as bought

UNITS = 140
PLAN = {
    "primary": "redemption_rate",
    "guardrails": [{"metric": "unsubscribe_rate", "non_inferiority_margin": 0.5}],
    "secondary": [
        *("new_customers_per_unit", "custom:opened", "redemptions_per_redeemer", "full_price_share"),
        *("refund_rate", "threshold_bunching", {"key": "sku_orders_per_unit", "sku": "tea", "days": 5}),
        *({"key": "custom:opened", "statistic": statistic} for statistic in ("count", "sum", "sum_minor")),
    ],
}


def seen(number: int) -> Any:
    return START + timedelta(days=number % 14, hours=9)


def opens(number: int) -> int:
    """How many letters a visitor opens."""
    return number % 4 if variant_of(f"v-{number}") == TREATMENT else number % 2


def visit(number: int) -> list[dict[str, Any]]:
    """Every third had bought before; every second buys; every fourth with the offer; some unsubscribe."""
    visitor, at = f"v-{number}", seen(number)
    events = [exposure(visitor, at)]
    if number % 3 == 0:
        events.append(bought(f"b-{number}", at - timedelta(days=1), visitor))
    if number % 2 == 0:
        events.append(basket(number, at + timedelta(days=number % 4, hours=1)))
    events += [
        custom(f"c-{number}-{nth}", "opened", visitor, at + timedelta(hours=nth))
        for nth in range(opens(number))
    ]
    if number % 7 == 0:
        events.append(custom(f"u-{number}", "unsubscribe", visitor, at + timedelta(days=2)))
    return events


def basket(number: int, at: Any) -> dict[str, Any]:
    lines = [{"sku": "tea" if number % 3 else "jam", "quantity": 2, "price_minor": 500}]
    used = number % 4 == 0 and variant_of(f"v-{number}") == TREATMENT
    money = {"items_minor": 300_000 + 10_000 * (number % 5), "discount_minor": 40_000 if used else 0}
    named = {"discounts": [{"offer": KEY, "amount_minor": 40_000}]} if used else {}
    return bought(f"o-{number}", at, f"v-{number}", lines=lines, **money, **named)


def custom(event_id: str, name: str, visitor: str, at: Any) -> dict[str, Any]:
    event = {"event_id": event_id, "type": "custom", "name": name, "visitor_id": visitor}
    return event | {"occurred_at": at.isoformat(), "value": 3, "value_minor": 250}


def visits() -> list[dict[str, Any]]:
    return [event for number in range(UNITS) for event in visit(number)]


def read(shop: Shop, as_of: str = CLOSED) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(results(shop.services, KEY, as_of))
    return found


def totals(document: dict[str, Any], variant: str) -> dict[str, Any]:
    """Metric and what it is about → its total in one variant."""
    return {
        f"{metric['key']}/{metric['about'] or ''}": summary["total"]
        for metric in document["metrics"]
        for summary in metric["variants"]
        if summary["variant"] == variant
    }


@pytest.fixture
def opened_shop(shop: Shop) -> Shop:
    shop.define(definition(plan=PLAN))
    shop.send(visits())
    return shop


@pytest.mark.parametrize("variant", [CONTROL, TREATMENT])
def test_every_total_is_that_of_a_count_by_hand(opened_shop: Shop, variant: str) -> None:
    units = [number for number in range(UNITS) if variant_of(f"v-{number}") == variant]
    buyers = [number for number in units if number % 2 == 0]
    offered = [number for number in buyers if number % 4 == 0 and variant == TREATMENT]
    expected = {
        "redemption_rate/": len(offered),
        "redemptions_per_redeemer/": len(offered),
        "unsubscribe_rate/": sum(number % 7 == 0 for number in units),
        "new_customers_per_unit/": sum(number % 3 != 0 for number in buyers),
        "sku_orders_per_unit/tea": sum(number % 3 != 0 for number in buyers),
        "custom:opened/": sum(opens(number) > 0 for number in units),
        "custom:opened/count": sum(map(opens, units)),
        "custom:opened/sum": 3 * sum(map(opens, units)),
        "custom:opened/sum_minor": 250 * sum(map(opens, units)),
        "full_price_share/": len(buyers) - len(offered),
        "refund_rate/": 0,
        "threshold_bunching/": sum(number % 5 < 3 for number in buyers),
    }
    found = totals(read(opened_shop), variant)
    assert {name: found[name] for name in expected} == expected


def test_looks_are_closed_for_each_and_the_explanatory_ones_never_decide(opened_shop: Shop) -> None:
    close_looks(opened_shop.services, KEY, day_number(CLOSED))
    document = read(opened_shop)
    labels = {look["metric"] for look in document["looks"]}
    assert {"redemption_rate:7", "custom:opened[sum_minor]:7", "sku_orders_per_unit[tea]:5"} <= labels
    explanatory = {metric["key"] for metric in document["metrics"] if metric["explanatory"]}
    assert explanatory == {
        *("redemptions_per_redeemer", "full_price_share", "refund_rate", "threshold_bunching"),
    }


def test_a_letter_without_a_value_and_an_order_without_lines_leave_no_number(opened_shop: Shop) -> None:
    late = seen(3) + timedelta(days=3)
    opened_shop.send([custom("c-x", "opened", "v-3", late) | {"value": None}, bought("o-x", late, "v-3")])
    document = read(opened_shop)
    why = {
        f"{metric['key']}/{metric['about'] or ''}": {row["inconclusive"] for row in metric["variants"]}
        for metric in document["metrics"]
    }
    assert "value_missing" in why["custom:opened/sum"]
    assert "lines_missing" in why["sku_orders_per_unit/tea"]
    assert why["custom:opened/sum_minor"] == why["custom:opened/count"] == {None}
    checks = {check["key"]: check["count"] for check in document["trust"]["checks"]}
    assert (checks["value_missing"], checks["lines_missing"]) == (1, 1)


def test_split_shuffled_and_repeated_deliveries_give_the_same_bytes(sqlite_shop: Shop) -> None:
    sqlite_shop.define(definition(plan=PLAN))
    events = visits()
    sqlite_shop.send(events[::2])
    sqlite_shop.send(events[::-1])
    document = read(sqlite_shop)
    assert totals(document, TREATMENT)["redemption_rate/"] > 0
    assert document["inputs_sha256"] == read(sqlite_shop)["inputs_sha256"]


def test_an_earlier_as_of_reads_what_was_known_then(opened_shop: Shop) -> None:
    before = read(opened_shop, "2026-01-25")
    opened_shop.send([custom("c-later", "opened", "v-1", seen(1) + timedelta(days=40))])
    assert read(opened_shop, "2026-01-25") == before | {"through_seq": before["through_seq"] + 1}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_exported_files_give_the_same_document(opened_shop: Shop, suffix: str, tmp_path: Path) -> None:
    opened_shop.send([bought("o-x", seen(3) + timedelta(days=3), "v-3")])
    close_looks(opened_shop.services, KEY, day_number(CLOSED))
    kinds = ("exposures", "orders", "redemptions", "events")
    paths = {kind: tmp_path / f"{kind}.{suffix}" for kind in kinds} | {"plan": tmp_path / "plan.toml"}
    for path in paths.values():
        path.write_bytes(b"".join(export(opened_shop.services, KEY, path.name, CLOSED).parts))
    _, document = analyze_events(
        paths["exposures"],
        paths["orders"],
        None,
        paths["plan"],
        redemptions_path=paths["redemptions"],
        events_path=paths["events"],
    )
    found, expected = json.loads(document), read(opened_shop)
    assert found["looks"]
    assert found | {"unusable": {}} == expected


def written_down(shop: Shop, number: int, kind: str, days: int) -> None:
    """A use (or its return) of a code in order `o-NUMBER`, so many days after it, as the codes write it."""
    connection = shop.database.raw_connection()
    connection.execute("PRAGMA ignore_check_constraints = ON")
    statement = (
        "INSERT INTO events (seq, event_id, visitor, customer, received_at_us, flags, digest, type,"
        " occurred_at_us, experiment, variant, order_id, discount_minor, rest)"
        " SELECT (SELECT max(seq) + 1 FROM events), ?, visitor, customer, received_at_us, 0, digest, ?,"
        " occurred_at_us + ?, ?, ?, order_id, 100, ? FROM events WHERE type = 'order' AND order_id = ?"
    )
    rest, moved_us = f'{{"code":{number}}}', days * 86_400_000_000
    event_id = f"{kind}-{number}"
    connection.execute(statement, (event_id, kind, moved_us, KEY, TREATMENT, rest, f"o-{number}"))
    connection.commit()
    connection.close()


@pytest.fixture
def shop_with_returns(sqlite_shop: Shop) -> Shop:
    """Three further uses: one stands, one is given back inside the window, one long after maturity."""
    sqlite_shop.define(definition(plan=PLAN))
    orders = [bought(f"o-{n}", seen(n) + timedelta(hours=1), f"v-{n}") for n in (1, 3, 5)]
    sqlite_shop.send([*visits(), *orders])
    for number in (1, 3, 5):
        written_down(sqlite_shop, number, "redemption", 0)
    written_down(sqlite_shop, 3, "reversal", 2)
    written_down(sqlite_shop, 5, "reversal", 25)
    return sqlite_shop


def redeemed(document: dict[str, Any]) -> int:
    return sum(int(totals(document, variant)["redemption_rate/"]) for variant in (CONTROL, TREATMENT))


def test_a_use_given_back_inside_the_window_goes_and_one_given_back_later_stays(
    shop_with_returns: Shop,
) -> None:
    named = sum(number % 4 == 0 and variant_of(f"v-{number}") == TREATMENT for number in range(UNITS))
    assert redeemed(read(shop_with_returns)) == named + 2
    leaked = read(shop_with_returns)["offers"]["leakage"]["redemptions"]
    assert leaked == named + 1  # the matrix shows what stands now


def test_what_is_given_back_later_does_not_change_an_earlier_reading(shop_with_returns: Shop) -> None:
    day = "2026-01-12"  # after the use of visitor 5, before its return
    found = read(shop_with_returns, day)["offers"]["leakage"]["redemptions"]
    connection = shop_with_returns.database.raw_connection()
    connection.execute("DELETE FROM events WHERE event_id = 'reversal-5'")
    connection.commit()
    connection.close()
    assert read(shop_with_returns, day)["offers"]["leakage"]["redemptions"] == found


@pytest.mark.long
def test_closing_day_by_day_writes_what_closing_at_once_writes(
    shop_with_returns: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[Any] = []
    last = day_number(CLOSED)
    with monkeypatch.context() as patched:
        patched.setattr(service, "_write", lambda _s, _row, _day, closed: at_once.append(closed))
        close_looks(shop_with_returns.services, KEY, last)
    for day in range(day_number("2026-01-12"), last + 1):
        close_looks(shop_with_returns.services, KEY, day)
    found = read(shop_with_returns)["looks"]
    expected = json.loads(json.dumps([asdict(look) for look in at_once[0].looks]))
    by_place = ("metric", "treatment", "number")
    assert sorted(found, key=itemgetter(*by_place)) == sorted(expected, key=itemgetter(*by_place))


def invited_shop(shop: Shop) -> dict[str, int]:
    """Every fourth visitor brings a friend; some friends, and some inviters, had bought before."""
    offer = {"kind": "referral", "referrer_minor": 20_000, "invited_minor": 20_000, "currency": "RUB"}
    variants = [{"key": key, "weight": 0.5, "control": key == CONTROL, "offer": offer} for key in BOTH]
    shop.define(definition(variants=variants, plan={"primary": "new_customers_per_unit", "guardrails": []}))
    found = dict.fromkeys(BOTH, 0)
    for number in range(80):
        inviter, friend, at = f"v-{number}", f"friend-{number}", seen(number)
        events = [exposure(inviter, at), bought(f"o-{number}", at + timedelta(hours=2), inviter)]
        found[variant_of(inviter)] += number % 3 != 0
        if number % 3 == 0:
            events.append(bought(f"b-{number}", at - timedelta(days=1), inviter))
        if number % 4 == 0:
            sides = {"referrer": inviter, "invited": friend, "occurred_at": at.isoformat()}
            events.append({"event_id": f"f-{number}", "type": "referral", **sides})
            events += [bought(f"f-{number}-{nth}", at + timedelta(days=nth), friend) for nth in (1, 2)]
            found[variant_of(inviter)] += number % 5 != 0
        if number % 20 == 0:
            events.append(bought(f"g-{number}", at - timedelta(days=2), friend))
        shop.send(events)
    return found


BOTH = (CONTROL, TREATMENT)


def test_of_a_cluster_each_first_time_buyer_counts(sqlite_shop: Shop, tmp_path: Path) -> None:
    expected = invited_shop(sqlite_shop)
    document = read(sqlite_shop)
    name = "new_customers_per_unit/"
    assert {variant: totals(document, variant)[name] for variant in BOTH} == expected
    assert max(expected.values()) > 20
    for kind in ("exposures.csv", "orders.csv", "plan.toml"):
        (tmp_path / kind).write_bytes(b"".join(export(sqlite_shop.services, KEY, kind, CLOSED).parts))
    paths = (tmp_path / "exposures.csv", tmp_path / "orders.csv", None, tmp_path / "plan.toml")
    found = json.loads(analyze_events(*paths)[1])
    assert {variant: totals(found, variant)[name] for variant in BOTH} == expected


def test_orders_per_customer_counts_every_further_order_of_who_had_one_at_entry(sqlite_shop: Shop) -> None:
    plan = {"primary": {"key": "orders_per_customer", "days": 7}, "guardrails": [], "secondary": []}
    sqlite_shop.define(definition(plan=plan))
    further = dict.fromkeys(BOTH, 0)
    for number in range(90):
        visitor, at = f"v-{number}", seen(number)
        events = [exposure(visitor, at)]
        if number % 10:  # the others had no order when they were exposed
            events.append(bought(f"b-{number}", at, visitor))
        events += [
            bought(f"o-{number}-{n}", at + timedelta(days=2 * n + 1), visitor) for n in range(number % 5)
        ]
        if number % 10:
            further[variant_of(visitor)] += min(number % 5, 4)
        sqlite_shop.send(events)
    document = read(sqlite_shop)
    (metric,) = [metric for metric in document["metrics"] if metric["key"] == "orders_per_customer"]
    assert {arm["variant"]: arm["total"] for arm in metric["variants"]} == further
    for arm in metric["variants"]:
        assert arm["mean"] == pytest.approx(further[arm["variant"]] / arm["n"])
    assert (metric["unit"], metric["kind"]) == ("count", "recurrent")
    assert close_looks(sqlite_shop.services, KEY, day_number(CLOSED)).looks_written > 0


def test_profit_per_incremental_order_may_be_named_and_is_shown_with_the_profit(sqlite_shop: Shop) -> None:
    sqlite_shop.define(definition(plan={"secondary": ["profit_per_incremental_order"]}))
    sqlite_shop.send(visits())
    document = read(sqlite_shop)
    assert "profit_per_incremental_order" not in {metric["key"] for metric in document["metrics"]}
    (found,) = document["offers"]["profit"]["comparisons"]
    ratio, uplift = found["profit_per_incremental_order"], found["orders_uplift"]
    assert (ratio is None) == (uplift <= 0)
