"""Claiming a code. Oracle: the contract's section "Codes and quotes"."""

import json
import sqlite3
from pathlib import Path

import pytest

from app.codes.alphabet import ALPHABET
from tests.support.codes import code, offer, open_shop, refusal
from tests.support.inprocess import InProcess
from tests.support.ledger import event

DAY_SECONDS = 86_400


def test_a_unit_gets_one_code_however_often_it_asks(service: InProcess) -> None:
    shop = open_shop(service)
    first = shop.claim("v-1")
    assert [shop.claim("v-1") for _ in range(3)] == [first] * 3
    assert shop.claim("v-2") != first
    assert len(first) >= 10
    assert set(first) <= set(ALPHABET)
    assert len(shop.ledger("claim")) == 2


def test_the_answer_names_variant_end_and_terms(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(valid_days=7)))
    answer = shop.post("claim", experiment="codes", visitor_id="v-1").json()
    assigned = service.assign(visitor_id="v-1", experiments=["codes"]).json()["assignments"][0]
    assert answer["variant"] == assigned["variant"]
    assert answer["terms"] == assigned["offer"]
    assert answer["valid_until"] == "2026-06-04T20:26:40Z"


def test_a_claim_is_on_the_books_with_numbers_instead_of_ids(service: InProcess) -> None:
    shop = open_shop(service)
    shop.claim("v-1", customer_id="anna")
    ((variant, order_id, discount, rest, visitor, customer),) = shop.ledger("claim")
    assert variant in {"control", "treatment"}
    assert (order_id, discount) == (None, None)
    assert json.loads(rest) == {"code": 1}
    assert visitor is not None
    assert customer is not None


@pytest.mark.parametrize("state", ["pause", "stop"])
def test_outside_nobody_gets_a_code_but_an_issued_one_is_shown_again(service: InProcess, state: str) -> None:
    shop = open_shop(service)
    given = shop.claim("v-1")
    service.act("codes", state)
    assert refusal(shop.post("claim", experiment="codes", visitor_id="v-2")) == (409, "not_assigned")
    assert shop.claim("v-1") == given


def test_a_unit_outside_the_audience_gets_409(service: InProcess) -> None:
    shop = open_shop(service, audience={"country": "RU"})
    assert refusal(shop.post("claim", experiment="codes", visitor_id="v-1")) == (409, "not_assigned")
    shop.claim("v-1", attributes={"country": "RU"})


def test_a_variant_without_codes_gives_none(service: InProcess) -> None:
    shop = open_shop(service, offer(code={"issue": "none"}))
    assert refusal(shop.post("claim", experiment="codes", visitor_id="v-1")) == (409, "not_assigned")


def test_a_forced_unit_may_try_its_variant(service: InProcess) -> None:
    shop = open_shop(service)
    service.call("PUT", "/api/v1/experiments/codes/forced", {"units": {"qa": "treatment"}})
    answer = shop.post("claim", experiment="codes", visitor_id="qa")
    assert answer.json()["variant"] == "treatment"


def test_a_frozen_experiment_gives_codes_to_the_enrolled_only(service: InProcess) -> None:
    shop = open_shop(service)
    variant = service.assign(visitor_id="v-1", experiments=["codes"]).json()["assignments"][0]["variant"]
    now = "2026-05-28T20:26:40Z"
    shop.send(event("exposure", experiment="codes", variant=variant, visitor_id="v-1", occurred_at=now))
    service.clock.advance(10)
    service.act("codes", "freeze")
    shop.claim("v-1")
    assert refusal(shop.post("claim", experiment="codes", visitor_id="v-2")) == (409, "not_assigned")


def test_a_customer_gets_the_code_of_the_visitor_that_stands_for_it(service: InProcess) -> None:
    shop = open_shop(service)
    given = shop.claim("v-1")
    now = "2026-05-28T20:26:40Z"
    shop.send(event("identify", visitor_id="v-1", customer_id="anna", occurred_at=now))
    service.services.snapshots.follow()
    answer = shop.post("claim", experiment="codes", customer_id="anna")
    assert answer.json()["code"] == given
    assert shop.claim("v-2", customer_id="anna") == given


def test_all_units_of_a_variant_share_a_shared_code(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(issue="shared", uses_per_customer=None)))
    answers = [shop.post("claim", experiment="codes", visitor_id=f"v-{n}").json() for n in range(20)]
    codes = {(answer["variant"], answer["code"]) for answer in answers}
    assert len(codes) == 2
    assert len({text for _, text in codes}) == 2


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"experiment": "codes"}, 422, "visitor_id"),
        ({"visitor_id": "v-1"}, 422, "experiment"),
        ({"experiment": "codes", "visitor_id": 1}, 422, "visitor_id"),
        ({"experiment": "codes", "visitor_id": "v\0"}, 422, "visitor_id"),
        ({"experiment": "codes", "visitor_id": "v-1", "more": 1}, 422, "more"),
        ({"experiment": "nothing", "visitor_id": "v-1"}, 404, "experiment"),
        ({"experiment": "codes", "customer_id": "c-1"}, 409, None),
    ],
)
def test_a_bad_claim_is_refused_and_the_field_named(
    service: InProcess, body: dict[str, object], status: int, field: str | None
) -> None:
    shop = open_shop(service)
    answer = shop.post("claim", **body)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
    refusal(answer)


def test_neither_code_nor_id_stands_in_the_tables_of_codes(sqlite_url: str, tmp_path: Path) -> None:
    from tests.support.inprocess import in_process

    with in_process(sqlite_url, tmp_path) as service:
        shop = open_shop(service)
        given = shop.claim("somebody-special")
        shop.redeem(given, "order-1", "somebody-special")
    path = sqlite_url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    dump = "\n".join(
        repr(row)
        for table in ("codes", "code_claims", "code_uses", "code_budgets", "events")
        for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - a test's own word
    )
    connection.close()
    assert given not in dump
    assert "somebody-special" not in dump
    assert given.encode() not in Path(path).read_bytes()
