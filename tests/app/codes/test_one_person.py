"""One person on several devices: who may use a bound code, how often a shared one. Oracle: docs/identity.md.

No replica follows the ledger in these tests: what counts is what the ledger holds when the code is used.
"""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alembic import command
from app.codes import person
from app.database import alembic_config
from app.identity.resolve import Link, resolve
from app.ledger.links import customer_of, visitors_of
from tests.support.codes import Shop, code, offer, open_shop, refusal
from tests.support.inprocess import InProcess
from tests.support.ledger import event, query

HOUR = 3_600


def login(shop: Shop, visitor: str, customer: str, hour: int = 10) -> None:
    """An `identify` event of the shop's server."""
    when = f"2026-05-28T{hour:02}:00:00Z"
    shop.send(event("identify", visitor_id=visitor, customer_id=customer, occurred_at=when))


def bound(service: InProcess, **policy: Any) -> Shop:
    """A shop with bound codes."""
    return open_shop(service, offer(code=code(bound=True, uses_per_customer=None, **policy)))


def test_a_code_claimed_as_a_visitor_is_good_for_the_customer_after_the_login(service: InProcess) -> None:
    shop = bound(service)
    given = shop.claim("v-1")
    assert refusal(shop.redeem(given, "o-0", None, customer_id="anna")) == (403, "not_yours")
    login(shop, "v-1", "anna")
    assert shop.redeem(given, "o-1", None, customer_id="anna").status_code == 200
    assert refusal(shop.redeem(given, "o-2", None, customer_id="bob")) == (403, "not_yours")


def test_a_login_before_the_claim_does_as_well_and_so_does_a_second_device(service: InProcess) -> None:
    shop = bound(service)
    login(shop, "v-1", "anna")
    given = shop.claim("v-1")
    assert shop.redeem(given, "o-1", None, customer_id="anna").status_code == 200
    assert refusal(shop.redeem(given, "o-2", "v-2")) == (403, "not_yours")
    login(shop, "v-2", "anna")
    assert shop.redeem(given, "o-3", "v-2").status_code == 200
    login(shop, "v-3", "bob")
    assert refusal(shop.redeem(given, "o-4", "v-3")) == (403, "not_yours")


def test_a_login_that_both_ids_of_an_order_or_a_redemption_tell_counts(service: InProcess) -> None:
    shop = bound(service)
    given = shop.claim("v-1")
    assert shop.redeem(given, "o-1", "v-1", customer_id="anna").status_code == 200
    assert shop.redeem(given, "o-2", None, customer_id="anna").status_code == 200


def test_a_code_claimed_as_a_customer_is_good_on_the_devices_of_that_customer(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(bound=True, uses_per_customer=None)), unit="customer")
    answer = shop.post("claim", experiment="codes", customer_id="anna").json()
    assert refusal(shop.redeem(answer["code"], "o-1", "v-1")) == (403, "not_yours")
    login(shop, "v-1", "anna")
    assert shop.redeem(answer["code"], "o-2", "v-1").status_code == 200


def test_a_later_login_of_somebody_else_on_the_device_does_not_take_the_code(
    service: InProcess,
) -> None:
    shop = bound(service)
    given = shop.claim("v-1")
    login(shop, "v-1", "anna", 10)
    login(shop, "v-1", "eve", 11)
    for who in ({"visitor_id": None, "customer_id": "eve"}, {"visitor_id": "v-1", "customer_id": "eve"}):
        assert refusal(shop.redeem(given, "o-1", **who)) == (403, "not_yours")
    assert shop.redeem(given, "o-2", None, customer_id="anna").status_code == 200


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order)))
def test_whatever_login_arrives_first_the_earliest_counts(service: InProcess, order: tuple[int, ...]) -> None:
    shop = bound(service)
    given = shop.claim("v-1")
    logins = [("v-1", "anna", 8), ("v-1", "eve", 9), ("v-2", "anna", 10)]
    for place in order:
        login(shop, *logins[place])
    assert refusal(shop.redeem(given, "o-1", None, customer_id="eve")) == (403, "not_yours")
    assert shop.redeem(given, "o-2", "v-2").status_code == 200


