"""Earlier orders at the till: claims and redemptions. Oracle: dates and sums by hand beside each case."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.codes import code, refusal
from tests.support.inprocess import InProcess, on_each_database
from tests.support.past import CART, Past


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with on_each_database(request, tmp_path_factory.mktemp("history")) as running:
        yield running


def test_a_redemption_is_worth_what_the_quote_said_of_the_ledger_s_orders(service: InProcess) -> None:
    shop = Past(service, "stamps", code=code())
    person = {"visitor_id": shop.me, "attributes": {"shop": shop.number}}
    shop.go_to(5)
    given = shop.post("claim", experiment=shop.keys["stamps"], **person).json()["code"]
    cart = {"cart": CART, "order_id": f"third-{shop.number}", "code": given, **person}
    early = shop.post("redeem", **cart)
    assert (refusal(early), early.json()["reason"]) == ((422, "not_applicable"), "stamps_missing")
    shop.send(*(shop.order(n, f"o{n}", visitor_id=person["visitor_id"]) for n in (1, 2)))
    quoted = shop.quote(codes=[given])
    shop.send(shop.order(4.9, "third", 2200, visitor_id=person["visitor_id"]))  # no earlier one
    used = shop.post("redeem", **cart)
    assert (used.status_code, used.json()["discount_minor"]) == (200, quoted["discount_minor"])
    assert quoted["discount_minor"] == 2200


def test_a_code_claimed_after_an_order_ends_so_many_days_after_the_order(service: InProcess) -> None:
    shop = Past(service, "after", code=code())
    person = {"visitor_id": shop.me, "attributes": {"shop": shop.number}}
    shop.go_to(3)
    shop.send(shop.order(-0.5, "before", visitor_id=person["visitor_id"]))  # of before the start
    without = shop.post("claim", experiment=shop.keys["after"], **person)
    assert refusal(without) == (409, "no_order")
    shop.send(
        shop.order(1, "one", visitor_id=person["visitor_id"]),
        shop.order(2, "two", visitor_id=person["visitor_id"], paid=False),
    )
    given = shop.post("claim", experiment=shop.keys["after"], **person).json()
    assert given["valid_until"] == shop.event("x", 6)["occurred_at"]
    shop.go_to(5.99)
    assert shop.post("validate", code=given["code"], visitor_id=person["visitor_id"]).status_code == 200
    shop.go_to(6)
    late = shop.post("validate", code=given["code"], visitor_id=person["visitor_id"])
    assert refusal(late) == (410, "expired")


def test_a_shared_code_that_was_not_claimed_asks_for_the_order_of_whoever_brings_it(
    service: InProcess,
) -> None:
    shop = Past(service, "after", code=code(issue="shared"))
    people = {name: f"{name}-{shop.number}" for name in ("claims", "buys", "strolls")}
    attributes = {"shop": shop.number}
    shop.go_to(3)
    shop.send(
        shop.order(2, "one", visitor_id=people["claims"]), shop.order(1, "two", visitor_id=people["buys"])
    )
    claim = {"experiment": shop.keys["after"], "visitor_id": people["claims"], "attributes": attributes}
    given = shop.post("claim", **claim).json()["code"]

    def said() -> dict[str, tuple[int, str]]:
        answers = {
            name: shop.post("validate", code=given, visitor_id=one, attributes=attributes)
            for name, one in people.items()
        }
        return {
            name: (answer.status_code, answer.json().get("reason") or answer.json().get("code", "good"))
            for name, answer in answers.items()
        }

    good, none, over = (200, "good"), (422, "no_order"), (410, "expired")
    assert said() == {"claims": good, "buys": good, "strolls": none}
    shop.go_to(6)
    assert said() == {"claims": good, "buys": over, "strolls": none}
    shop.go_to(7)
    assert said() == {"claims": over, "buys": over, "strolls": none}
    assert shop.applied("after", visitor_id=people["strolls"], codes=[given]) == "no_order"


@pytest.mark.parametrize(("days", "end"), [(1, 8), (None, 9.5)])
def test_a_code_for_the_next_order_ends_by_the_last_one_or_where_none_is_known_by_the_claim(
    service: InProcess, days: float | None, end: float
) -> None:
    shop = Past(service, "next", code=code())
    person = {"visitor_id": shop.me, "attributes": {"shop": shop.number}}
    shop.go_to(2.5)
    if days is not None:
        shop.send(shop.order(days, "one", visitor_id=person["visitor_id"]))
    given = shop.post("claim", experiment=shop.keys["next"], **person).json()
    assert given["valid_until"] == shop.event("x", end)["occurred_at"]


def test_a_code_speaks_for_its_order_only_where_the_ledger_knows_none(service: InProcess) -> None:
    shop = Past(service, "next", "spend", code=code())
    people = {name: f"{name}-{shop.number}" for name in ("new", "late", "small", "good")}
    shop.go_to(1)
    shop.send(
        shop.order(0.5, "late", visitor_id=people["late"]),
        shop.order(0.6, "small", 1199, visitor_id=people["small"]),
        shop.order(0.7, "good", 1200, visitor_id=people["good"]),
    )
    shop.go_to(8)

    def used(name: str, who: str) -> tuple[int, Any]:
        person = {"visitor_id": people[who], "attributes": {"shop": shop.number}}
        given = shop.post("claim", experiment=shop.keys[name], **person).json()["code"]
        quoted = shop.applied(name, visitor_id=people[who], codes=[given])
        answer = shop.post("redeem", code=given, cart=CART, order_id=f"{name}-{who}-{shop.number}", **person)
        body = answer.json()
        minor = body.get("discount_minor")
        assert quoted == (minor if answer.status_code == 200 else body.get("reason", body["code"]))
        return answer.status_code, minor if minor is not None else quoted

    assert used("next", "new") == (200, 330)  # 15 % of 22.00
    assert used("next", "late") == (410, "expired")
    assert used("spend", "new") == (200, 300)
    assert used("spend", "small") == (422, "no_order")
    assert used("spend", "good") == (200, 300)
