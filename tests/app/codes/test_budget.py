"""Budgets: held at a claim, spent at a redemption, and the freeze of all arms. Oracle: sums by hand."""

from typing import Any

import httpx
import pytest

from tests.support.codes import Shop, code, offer, open_shop, refusal
from tests.support.inprocess import InProcess
from tests.support.ledger import query

DAY = 86_400


def _budgets(shop: Shop) -> list[tuple[Any, ...]]:
    columns = "variant, money_spent, money_held, uses_spent, uses_held"
    return query(shop.service.services.database, f"SELECT {columns} FROM code_budgets ORDER BY variant")  # noqa: S608 - a test's own words


def test_money_is_held_at_the_claim_and_spent_at_the_redemption(service: InProcess) -> None:
    shop = open_shop(service, budget={"money_minor": 5000, "uses": None})
    given = shop.claim("v-1")
    assert _budgets(shop) == [("", 0, 500, 0, 1)]
    shop.redeem(given, "o-1", discount_minor=300)
    assert _budgets(shop) == [("", 300, 0, 1, 0)]
    shop.post("rollback", code=given, visitor_id="v-1", order_id="o-1")
    assert _budgets(shop) == [("", 0, 500, 0, 1)]
    shop.post("reserve", code=given, visitor_id="v-1", order_id="o-2", ttl_seconds=60)
    assert _budgets(shop) == [("", 0, 500, 0, 1)]


@pytest.mark.parametrize("budget", [{"money_minor": 2000, "uses": None}, {"money_minor": None, "uses": 4}])
def test_when_the_cap_is_reached_all_arms_freeze_in_one_version_and_issued_codes_are_honoured(
    service: InProcess, budget: dict[str, int | None]
) -> None:
    shop = open_shop(service, budget=budget)
    given = [shop.claim(f"v-{n}") for n in range(3)]
    assert shop.status() == "running"
    before = service.services.snapshots.current.config_version
    given.append(shop.claim("v-3"))
    shown = service.call("GET", "/api/v1/experiments/codes").json()
    assert shown["status"] == "frozen"
    entry = shown["timeline"][-1]
    assert (entry["action"], entry["reason"], entry["actor"]) == ("freeze", "budget", "budget")
    assert entry["at"] == shown["frozen_at"]
    assert service.services.snapshots.current.config_version == before + 1
    reasons = {service.assign(visitor_id=f"new-{n}").json()["assignments"][0]["reason"] for n in range(20)}
    assert reasons == {"FROZEN"}
    assert refusal(shop.post("claim", experiment="codes", visitor_id="v-9")) == (409, "budget")
    assert [shop.redeem(text, f"o-{n}", f"v-{n}").status_code for n, text in enumerate(given)] == [200] * 4
    assert _budgets(shop) == [("", 2000, 0, 4, 0)]
    assert service.call("GET", "/api/v1/audit/verify", kind="adm").json()["ok"] is True


def test_the_budget_of_one_offer_freezes_the_other_arm_as_well(service: InProcess) -> None:
    shop = open_shop(service, offer(budget={"money_minor": 500, "uses": None}))
    shop.claim("v-1")
    assert shop.status() == "frozen"
    (only,) = _budgets(shop)
    assert only[1:] == (0, 500, 0, 1)


def test_a_claim_that_is_over_frees_what_was_held_for_it_before_the_experiment_is_frozen(
    service: InProcess,
) -> None:
    terms = offer(code=code(valid_days=1))
    shop = open_shop(service, terms, budget={"money_minor": 1500, "uses": None})
    shop.claim("v-1")
    service.clock.advance(DAY)
    shop.claim("v-2")
    shop.claim("v-3")
    assert shop.status() == "running"
    shop.claim("v-4")
    assert shop.status() == "frozen"
    assert {sum(row[1:3]) for row in _budgets(shop)} == {1500}