def test_a_browser_links_nobody(service: InProcess) -> None:
    shop = bound(service)
    given = shop.claim("v-1")
    forged = event(
        "custom", name="n", visitor_id="v-1", customer_id="eve", occurred_at="2026-05-28T10:00:00Z"
    )
    service.call("POST", "/api/v1/events", {"events": [forged]}, "pub")
    assert refusal(shop.redeem(given, "o-1", None, customer_id="eve")) == (403, "not_yours")


def test_a_shared_bound_code_is_for_whoever_claimed_it_on_any_device(service: InProcess) -> None:
    shop = bound(service, issue="shared")
    given = shop.claim("v-1")
    assert refusal(shop.redeem(given, "o-1", "v-2")) == (403, "not_yours")
    login(shop, "v-1", "anna", 9)
    login(shop, "v-2", "anna", 8)  # it stands for her now
    service.services.snapshots.follow()
    assert shop.redeem(given, "o-2", "v-2").status_code == 200
    assert shop.redeem(given, "o-3", None, customer_id="anna").status_code == 200


def test_a_use_before_the_login_counts_for_the_person_afterwards(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(issue="shared", uses_per_customer=1)))
    given = shop.claim("v-1")
    assert shop.redeem(given, "o-1", "v-1").status_code == 200
    login(shop, "v-1", "anna", 9)
    login(shop, "v-2", "anna", 8)
    for who in ({"visitor_id": "v-2"}, {"visitor_id": None, "customer_id": "anna"}, {"visitor_id": "v-1"}):
        assert refusal(shop.redeem(given, "o-2", **who)) == (409, "spent")
    assert refusal(shop.post("validate", code=given, customer_id="anna")) == (409, "spent")
    assert shop.redeem(given, "o-3", "v-1", customer_id="eve").status_code == 200
    assert refusal(shop.redeem(given, "o-4", "v-1", customer_id="eve")) == (409, "spent")


def test_these_tests_catch_a_build_that_asks_nobody_but_the_request(
    service: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person, "customer_of", lambda *_: None)
    monkeypatch.setattr(person, "visitors_of", lambda *_: [])
    shop = bound(service)
    given = shop.claim("v-1")
    login(shop, "v-1", "anna")
    assert refusal(shop.redeem(given, "o-1", None, customer_id="anna")) == (403, "not_yours")


logins = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(1, 4)), min_size=1, max_size=8
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=logins)
def test_links_in_the_transaction_follow_the_rule_of_identity(
    service: InProcess, found: list[tuple[str, str, int]]
) -> None:
    shop = Shop(service)
    round_of = len(query(service.services.database, "SELECT 1 FROM links"))
    people = [(f"{round_of}-{visitor}", f"{round_of}-{customer}", hour) for visitor, customer, hour in found]
    for visitor, customer, hour in people:
        login(shop, visitor, customer, hour)
    database = service.services.database
    numbers = dict(query(database, "SELECT id, number FROM identifiers"))
    rows = query(database, "SELECT visitor, customer, occurred_at_us, event_id FROM events")
    rule = resolve([Link(*row) for row in rows], "customer").unit_of
    told: list[Any] = []

    class Ask:
        size = 1

        def identifiers(self) -> list[Any]:
            return []

        def run(self, transaction: Any) -> None:
            told.extend(
                (one, customer_of(transaction, numbers[one]))
                for one in sorted({visitor for visitor, _, _ in people})
            )
            told.extend(
                (one, sorted(visitors_of(transaction, numbers[one])))
                for one in sorted({customer for _, customer, _ in people})
            )

    service.runner.run(service.services.ledger.do(Ask()))
    for name, answer in told:
        if isinstance(answer, list):
            assert answer == sorted(visitor for visitor, owner in rule.items() if owner == numbers[name])
        else:
            assert answer == rule[numbers[name]]


def test_links_of_an_older_ledger_are_found_by_the_migration(service: InProcess) -> None:
    shop = bound(service)
    for visitor, customer, hour in (
        ("v-1", "anna", 9),
        ("v-1", "eve", 8),
        ("v-1", "anna", 7),
        ("v-2", "eve", 9),
    ):
        login(shop, visitor, customer, hour)
    database = service.services.database
    statement = "SELECT visitor, customer, occurred_at_us, seq FROM links ORDER BY visitor, customer"
    kept = query(database, statement)
    assert len(kept) == 3
    command.downgrade(alembic_config(database.url), "0010")
    command.upgrade(alembic_config(database.url), "head")
    assert query(database, statement) == kept
