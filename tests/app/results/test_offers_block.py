"""The offers block: planted shops of both databases, and the sums done again by hand from the events."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.analyze.events import analyze_events
from app.exports.service import export
from app.results.service import results
from stats.offers.subsidy import OfferArm, Subsidy, subsidy
from stats.redeemers import RedeemerEffect, TakenMoments, redeemer_effect
from tests.support.results_shop import (
    CLOSED,
    CONTROL,
    KEY,
    START,
    TREATMENT,
    Shop,
    definition,
    exposure,
    order,
    refund,
    shoppers,
    variant_of,
)

UNITS = 160
MARGIN, DISCOUNT, MESSAGE = 52_500, 20_000, 150
PARTS = ["leakage", "redeemers", "profit", "subsidy", "pull_forward", "codes", "abuse"]


def against_nothing(**changes: Any) -> dict[str, Any]:
    """A code against no offer, 35 % margin."""
    offer = {"kind": "amount_off", "amount_minor": DISCOUNT, "currency": "RUB"}
    variants = [
        {"key": CONTROL, "weight": 0.5, "control": True, "offer": {"kind": "none"}},
        {"key": TREATMENT, "weight": 0.5, "offer": offer},
    ]
    return definition(**{"variants": variants, **changes})


def buys(number: int) -> bool:
    return number % (3 if variant_of(f"v-{number}") == CONTROL else 2) == 0


def redeems(number: int) -> bool:
    return buys(number) and number % 4 == 0 and variant_of(f"v-{number}") == TREATMENT


def coded(offer: str = KEY) -> dict[str, Any]:
    return {"discount_minor": DISCOUNT, "discounts": [{"offer": offer, "amount_minor": DISCOUNT}]}


def visit(number: int) -> list[dict[str, Any]]:
    """A visitor of the treatment gets a message; some buy, some of those with the offer."""
    visitor, seen = f"v-{number}", START + timedelta(days=number % 14, hours=9)
    events = [exposure(visitor, seen)]
    if variant_of(visitor) == TREATMENT:
        sent = {"event_id": f"m-{number}", "type": "message_sent", "experiment": KEY, "visitor_id": visitor}
        events.append(sent | {"cost_minor": MESSAGE, "occurred_at": (seen + timedelta(hours=1)).isoformat()})
    if buys(number):
        more = coded() if redeems(number) else {}
        events.append(order(f"o-{number}", seen + timedelta(days=number % 5, minutes=5), visitor, **more))
    return events


def read(shop: Shop) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(results(shop.services, KEY, CLOSED))
    return document


def offers(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = read(shop)["offers"]
    return found


def arm(block: dict[str, Any], variant: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in block["profit"]["arms"] if one["variant"] == variant)
    return found


def numbers(variant: str) -> list[int]:
    return [number for number in range(UNITS) if variant_of(f"v-{number}") == variant]


@pytest.fixture
def coded_shop(shop: Shop) -> Shop:
    shop.define(against_nothing())
    shop.send(event for number in range(UNITS) for event in visit(number))
    return shop


def test_without_codes_every_part_says_why_there_is_no_number(shop: Shop) -> None:
    shop.define()
    shop.send(shoppers(UNITS))
    block = offers(shop)
    assert list(block) == PARTS
    assert block["leakage"]["inconclusive"] == "no_redemptions"
    assert block["leakage"]["share"] is None
    assert block["redeemers"]["inconclusive"] == "no_redemptions"
    assert block["subsidy"]["inconclusive"] == "no_redemptions"
    assert block["profit"]["inconclusive"] is None


def test_profit_is_the_sum_of_its_components_and_the_mean_of_the_metric(coded_shop: Shop) -> None:
    document = read(coded_shop)
    means = next(m for m in document["metrics"] if m["key"] == "profit_per_unit")["variants"]
    for variant, mean in ((v["variant"], v["mean"]) for v in means):
        units, own = numbers(variant), arm(document["offers"], variant)
        assert own["units"] == len(units)
        assert own["margin"][0] == pytest.approx(MARGIN * sum(map(buys, units)) / len(units))
        assert own["discount"] == pytest.approx(DISCOUNT * sum(map(redeems, units)) / len(units))
        assert own["messages"] == (MESSAGE if variant == TREATMENT else 0)
        assert own["profit"][0] == pytest.approx(mean)
        costs = ("discount", "gift", "delivery", "messages", "exposure", "points")
        left = own["margin"][0] - sum(own[name] for name in costs) - own["refunded"][0]
        assert own["profit"][0] == pytest.approx(left)


def test_break_even_is_the_growth_at_which_the_arms_earn_the_same(coded_shop: Shop) -> None:
    (found,) = offers(coded_shop)["profit"]["comparisons"]
    c, t = numbers(CONTROL), numbers(TREATMENT)
    bought_c, bought_t = sum(map(buys, c)), sum(map(buys, t))
    earned = MARGIN - DISCOUNT * sum(map(redeems, t)) / bought_t
    rate = (1 + found["break_even_uplift"][0]) * bought_c / len(c)
    assert rate * earned - MESSAGE == pytest.approx(MARGIN * bought_c / len(c))
    assert found["orders_uplift"] == pytest.approx((bought_t / len(t)) / (bought_c / len(c)) - 1)


def test_subsidy_and_redeemers_are_those_of_the_pure_functions(coded_shop: Shop) -> None:
    block = offers(coded_shop)
    c, t = numbers(CONTROL), numbers(TREATMENT)
    bounds = subsidy(len(c), sum(map(buys, c)), OfferArm(len(t), sum(map(buys, t)), sum(map(redeems, t))))
    assert isinstance(bounds, Subsidy)
    (row,) = block["subsidy"]["rows"]
    assert (row["low"], row["high"], tuple(row["interval"])) == (bounds.low, bounds.high, bounds.interval)
    assert block["redeemers"]["taking"] == "redeemed"
    rows = {row["metric"]: row for row in block["redeemers"]["rows"]}
    assert "conversion_rate" not in rows
    taken = sum(map(redeems, t))
    effect = redeemer_effect(
        TakenMoments(len(c), 0, sum(map(buys, c)), sum(map(buys, c)), 0),
        TakenMoments(len(t), taken, sum(map(buys, t)), sum(map(buys, t)), taken),
    )
    assert isinstance(effect, RedeemerEffect)
    assert rows["orders_per_unit"]["effect"] == pytest.approx(effect.effect)
    assert rows["orders_per_unit"]["first_stage_f"] == pytest.approx(effect.first_stage_f)


def test_leaked_codes_fill_the_matrix_raise_the_alarm_and_refuse_the_effect_on_redeemers(
    coded_shop: Shop,
) -> None:
    at = START + timedelta(days=20)
    own = sum(map(redeems, range(UNITS)))
    thief = next(number for number in numbers(CONTROL))
    coded_shop.send(
        [
            order("stolen", at, f"v-{thief}", **coded(f"{KEY}:{TREATMENT}")),
            *(order(f"found-{n}", at, f"nobody-{n}", **coded(f"{KEY}:{TREATMENT}")) for n in range(3)),
        ]
    )
    document = read(coded_shop)
    found = document["offers"]["leakage"]
    assert found["redemptions"] == own + 4
    assert found["leaked"] == 4
    assert found["matrix"] == [
        {"code_variant": TREATMENT, "redeemer_variant": TREATMENT, "redemptions": own},
        {"code_variant": TREATMENT, "redeemer_variant": CONTROL, "redemptions": 1},
        {"code_variant": TREATMENT, "redeemer_variant": None, "redemptions": 3},
    ]
    assert found["diluted"] is (0.05 * (own + 4) < 4)
    assert {"key": "leakage", "status": "warning", "count": 4, "detail": ""} in document["trust"]["checks"]
    assert document["offers"]["redeemers"]["inconclusive"] == "leakage"


def test_the_curve_ends_at_the_difference_in_orders_per_unit(coded_shop: Shop) -> None:
    block = offers(coded_shop)["pull_forward"]
    (row,) = block["rows"]
    assert [point["age"] for point in row["points"]] == list(range(block["window_days"] + 1))
    c, t = numbers(CONTROL), numbers(TREATMENT)
    last = sum(map(buys, t)) / len(t) - sum(map(buys, c)) / len(c)
    assert row["points"][-1]["effect"] == pytest.approx(last)
    first = sum(buys(n) and n % 5 == 0 for n in t) / len(t) - sum(buys(n) and n % 5 == 0 for n in c) / len(c)
    assert row["points"][0]["effect"] == pytest.approx(first)


def test_points_and_refunds_are_components_of_their_own(coded_shop: Shop) -> None:
    number = next(number for number in numbers(TREATMENT) if buys(number) and not redeems(number))
    at = START + timedelta(days=number % 14, hours=20)
    points = {"event_id": "p-1", "type": "points_earned", "visitor_id": f"v-{number}", "points": 5}
    spent = {"event_id": "p-2", "type": "points_spent", "visitor_id": f"v-{number}", "points": 2}
    coded_shop.send(
        [
            points | {"value_minor": 900, "occurred_at": at.isoformat()},
            spent | {"value_minor": 400, "occurred_at": at.isoformat()},
            refund(f"o-{number}", START + timedelta(days=number % 14 + 6), 150_000),
        ]
    )
    own = arm(offers(coded_shop), TREATMENT)
    assert own["points"] * own["units"] == pytest.approx(500)
    assert own["refunded"][0] * own["units"] == pytest.approx(MARGIN)


def test_with_an_interval_of_margins_both_ends_are_said(shop: Shop) -> None:
    shop.define(against_nothing(economics={"currency": "RUB", "margin_share": [0.2, 0.4]}))
    shop.send(event for number in range(UNITS) for event in visit(number))
    block = offers(shop)
    low, high = arm(block, CONTROL)["margin"]
    assert high == pytest.approx(2 * low)
    rows = [row for row in block["redeemers"]["rows"] if row["metric"] == "profit_per_unit"]
    assert [row["margin_end"] for row in rows] == ["lo", "hi"]


def test_an_update_that_drops_the_offer_takes_the_redemption_back(coded_shop: Shop) -> None:
    number = next(number for number in numbers(TREATMENT) if redeems(number))
    before = offers(coded_shop)["leakage"]["redemptions"]
    at = START + timedelta(days=number % 14, hours=23) + timedelta(days=number % 5)
    changed = order(f"o-{number}", at, f"v-{number}") | {"type": "order_updated", "event_id": "u-1"}
    coded_shop.send([changed])
    assert offers(coded_shop)["leakage"]["redemptions"] == before - 1


def test_the_same_events_give_the_same_bytes_in_any_order(shop: Shop) -> None:
    shop.define(against_nothing())
    events = [event for number in range(UNITS) for event in visit(number)]
    shop.send(events[::-1])
    one = read(shop)
    assert one["offers"]["leakage"]["redemptions"] == sum(map(redeems, range(UNITS)))
    assert one["inputs_sha256"] == read(shop)["inputs_sha256"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_exported_files_give_the_same_block(coded_shop: Shop, suffix: str, tmp_path: Path) -> None:
    at = START + timedelta(days=20)
    coded_shop.send([order("found", at, "nobody", **coded(f"{KEY}:{TREATMENT}"))])
    kinds = ("exposures", "orders", "redemptions", "events")
    names = {kind: f"{kind}.{suffix}" for kind in kinds} | {"plan": "plan.toml"}
    for name in names.values():
        made = export(coded_shop.services, KEY, name, CLOSED)
        (tmp_path / name).write_bytes(b"".join(made.parts))
    paths = {kind: tmp_path / name for kind, name in names.items()}
    _, document = analyze_events(
        paths["exposures"],
        paths["orders"],
        None,
        paths["plan"],
        redemptions_path=paths["redemptions"],
        events_path=paths["events"],
    )
    found, expected = json.loads(document), read(coded_shop)
    assert found["offers"] == expected["offers"]
    assert found["inputs_sha256"] == expected["inputs_sha256"]
    assert found["offers"]["leakage"]["leaked"] == 1


def test_a_redemption_on_record_counts_once_and_not_after_its_reversal(sqlite_shop: Shop) -> None:
    """Rows as the codes write them; the table's own rules for them are not in force here."""
    sqlite_shop.define(against_nothing())
    sqlite_shop.send(event for number in range(UNITS) for event in visit(number))
    number = next(number for number in numbers(TREATMENT) if buys(number) and not redeems(number))
    before = offers(sqlite_shop)["leakage"]["redemptions"]
    write_use(sqlite_shop, "redemption", f"o-{number}", code=1)
    write_use(sqlite_shop, "redemption", f"o-{number}", code=2)
    assert offers(sqlite_shop)["leakage"]["redemptions"] == before + 2
    write_use(sqlite_shop, "reversal", f"o-{number}", code=1)
    assert offers(sqlite_shop)["leakage"]["redemptions"] == before + 1


def write_use(shop: Shop, kind: str, order_id: str, code: int) -> None:
    """One ledger row of a code's use, by the visitor of the order."""
    connection = shop.database.raw_connection()
    connection.execute("PRAGMA ignore_check_constraints = ON")
    statement = (
        "INSERT INTO events (seq, event_id, visitor, customer, received_at_us, flags, digest, type,"
        " occurred_at_us, experiment, variant, order_id, discount_minor, rest)"
        " SELECT (SELECT max(seq) + 1 FROM events), ?, visitor, customer, received_at_us, 0, digest, ?,"
        " occurred_at_us, ?, ?, order_id, 100, ? FROM events WHERE type = 'order' AND order_id = ?"
    )
    rest = f'{{"code":{code}}}'
    connection.execute(statement, (f"{kind}-{code}", kind, KEY, TREATMENT, rest, order_id))
    connection.commit()
    connection.close()
