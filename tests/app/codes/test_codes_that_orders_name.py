"""Codes in an order's `codes[]` and `discounts[].code`: confirmed by a redemption, unconfirmed, foreign."""

import csv
import io
import itertools
import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from app.codes import named
from app.ledger.rows import content_digest
from tests.app.codes.test_codes_in_results import against_nothing, bought, exposed
from tests.support.codes import Shop, open_shop
from tests.support.inprocess import InProcess
from tests.support.ledger import order

DAY_SECONDS = 86_400
NOW = "2026-05-28T20:26:40Z"
FOREIGN = "Лето-2026"


def naming(order_id: str, *codes: str, **fields: Any) -> dict[str, Any]:
    money = {"items_minor": 2000, "discount_minor": 500, "visitor_id": "v-1"}
    return order(order_id, occurred_at=NOW, codes=list(codes), **{**money, **fields})


def exported(shop: Shop, name: str) -> list[dict[str, str]]:
    shop.service.clock.advance(60)  # what happened now has not happened before now
    answer = shop.service.call("GET", f"/api/v1/experiments/{shop.key}/export/{name}.csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_code_is_confirmed_by_its_redemption_before_the_order_or_after_it(service: InProcess) -> None:
    shop = open_shop(service)
    first, second, third = (shop.claim(f"v-{number}") for number in (1, 2, 3))
    assert shop.redeem(first, "o-1", "v-1").status_code == 200
    shop.send(naming("o-1", first.lower()), naming("o-2", second), naming("o-3", third))
    found = [(row["order_id"], row["status"]) for row in exported(shop, "redemptions")]
    assert found == [("o-1", "confirmed"), ("o-2", "unconfirmed"), ("o-3", "unconfirmed")]
    assert shop.redeem(second, "o-2", "v-2").status_code == 200
    found = [(row["order_id"], row["status"]) for row in exported(shop, "redemptions")]
    assert sorted(found) == [("o-1", "confirmed"), ("o-2", "confirmed"), ("o-3", "unconfirmed")]


def test_a_redemption_for_another_order_or_of_another_code_confirms_nothing(service: InProcess) -> None:
    shop = open_shop(service)
    first, second = shop.claim("v-1"), shop.claim("v-2")
    shop.redeem(first, "o-9", "v-1")
    shop.redeem(second, "o-1", "v-2")
    shop.send(naming("o-1", first))
    (found,) = named.named_codes(service.services.database, _all(), shop.key)
    assert (found.order_id, found.standing) == ("o-1", "unconfirmed")


def _all() -> Any:
    from app.ledger.queries import Cut

    return Cut(2**62, 2**62)


def test_the_newest_state_of_an_order_says_which_codes_it_names(service: InProcess) -> None:
    shop = open_shop(service)
    first, second = shop.claim("v-1"), shop.claim("v-2")
    update = naming("o-1", second) | {"type": "order_updated", "event_id": "u-1"}
    shop.send(update | {"occurred_at": "2026-05-28T20:26:41Z"}, naming("o-1", first))
    late = naming("o-1", first) | {"type": "order_updated", "event_id": "u-0"}
    shop.send(late | {"occurred_at": "2026-05-28T20:26:00Z"})
    (found,) = named.named_codes(service.services.database, _all())
    newest = shop.ledger("order_updated")[0][3]
    assert json.loads(newest)["codes"] == [f"~{found.digest.hex()[:32]}"]


def test_no_text_of_a_code_or_fingerprint_stands_anywhere_and_a_foreign_one_is_not_lost(
    service: InProcess,
) -> None:
    shop = open_shop(service)
    typed = shop.claim()
    split = [{"code": FOREIGN, "amount_minor": 200}, {"code": typed, "amount_minor": 300}]
    prints = {"payment": "card-hash-1", "address": "home-hash-1"}
    shop.send(naming("o-1", typed, FOREIGN, discounts=split, fingerprints=prints))
    texts = (typed, FOREIGN, "card-hash-1", "home-hash-1")
    rest = str(shop.ledger("order")[0][3])
    assert not [text for text in texts if text in rest]
    assert json.loads(rest)["discounts"][0]["amount_minor"] == 200
    if service.services.database.is_sqlite:
        path = service.services.database.url.removeprefix("sqlite:///")
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = Path(path).read_bytes()
        assert not [text for text in texts if text.encode() in content]
    exposed(service, shop)
    (row,) = exported(shop, "orders")
    assert {"code": FOREIGN, "status": "foreign"} in json.loads(row["codes"])
    ours = [one for one in json.loads(row["codes"]) if one["status"] == "unconfirmed"]
    assert [set(one) for one in ours] == [{"experiment", "variant", "status"}]


def test_what_was_sent_is_compared_not_what_is_stored(service: InProcess) -> None:
    """The same event again is a duplicate, other codes are a conflict; rows of before are known as well."""
    shop = open_shop(service)
    sent = naming("o-1", "ANY-CODE-1") | {"event_id": "e-1"}
    shop.send(sent)
    answer = service.call("POST", "/api/v1/events", {"events": [sent, {**sent, "codes": ["OTHER"]}]}, "srv")
    assert (answer.json()["duplicates"], answer.json()["rejected"][0]["code"]) == (1, "conflict")
    connection = service.services.database.raw_connection()
    row = connection.execute("SELECT digest, visitor FROM events WHERE event_id = 'e-1'").fetchone()
    connection.close()
    rest = '{"codes":["ANY-CODE-1"]}'
    plain = {"type": "order", "occurred_at_us": 1_780_000_000_000_000, "order_id": "o-1", "currency": "RUB"}
    money = {"items_minor": 2000, "discount_minor": 500, "shipping_minor": sent["shipping_minor"]}
    assert bytes(row[0]) == content_digest({**plain, **money, "paid": True, "rest": rest}, row[1], None)


def test_orders_stored_before_codes_were_hidden_stay_readable(service: InProcess) -> None:
    shop = open_shop(service)
    typed = shop.claim()
    exposed(service, shop)
    shop.send(naming("o-1", typed))
    with service.services.database.write() as session:
        connection = session.connection()
        connection.exec_driver_sql("UPDATE events SET rest = '{\"codes\":[\"OLD\"]}' WHERE type = 'order'")
        connection.exec_driver_sql("DELETE FROM order_codes")
    assert [row["codes"] for row in exported(shop, "orders")] == [""]
    results = service.call("GET", f"/api/v1/experiments/{shop.key}/results")
    assert results.json()["offers"]["codes"]["inconclusive"] == "no_codes"


def many_codes(service: InProcess) -> tuple[Shop, dict[str, str]]:
    """Half of the codes of the treatment are redeemed, the others only named."""
    made = against_nothing()
    service.running(**made)
    shop = Shop(service, made["key"])
    owners = [visitor for visitor, variant in exposed(service, shop).items() if variant == "treatment"]
    service.clock.advance(60)
    return shop, {visitor: shop.claim(visitor) for visitor in owners}


def test_many_unconfirmed_codes_are_counted_apart_and_warned_of(service: InProcess) -> None:
    shop, codes = many_codes(service)
    redeemed = list(codes)[: len(codes) - 12]
    for number, (visitor, typed) in enumerate(codes.items()):
        shop.send(bought(service, f"o-{number}", visitor) | {"codes": [typed]})
        if visitor in redeemed:
            assert shop.redeem(typed, f"o-{number}", visitor).status_code == 200
    service.clock.advance(60 * DAY_SECONDS)
    document = service.call("GET", f"/api/v1/experiments/{shop.key}/results").json()
    found = document["offers"]["codes"]
    assert (found["redeemed"], found["unconfirmed"], found["many"]) == (len(redeemed), 12, True)
    assert document["offers"]["leakage"]["redemptions"] == len(redeemed)
    assert {"codes_unconfirmed"} <= {check["key"] for check in document["trust"]["checks"]}


def test_any_order_of_arrival_gives_the_same_standing(service: InProcess) -> None:
    shop, codes = many_codes(service)
    for number, (visitor, typed) in enumerate(list(codes.items())[:6]):
        name = f"o-{number}"
        update = bought(service, name, visitor) | {"type": "order_updated", "codes": [typed]}
        update |= {"event_id": f"u-{number}", "occurred_at": "2026-05-28T23:00:00Z"}
        service.clock.advance(3 * 3600)
        for step in list(itertools.permutations(("ordered", "updated", "redeemed")))[number]:
            if step == "ordered":
                shop.send(bought(service, name, visitor) | {"occurred_at": NOW})
            elif step == "updated":
                shop.send(update)
            else:
                shop.redeem(typed, name, visitor)
    found = list(named.named_codes(service.services.database, _all(), shop.key))
    assert [one.standing for one in found] == ["confirmed"] * 6


def test_the_order_of_the_rows_changes_no_byte_of_the_result(service: InProcess) -> None:
    """Oracle: the same orders in one request or one by one, shuffled, of two experiments with equal rules."""
    documents = []
    for turn in range(2):
        made = against_nothing() | {"key": f"codes-{turn}", "seed": "00000000000000aa"}
        service.running(**made)
        shop = Shop(service, made["key"])
        events = [bought(service, f"{turn}-{n}", f"v-{n}") | {"codes": [FOREIGN]} for n in range(6)]
        random.Random(turn).shuffle(events)
        for event in events:
            shop.send(event)
        document = service.call("GET", f"/api/v1/experiments/{shop.key}/results").json()
        documents.append(document["offers"]["codes"])
    assert documents[0] == documents[1]


@pytest.mark.parametrize("typed", ["-", "x" * 200, "🎁"])
def test_a_text_that_can_be_no_code_is_kept_as_foreign(service: InProcess, typed: str) -> None:
    shop = open_shop(service)
    exposed(service, shop)
    shop.send(naming("o-1", typed))
    (row,) = exported(shop, "orders")
    assert json.loads(row["codes"]) == [{"code": typed, "status": "foreign"}]
