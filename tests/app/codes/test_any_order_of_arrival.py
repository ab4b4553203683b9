"""Uses of codes and the budget end alike in whatever order an order's events and its redemption arrive."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.codes import giving_back, using
from tests.support.codes import Shop, code, offer, open_shop
from tests.support.inprocess import InProcess
from tests.support.ledger import event, order, refund

DISCOUNT, PROMISED = 300, 500
_numbers = itertools.count()
HAPPENINGS = ("order", "grown", "shrunk", "half", "rest", "cancelled", "redeemed")


def at(minute: int) -> str:
    return f"2026-05-28T12:{minute:02}:00Z"


def tell(shop: Shop, what: str, number: int, typed: str) -> None:
    """One happening of an order of 20.00, of which 15.00 were paid."""
    name, money = f"o-{number}", {"items_minor": 2000, "discount_minor": 500}
    told: dict[str, dict[str, Any]] = {
        "order": order(name, occurred_at=at(1), **money),
        "grown": {**order(name, occurred_at=at(2), items_minor=3000, discount_minor=500)}
        | {"type": "order_updated"},
        "shrunk": {**order(name, occurred_at=at(3), items_minor=1500, discount_minor=500)}
        | {"type": "order_updated"},
        "half": refund(f"r-{number}", name, amount_minor=700, occurred_at=at(4)),
        "rest": refund(f"s-{number}", name, amount_minor=800, occurred_at=at(5)),
        "cancelled": event("order_cancelled", order_id=name, occurred_at=at(6)),
    }
    if what == "redeemed":
        first = shop.redeem(typed, name, f"v-{number}", discount_minor=DISCOUNT)
        again = shop.redeem(typed, name, f"v-{number}", discount_minor=DISCOUNT)
        assert first.status_code == 200, first.text
        assert (first.content, again.status_code) == (again.content, 200)
    else:
        shop.send(told[what] | {"event_id": f"{what}-{number}"})


def is_taken(happened: set[str]) -> bool:
    """The oracle: something of the order is left, judged by its newest state."""
    paid = next(
        (paid for name, paid in (("shrunk", 1000), ("grown", 2500), ("order", 1500)) if name in happened),
        None,
    )
    refunded = [amount for name, amount in (("half", 700), ("rest", 800)) if name in happened]
    is_refunded = paid is not None and bool(refunded) and sum(refunded) >= paid
    return "redeemed" in happened and "cancelled" not in happened and not is_refunded


def state(shop: Shop) -> tuple[int, ...]:
    connection = shop.service.services.database.raw_connection()
    try:
        taken = connection.execute("SELECT count(*) FROM code_uses WHERE state = 'redeemed'").fetchone()[0]
        left = connection.execute("SELECT sum(uses_left) FROM codes").fetchone()[0]
        columns = "money_spent, money_held, uses_spent, uses_held"
        return taken, int(left), *connection.execute(f"SELECT {columns} FROM code_budgets").fetchone()  # noqa: S608 - names of columns
    finally:
        connection.close()


def _arrivals(found: set[str]) -> st.SearchStrategy[list[str]]:
    """An order with some further happenings, in any order of arrival."""
    return st.permutations(sorted({"order", "redeemed", *found}))


def check_orders_of_arrival(service: InProcess, examples: int) -> None:
    shop = open_shop(service, offer(code=code(uses_per_customer=1)), budget={"money_minor": 10**9})
    taken_before = claimed = 0

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.sets(st.sampled_from(HAPPENINGS), max_size=4).flatmap(_arrivals))
    def end_alike(happenings: list[str]) -> None:
        nonlocal taken_before, claimed
        number = next(_numbers)
        typed = shop.claim(f"v-{number}")
        claimed += 1
        for what in happenings:
            tell(shop, what, number, typed)
        taken = taken_before + is_taken(set(happenings))
        held = claimed - taken
        expected = (taken, held, taken * DISCOUNT, held * PROMISED, taken, held)
        found = state(shop)
        taken_before = found[0]
        assert found == expected, happenings

    end_alike()


def test_uses_and_budget_end_alike_in_every_order_of_arrival(service: InProcess) -> None:
    check_orders_of_arrival(service, 60)


@pytest.mark.parametrize("bug", ["orders_are_not_heard", "redemptions_do_not_look_back"])
def test_the_property_sees_a_build_that_listens_to_cancellations_only(
    service: InProcess, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    """Planted: uses are given back only by the event that ends an order which is already redeemed."""
    if bug == "orders_are_not_heard":
        monkeypatch.setattr(giving_back, "_TELLING", frozenset({"order_cancelled", "refund"}))
    else:
        monkeypatch.setattr(using, "settle", lambda *_: None)
    with pytest.raises(AssertionError):
        check_orders_of_arrival(service, 60)


def test_a_refund_before_its_order_gives_the_use_back_when_the_order_arrives(service: InProcess) -> None:
    shop = open_shop(service)
    typed = shop.claim()
    shop.redeem(typed, "o-1")
    shop.send(refund("r-1", "o-1", amount_minor=1500, occurred_at=at(2)))
    assert shop.ledger("reversal") == []
    shop.send(order("o-1", items_minor=2000, discount_minor=500, occurred_at=at(1)))
    assert [row[1] for row in shop.ledger("reversal")] == ["o-1"]
    assert shop.redeem(typed, "o-2").status_code == 200


def test_a_redemption_after_its_cancellation_is_answered_alike_and_leaves_the_use(service: InProcess) -> None:
    shop = open_shop(service)
    typed = shop.claim()
    shop.send(event("order_cancelled", order_id="o-1", occurred_at=at(1)))
    answers = [shop.redeem(typed, "o-1") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert [len(shop.ledger(kind)) for kind in ("redemption", "reversal")] == [1, 1]
    assert shop.redeem(typed, "o-2").status_code == 200


def test_a_use_that_somebody_else_has_taken_meanwhile_is_not_taken_again(service: InProcess) -> None:
    shop = open_shop(service)
    typed = shop.claim()
    shop.redeem(typed, "o-1")
    shop.send(order("o-1", items_minor=2000, discount_minor=500, occurred_at=at(1)))
    shop.send(refund("r-1", "o-1", amount_minor=1500, occurred_at=at(3)))
    assert shop.redeem(typed, "o-2").status_code == 200
    grown = order("o-1", items_minor=3000, discount_minor=500, occurred_at=at(2))
    shop.send(grown | {"type": "order_updated", "event_id": "late"})
    assert len(shop.ledger("redemption")) == 2


def test_what_the_shop_rolled_back_itself_stays_rolled_back(service: InProcess) -> None:
    shop = open_shop(service)
    typed = shop.claim()
    shop.redeem(typed, "o-1")
    shop.send(order("o-1", items_minor=2000, discount_minor=500, occurred_at=at(1)))
    shop.send(refund("r-1", "o-1", amount_minor=1500, occurred_at=at(3)))
    shop.post("rollback", code=typed, visitor_id="v-1", order_id="o-1")
    grown = order("o-1", items_minor=3000, discount_minor=500, occurred_at=at(2))
    shop.send(grown | {"type": "order_updated", "event_id": "late"})
    assert [len(shop.ledger(kind)) for kind in ("redemption", "reversal")] == [1, 1]


def test_a_reversal_is_dated_by_what_ended_the_order_whenever_that_arrives(service: InProcess) -> None:
    shop = open_shop(service)
    for number, is_cancelled_first in ((1, False), (2, True)):
        typed, name = shop.claim(f"v-{number}"), f"o-{number}"
        ended = event("order_cancelled", order_id=name, occurred_at=at(7))
        service.clock.advance(60)
        if is_cancelled_first:
            shop.send(ended)
        shop.redeem(typed, name, f"v-{number}")
        service.clock.advance(60)
        if not is_cancelled_first:
            shop.send(ended)
    rows = service.services.database.raw_connection()
    dated = rows.execute("SELECT occurred_at_us FROM events WHERE type = 'reversal'").fetchall()
    rows.close()
    assert [moment for (moment,) in dated] == [1_779_969_600_000_000 + 7 * 60_000_000] * 2
