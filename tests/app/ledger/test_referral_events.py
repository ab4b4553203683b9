"""Referrals on their way into the ledger: who may send them, what is refused, what the row holds."""

import json
from typing import Any

import pytest

from app.database import Database
from app.ledger.queries import Cut
from app.ledger.referral_rows import referral_rows
from tests.support.ledger import append, event, parsed, query, running_ledger, sender

ALL = Cut(2**62, 2**62)


def referral(referrer: Any, invited: Any, **fields: Any) -> dict[str, Any]:
    made = event("referral", referrer=referrer, invited=invited, visitor_id=None, **fields)
    return {name: value for name, value in made.items() if value is not None}


@pytest.mark.parametrize(
    ("told", "code", "field"),
    [
        (referral("v-1", "v-1"), "self_referral", "invited"),
        (referral("anna", {"customer_id": "anna"}), "self_referral", "invited"),
        (referral("v-1", {}), "invalid", "invited"),
        (referral({"visitor_id": "v", "customer_id": "c"}, "v-2"), "invalid", "referrer"),
        (referral("v-1", {"id": "v-2"}), "unknown_field", "id"),
        (referral("v-1", 5), "invalid", "invited"),
        (referral("", "v-2"), "invalid", "referrer"),
        (referral("x" * 201, "v-2"), "invalid", "referrer"),
        (
            {"event_id": "f", "type": "referral", "occurred_at": "2026-01-01T00:00:00Z"},
            "missing_field",
            "referrer",
        ),
    ],
)
def test_a_broken_referral_is_refused_with_its_field(told: dict[str, Any], code: str, field: str) -> None:
    (rejected,) = parsed(told).rejected
    assert (rejected.code, field in rejected.detail.split(":", 1)[0]) == (code, True), rejected


def test_a_visitor_and_a_customer_of_one_name_may_invite_each_other() -> None:
    assert parsed(referral({"visitor_id": "anna"}, {"customer_id": "anna"})).rejected == []


def test_a_browser_may_not_tell_of_referrals() -> None:
    (rejected,) = parsed(referral("v-1", "v-2"), by=sender(trusted=False)).rejected
    assert rejected.code == "not_allowed_for_key"


def test_the_row_holds_numbers_only_and_the_same_event_again_is_a_duplicate(database: Database) -> None:
    told = referral("anna-7", {"visitor_id": "laptop-7"}, event_id="f-1")
    with running_ledger(database) as ledger:
        login = event("identify", visitor_id="v-7", customer_id="anna-7")
        assert append(ledger, told, login) == ["accepted"] * 2
        assert append(ledger, told) == ["duplicate"]
        assert append(ledger, told | {"invited": {"visitor_id": "other"}}) == ["conflict"]
    ((rest, visitor, customer),) = query(
        database, "SELECT rest, visitor, customer FROM events WHERE type = 'referral'"
    )
    assert (visitor, customer) == (None, None)
    assert set(json.loads(rest)["referrer"]) == {"visitor", "customer"}
    assert not [text for text in ("anna", "laptop") if text in rest]
    numbers = {
        (kind, text): number
        for number, kind, text in query(database, "SELECT number, kind, id FROM identifiers")
    }
    (row,) = referral_rows(database, ALL).to_pylist()
    assert row["referrer_customer"] == numbers["customer", "anna-7"]
    assert row["referrer_visitor"] == numbers["visitor", "anna-7"]
    assert (row["invited_visitor"], row["invited_customer"]) == (numbers["visitor", "laptop-7"], None)