def test_an_offer_without_a_bound_is_charged_at_the_redemption_and_never_over_the_cap(
    service: InProcess,
) -> None:
    terms = {"kind": "percent_off", "percent": 10, "currency": "RUB", "code": code(uses_per_customer=None)}
    shop = open_shop(service, terms, budget={"money_minor": 1000, "uses": None})
    given = shop.claim("v-1")
    answers = [shop.redeem(given, f"o-{n}", discount_minor=400) for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert refusal(answers[2]) == (409, "budget")
    assert _budgets(shop)[0][1] == 800
    assert shop.status() == "frozen"
    assert shop.redeem(given, "o-9", discount_minor=200).status_code == 200
    assert refusal(shop.redeem(given, "o-10", discount_minor=1)) == (409, "budget")


def test_a_reservation_holds_its_own_sum_and_what_a_claim_was_promised_stays_promised(
    service: InProcess,
) -> None:
    reusable = offer(code=code(uses_per_customer=None))  # at most 5.00 a use
    shop = open_shop(service, reusable, budget={"money_minor": 700, "uses": None})
    given = shop.claim("v-1")

    def reserve(order_id: str, minor: int) -> httpx.Response:
        body = {"code": given, "visitor_id": "v-1", "order_id": order_id, "discount_minor": minor}
        return shop.post("reserve", **body)

    assert reserve("o-1", 100).status_code == 200
    assert reserve("o-2", 150).status_code == 200
    assert refusal(reserve("o-3", 51)) == (409, "budget")
    assert reserve("o-4", 50).status_code == 200
    assert shop.redeem(given, "o-1", discount_minor=500).status_code == 200  # its basket grew
    assert refusal(shop.redeem(given, "o-2", discount_minor=151)) == (409, "budget")
    assert [shop.redeem(given, name).status_code for name in ("o-2", "o-4")] == [409, 409]
    spent = [shop.post("redeem", code=given, visitor_id="v-1", order_id=name) for name in ("o-2", "o-4")]
    assert [one.json()["discount_minor"] for one in spent] == [150, 50]
    assert _budgets(shop)[0][1] == 700


def test_a_budget_too_small_for_one_use_freezes_at_the_first_claim(service: InProcess) -> None:
    shop = open_shop(service, budget={"money_minor": 499, "uses": None})
    assert refusal(shop.post("claim", experiment="codes", visitor_id="v-1")) == (409, "budget")
    assert shop.status() == "frozen"


def test_results_say_that_a_budget_cut_the_entry_and_only_from_then_on(service: InProcess) -> None:
    shop = open_shop(service, budget={"money_minor": 500, "uses": None})
    service.clock.advance(60)
    shop.claim("v-1")
    service.clock.advance(60)
    found = {}
    for as_of in ("2026-05-28T20:27:00Z", "2026-05-28T20:28:00Z"):
        answer = service.call("GET", f"/api/v1/experiments/codes/results?as_of={as_of}")
        checks = answer.json()["trust"]["checks"]
        found[as_of] = [check["status"] for check in checks if check["key"] == "budget_cut"]
    assert list(found.values()) == [[], ["ok"]]


def test_a_gift_costs_the_budget_what_it_costs_and_is_no_discount(service: InProcess) -> None:
    terms = {"kind": "gift", "product": "cup", "cost_minor": 700, "currency": "RUB", "code": code()}
    shop = open_shop(service, terms, budget={"money_minor": 2000, "uses": None})
    given = shop.claim("v-1")
    assert _budgets(shop) == [("", 0, 700, 0, 1)]
    cart = {"currency": "RUB", "lines": [{"sku": "tea", "quantity": 1, "price_minor": 5000}]}
    answer = shop.redeem(given, "o-1", discount_minor=None, cart=cart)
    assert answer.json()["discount_minor"] == 0
    assert _budgets(shop) == [("", 700, 0, 1, 0)]
    shop.post("rollback", code=given, visitor_id="v-1", order_id="o-1")
    assert _budgets(shop) == [("", 0, 700, 0, 1)]
