"""Validate, reserve, redeem, roll back. Oracle: the contract's section "Codes and quotes"."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from app.serving.snapshot import EMPTY
from tests.support.codes import code, offer, open_shop, refusal
from tests.support.inprocess import NOW_US, InProcess
from tests.support.ledger import event, order, refund

NOW = "2026-05-28T20:26:40Z"
CART = {"currency": "RUB", "lines": [{"sku": "coffee", "quantity": 2, "price_minor": 600}]}
MINUTE = 60
DAY = 86_400


def test_a_single_use_code_is_used_once_and_the_same_order_gets_the_same_answer(service: InProcess) -> None:
    shop = open_shop(service)
    given = shop.claim()
    first = shop.redeem(given, "o-1")
    service.clock.advance(100)
    assert first.json()["status"] == "redeemed"
    assert shop.redeem(given, "o-1").content == first.content
    assert shop.redeem(given, "o-1", discount_minor=1).content == first.content
    assert refusal(shop.redeem(given, "o-2")) == (409, "spent")
    assert len(shop.ledger("redemption")) == 1


def test_a_redemption_is_on_the_books_under_the_codes_variant_with_the_redeemers_numbers(
    service: InProcess,
) -> None:
    shop = open_shop(service)
    given = shop.claim("v-1")
    shop.redeem(given, "o-1", "v-2")
    ((variant, _, _, _, claimer, _),) = shop.ledger("claim")
    ((used_variant, order_id, discount, rest, redeemer, _),) = shop.ledger("redemption")
    assert (used_variant, order_id, discount) == (variant, "o-1", 500)
    assert json.loads(rest) == {"claimed_by": claimer, "code": 1}
    assert redeemer not in {None, claimer}


def test_a_code_with_three_uses_gives_three_and_a_reusable_one_any_number(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(uses_per_customer=3)))
    given = shop.claim()
    statuses = [shop.redeem(given, f"o-{n}").status_code for n in range(5)]
    assert statuses == [200, 200, 200, 409, 409]
    other = open_shop(service, offer(code=code(uses_per_customer=None)), key="reusable")
    given = other.claim()
    assert {other.redeem(given, f"r-{n}").status_code for n in range(8)} == {200}


def test_of_a_shared_code_each_customer_has_so_many_uses_and_all_together_so_many(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(issue="shared", uses_per_customer=1, uses_total=3)))
    given = shop.claim("v-1")
    assert shop.redeem(given, "o-1", "v-1").status_code == 200
    assert refusal(shop.redeem(given, "o-2", "v-1")) == (409, "spent")
    assert [shop.redeem(given, f"o-{n}", f"v-{n}").status_code for n in (3, 4, 5)] == [200, 200, 409]


def test_one_person_on_two_devices_is_one_customer(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(issue="shared", uses_per_customer=1)))
    given = shop.claim("v-1")
    shop.send(event("identify", visitor_id="v-1", customer_id="anna", occurred_at=NOW))
    service.services.snapshots.follow()
    assert shop.redeem(given, "o-1", "v-1").status_code == 200
    assert refusal(shop.redeem(given, "o-2", "v-2", customer_id="anna")) == (409, "spent")


@pytest.mark.parametrize("change", [str.lower, lambda text: f" {text[:4]}-{text[4:8]} {text[8:]} "])
def test_a_code_is_read_forgivingly(service: InProcess, change: "type[str]") -> None:
    shop = open_shop(service)
    assert shop.redeem(change(shop.claim())).status_code == 200


@pytest.mark.parametrize("typed", ["ABCDEFGHJKLM", "-", "x" * 200, "код", "🎁"])
def test_what_is_no_code_is_unknown(service: InProcess, typed: str) -> None:
    shop = open_shop(service)
    for door in ("validate", "reserve", "redeem", "rollback"):
        assert refusal(shop.post(door, code=typed, visitor_id="v-1", order_id="o")) == (404, "unknown")


def test_a_bound_code_is_its_owners_alone_and_an_unbound_one_anybodys(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(bound=True)))
    given = shop.claim("v-1")
    assert refusal(shop.redeem(given, "o-1", "v-2")) == (403, "not_yours")
    assert shop.redeem(given, "o-1", "v-1").status_code == 200
    back = {"code": given, "order_id": "o-1"}
    assert refusal(shop.post("rollback", **back, visitor_id="v-2")) == (403, "not_yours")
    assert refusal(shop.redeem(given, "o-2", "v-1")) == (409, "spent")
    assert shop.post("rollback", **back, visitor_id="v-1").status_code == 200
    assert shop.redeem(given, "o-2", "v-1").status_code == 200


def test_a_code_ends_after_its_days_and_with_the_offer(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(valid_days=7, uses_per_customer=None)))
    given = shop.claim()
    service.clock.advance(7 * DAY - 1)
    assert shop.redeem(given, "o-1").status_code == 200
    service.clock.advance(1)
    assert refusal(shop.redeem(given, "o-2")) == (410, "expired")
    assert refusal(shop.post("validate", code=given, visitor_id="v-1")) == (410, "expired")
    assert shop.redeem(given, "o-1").status_code == 200


def test_an_offer_that_has_not_begun_or_a_small_basket_is_not_applicable(service: InProcess) -> None:
    shop = open_shop(service)
    given = shop.claim()
    small = CART | {"lines": [{"sku": "tea", "quantity": 1, "price_minor": 999}]}
    answer = shop.post("redeem", code=given, visitor_id="v-1", order_id="o-1", cart=small)
    assert refusal(answer) == (422, "not_applicable")
    assert answer.json()["reason"] == "below_min_order"
    foreign = shop.post("validate", code=given, visitor_id="v-1", cart=CART | {"currency": "USD"})
    assert foreign.json()["reason"] == "currency"
    assert shop.redeem(given, discount_minor=501).json()["reason"] == "over_max_discount"
    exact = CART | {"lines": [{"sku": "tea", "quantity": 1, "price_minor": 1000}]}
    done = shop.post("redeem", code=given, visitor_id="v-1", order_id="o-1", cart=exact)
    assert done.json()["discount_minor"] == 500


def test_a_reservation_keeps_the_use_until_it_is_redeemed_rolled_back_or_over(service: InProcess) -> None:
    shop = open_shop(service)
    given = shop.claim()
    body = {"code": given, "visitor_id": "v-1"}
    first = shop.post("reserve", **body, order_id="o-1", ttl_seconds=600)
    assert first.json()["reserved_until"] == "2026-05-28T20:36:40Z"
    assert shop.post("reserve", **body, order_id="o-1").content == first.content
    assert refusal(shop.redeem(given, "o-2")) == (409, "reserved")
    assert refusal(shop.post("validate", **body)) == (409, "reserved")
    shop.post("rollback", **body, order_id="o-1")
    assert shop.post("validate", **body).json()["status"] == "valid"
    shop.post("reserve", **body, order_id="o-2", ttl_seconds=600)
    service.clock.advance(600)
    assert shop.redeem(given, "o-3").json()["status"] == "redeemed"
    assert refusal(shop.redeem(given, "o-2")) == (409, "spent")
    assert shop.ledger("reversal") == []


def test_a_reservation_is_redeemed_by_its_order_also_after_the_codes_end(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(valid_days=1)))
    given = shop.claim()
    service.clock.advance(DAY - MINUTE)
    shop.post("reserve", code=given, visitor_id="v-1", order_id="o-1", ttl_seconds=600)
    service.clock.advance(2 * MINUTE)
    assert shop.redeem(given, "o-1").json()["status"] == "redeemed"


@pytest.mark.parametrize(("days", "after_claim", "lives"), [(7, 2, 2), (2, 7, 2), (None, 3, 3)])
def test_of_two_lives_of_a_code_the_shorter_counts(
    service: InProcess, days: int | None, after_claim: int, lives: int
) -> None:
    validity = {"days": after_claim, "days_after": "claim"}
    shop = open_shop(service, offer(code=code(valid_days=days), validity=validity))
    given = shop.claim()
    service.clock.advance(lives * DAY - 1)
    assert shop.post("validate", code=given, visitor_id="v-1").status_code == 200
    service.clock.advance(1)
    assert refusal(shop.redeem(given, "o-1")) == (410, "expired")


@pytest.mark.parametrize("terms", [{}, {"uses_per_customer": None}])
def test_the_order_whose_reservation_ran_out_may_still_redeem(
    service: InProcess, terms: dict[str, Any]
) -> None:
    shop = open_shop(service, offer(code=code(**terms)))
    given = shop.claim()
    shop.post("reserve", code=given, visitor_id="v-1", order_id="o-1", ttl_seconds=600)
    service.clock.advance(600)
    assert shop.redeem(given, "o-1").json()["status"] == "redeemed"
    assert shop.redeem(given, "o-1").json()["status"] == "redeemed"
    assert len(shop.ledger("redemption")) == 1


def test_a_rollback_gives_the_use_back_once_and_is_on_the_books(service: InProcess) -> None:
    shop = open_shop(service)
    given = shop.claim()
    shop.redeem(given, "o-1")
    body = {"code": given, "visitor_id": "v-1", "order_id": "o-1"}
    answers = [shop.post("rollback", **body) for _ in range(3)]
    assert len({answer.content for answer in answers}) == 1
    assert [row[:3] for row in shop.ledger("reversal")] == [row[:3] for row in shop.ledger("redemption")]
    assert shop.redeem(given, "o-2").status_code == 200
    assert refusal(shop.redeem(given, "o-3")) == (409, "spent")


def _ordered(shop_order: str) -> dict[str, object]:
    money = {"items_minor": 2000, "discount_minor": 500}
    return order(shop_order, occurred_at=NOW, **money)


def test_a_cancelled_order_gives_the_use_back_and_a_partial_refund_keeps_it(service: InProcess) -> None:
    shop = open_shop(service)
    given = shop.claim()
    shop.redeem(given, "o-1")
    shop.send(_ordered("o-1"), refund("r-1", "o-1", amount_minor=700, occurred_at=NOW))
    assert refusal(shop.redeem(given, "o-2")) == (409, "spent")
    shop.send(refund("r-2", "o-1", amount_minor=800, occurred_at=NOW))
    assert shop.redeem(given, "o-2").status_code == 200
    shop.send(event("order_cancelled", order_id="o-2", occurred_at=NOW))
    shop.send(event("order_cancelled", order_id="o-2", occurred_at=NOW))
    assert shop.redeem(given, "o-3").status_code == 200
    assert [row[1] for row in shop.ledger("reversal")] == ["o-1", "o-2"]
    assert refusal(shop.redeem(given, "o-4")) == (409, "spent")


def test_whether_a_cancelled_order_gives_the_use_back_is_a_rule_of_the_offer(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(give_back=False)))
    given = shop.claim()
    shop.redeem(given, "o-1")
    shop.send(event("order_cancelled", order_id="o-1", occurred_at=NOW))
    assert refusal(shop.redeem(given, "o-2")) == (409, "spent")
    assert shop.ledger("reversal") == []


def test_the_clock_of_the_tests_is_what_the_answers_are_written_by() -> None:
    assert NOW_US == 1_780_000_000_000_000


def test_a_worker_that_has_not_heard_of_the_experiment_yet_reads_its_terms_where_the_code_is(
    service: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(service)
    given = shop.claim()
    monkeypatch.setattr(service.services.codes, "_snapshots", SimpleNamespace(current=EMPTY))
    assert shop.redeem(given, "o-1").json()["discount_minor"] == 500
    assert refusal(shop.redeem(given, "o-2")) == (409, "spent")
    assert shop.post("rollback", code=given, order_id="o-1", visitor_id="v-1").status_code == 200
    assert shop.redeem(given, "o-2").status_code == 200
    shop.send(order("o-2", visitor_id="v-1"), event("order_cancelled", visitor_id=None, order_id="o-2"))
    assert [row[1] for row in shop.ledger("reversal")] == ["o-1", "o-2"]
