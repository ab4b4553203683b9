"""Codes claimed and redeemed over HTTP, seen again in the offers block of the results."""

import csv
import io
from typing import Any

from tests.support.codes import Shop, with_codes
from tests.support.inprocess import InProcess

SHOPPERS = 40
DAY_SECONDS = 86_400
NONE = {"kind": "none"}


def against_nothing() -> dict[str, Any]:
    """Personal codes in the treatment, nothing in control."""
    made = with_codes(economics={"currency": "RUB", "margin_share": 0.4})
    made["variants"][0]["offer"] = NONE
    return made


def exposed(service: InProcess, shop: Shop) -> dict[str, str]:
    """Visitor → variant of everybody exposed today."""
    variants, events = {}, []
    for number in range(SHOPPERS):
        visitor = f"v-{number}"
        (given,) = service.assign(visitor_id=visitor, experiments=[shop.key]).json()["assignments"]
        variants[visitor] = given["variant"]
        events.append(event(service, f"x-{number}", "exposure", visitor) | {"experiment": shop.key})
        events[-1]["variant"] = given["variant"]
    shop.send(*events)
    return variants


def event(service: InProcess, event_id: str, kind: str, visitor: str) -> dict[str, Any]:
    from app.clock import isoformat

    when = isoformat(service.clock.now_us())
    return {"event_id": event_id, "type": kind, "visitor_id": visitor, "occurred_at": when}


def bought(service: InProcess, order_id: str, visitor: str) -> dict[str, Any]:
    money = {"currency": "RUB", "items_minor": 5000, "discount_minor": 500, "shipping_minor": 0}
    return event(service, f"e-{order_id}", "order", visitor) | {"order_id": order_id} | money


def test_claims_and_redemptions_fill_the_block_and_a_rollback_takes_its_use_away(service: InProcess) -> None:
    made = against_nothing()
    service.running(**made)
    shop = Shop(service, made["key"])
    variants = exposed(service, shop)
    owners = [visitor for visitor, variant in variants.items() if variant == "treatment"]
    others = [visitor for visitor, variant in variants.items() if variant == "control"]
    service.clock.advance(60)
    codes = {visitor: shop.claim(visitor) for visitor in owners[:6]}
    users = dict(zip(owners[:4], owners[:4], strict=True)) | {owners[4]: others[0], owners[5]: "stranger"}
    for number, (owner, user) in enumerate(users.items()):
        assert shop.redeem(codes[owner], f"o-{number}", user).status_code == 200
        shop.send(bought(service, f"o-{number}", user))
    assert (
        shop.post("rollback", code=codes[owners[3]], order_id="o-3", visitor_id=owners[3]).status_code == 200
    )
    service.clock.advance(60 * DAY_SECONDS)
    block = service.call("GET", f"/api/v1/experiments/{shop.key}/results").json()["offers"]
    assert block["leakage"]["matrix"] == [
        {"code_variant": "treatment", "redeemer_variant": "control", "redemptions": 1},
        {"code_variant": "treatment", "redeemer_variant": "treatment", "redemptions": 3},
        {"code_variant": "treatment", "redeemer_variant": None, "redemptions": 1},
    ]
    assert block["redeemers"]["inconclusive"] == "leakage"
    assert block["subsidy"]["rows"][0]["redeemers"] == 3
    answer = service.call("GET", f"/api/v1/experiments/{shop.key}/export/redemptions.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    kept = [row["order_id"] for row in rows if not row["reversed_at"]]
    assert (sorted(kept), len(rows)) == (["o-0", "o-1", "o-2", "o-4", "o-5"], 6)


def test_who_claimed_a_code_has_taken_the_offer(service: InProcess) -> None:
    made = against_nothing()
    service.running(**made)
    shop = Shop(service, made["key"])
    owners = [visitor for visitor, variant in exposed(service, shop).items() if variant == "treatment"]
    service.clock.advance(60)
    for number, owner in enumerate(owners[:5]):
        shop.claim(owner)
        shop.send(bought(service, f"o-{number}", owner))
    service.clock.advance(60 * DAY_SECONDS)
    found = service.call("GET", f"/api/v1/experiments/{shop.key}/results").json()["offers"]["redeemers"]
    assert found["taking"] == "claimed"
    assert {row["takers"] for row in found["rows"]} == {5}
    assert "conversion_rate" in {row["metric"] for row in found["rows"]}
