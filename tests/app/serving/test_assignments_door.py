"""The assignments door. Oracle: the contract's section Assignment, and `assignment.decision` for variants."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.access.service import customer_signature, identity_secret
from app.serving.served import ranges_of
from assignment.hashing import bucket
from assignment.ranges import choose
from tests.support.inprocess import InProcess, definition, in_process

KEY = "promo-code-reuse"


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(sqlite_url, tmp_path) as running:
        yield running


def _one(service: InProcess, kind: str = "srv", **fields: Any) -> dict[str, Any]:
    answer = service.assign(kind, **{"experiments": [KEY], **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["assignments"][0]
    return found


def test_an_answer_has_exactly_the_fields_of_the_contract(service: InProcess) -> None:
    service.running()
    answer = service.assign("pub", visitor_id="v-1", attributes={"country": "RU"}, experiments=[KEY]).json()
    place = bucket("0123456789abcdef", "v-1")
    variant = ["single-use", "reusable"][int(place >= 0.5)]
    offer = answer["assignments"][0].pop("offer")
    assert answer == {
        "config_version": service.services.snapshots.current.config_version,
        "assignments": [
            {
                "experiment": KEY,
                "version": 1,
                "unit_id": "v-1",
                "variant": variant,
                "in_experiment": True,
                "reason": "SPLIT",
                "bucket": place,
            }
        ],
    }
    assert offer["kind"] == "percent_off"
    assert "budget" not in offer


def test_variants_of_many_visitors_are_those_of_the_hash(service: InProcess) -> None:
    made = service.create(coverage=0.6)
    service.act(KEY, "start")
    ranges = ranges_of(made)
    for number in range(200):
        found = _one(service, visitor_id=f"посетитель-{number}")
        place = choose(bucket(made["seed"], f"посетитель-{number}"), ranges)
        expected = None if place is None else made["variants"][place]["key"]
        assert found["variant"] == expected
        assert found["reason"] == ("NOT_COVERED" if place is None else "SPLIT")


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (["pause"], "PAUSED"),
        (["freeze"], "FROZEN"),
        (["stop"], "ENDED"),
        (["stop", "archive"], "ENDED"),
    ],
)
def test_outside_the_variant_is_null_and_the_offer_is_the_fallback(
    service: InProcess, steps: list[str], reason: str
) -> None:
    service.running(fallback={"kind": "content", "title": "Come again"})
    for step in steps:
        service.act(KEY, step)
    found = _one(service, visitor_id="v-1")
    assert (found["variant"], found["in_experiment"], found["reason"]) == (None, False, reason)
    assert found["offer"]["title"] == "Come again"


def test_not_targeted_no_unit_bot_holdout_and_layer_are_told_apart(service: InProcess) -> None:
    service.call("PUT", "/api/v1/layers/cart", {})
    service.call("PUT", "/api/v1/holdouts/later", {"share": 0})
    service.running(audience={"country": "RU"}, layer={"key": "cart", "range": [0, 0.0001]})
    russian = {"country": "RU"}
    assert _one(service, visitor_id="v-1")["reason"] == "NOT_TARGETED"
    assert _one(service, visitor_id="v-1", attributes=russian)["reason"] == "LAYER"
    assert _one(service, visitor_id="v-1", attributes={"bot": True, **russian})["reason"] == "BOT"
    nobody = _one(service, attributes=russian)
    assert (nobody["reason"], nobody["unit_id"], nobody["bucket"]) == ("NO_UNIT", None, None)
    service.call("PUT", "/api/v1/holdouts/everybody", {"share": 1})
    service.running(key="later")
    later = service.assign(visitor_id="v-1", experiments=["later"]).json()["assignments"][0]
    assert later["reason"] == "HOLDOUT"


def test_a_holdout_made_after_the_start_touches_nobody(service: InProcess) -> None:
    service.running()
    before = [_one(service, visitor_id=f"v-{number}") for number in range(50)]
    service.call("PUT", "/api/v1/holdouts/everybody", {"share": 1})
    assert [_one(service, visitor_id=f"v-{number}") for number in range(50)] == before


def test_after_a_decision_everybody_gets_the_chosen_offer_and_nobody_is_enrolled(service: InProcess) -> None:
    service.running()
    service.act(KEY, "stop")
    service.act(KEY, "decide", {"variant": "reusable", "reason": "it earns more"})
    found = [_one(service, visitor_id=f"v-{number}") for number in range(50)]
    assert {(item["variant"], item["in_experiment"], item["reason"]) for item in found} == {
        ("reusable", False, "DECIDED")
    }
    assert all(item["offer"]["percent"] == 15 for item in found)


def test_a_hold_back_share_keeps_its_split_after_the_decision(service: InProcess) -> None:
    service.running()
    split = [_one(service, visitor_id=f"v-{number}")["variant"] for number in range(300)]
    service.act(KEY, "stop")
    service.act(KEY, "decide", {"variant": "reusable", "reason": "yes", "hold_back_share": 0.3})
    after = [_one(service, visitor_id=f"v-{number}") for number in range(300)]
    held = [(old, new["variant"]) for old, new in zip(split, after, strict=True) if new["in_experiment"]]
    assert 50 < len(held) < 130
    assert all(old == new for old, new in held)


def test_an_experiment_runs_between_its_dates_only(service: InProcess) -> None:
    service.running(starts_at="2026-05-28T21:00:00Z", ends_at="2026-05-28T22:00:00Z")
    reasons = []
    for _ in range(3):
        reasons.append(_one(service, visitor_id="v-1")["reason"])
        service.clock.advance(3600)
    assert reasons == ["PAUSED", "SPLIT", "ENDED"]


def test_a_ramp_moves_nobody_and_another_experiment_neither(service: InProcess) -> None:
    service.create(coverage=0.3)
    service.act(KEY, "start")
    ids = [f"v-{number}" for number in range(300)]
    before = {unit: _one(service, visitor_id=unit)["variant"] for unit in ids}
    service.act(KEY, "ramp", {"coverage": 0.8})
    service.running(key="another", seed="00000000000000aa")
    service.act("another", "stop")
    after = {unit: _one(service, visitor_id=unit)["variant"] for unit in ids}
    assert all(after[unit] == variant for unit, variant in before.items() if variant is not None)
    assert sum(variant is not None for variant in after.values()) > sum(
        v is not None for v in before.values()
    )


def test_without_a_list_everything_that_is_served_is_answered(service: InProcess) -> None:
    service.running(key="one")
    service.create(key="draft")
    service.running(key="stopped")
    service.act("stopped", "stop")
    service.running(key="two")
    found = service.assign(visitor_id="v").json()["assignments"]
    assert [item["experiment"] for item in found] == ["one", "two"]
    assert service.assign(visitor_id="v", experiments=[]).json()["assignments"] == []


@pytest.mark.parametrize("key", ["unknown", "a-draft", ""])
def test_an_unknown_or_draft_key_is_404(service: InProcess, key: str) -> None:
    service.create(key="a-draft")
    answer = service.assign(visitor_id="v", experiments=[key])
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_experiment")


@pytest.mark.parametrize(
    ("content", "status", "field"),
    [
        (b'{"visitor":"v"}', 422, "visitor"),
        (b'{"visitor_id":5}', 422, "visitor_id"),
        (b'{"visitor_id":"' + b"v" * 201 + b'"}', 422, "visitor_id"),
        (b'{"visitor_id":"a\\u0000b"}', 422, "visitor_id"),
        (b'{"attributes":[]}', 422, "attributes"),
        (b'{"experiments":"promo"}', 422, "experiments"),
        (b'{"experiments":[1]}', 422, "experiments.0"),
        (b"[]", 422, None),
        (b"", 400, None),
        (b"{", 400, None),
        (b'{"attributes":{"n":NaN}}', 400, None),
        (b'{"visitor_id":"\\ud800"}', 400, None),
        (b'{"visitor_id":"\xff"}', 400, None),
        (b'{"attributes":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}", 400, None),
        (b'{"visitor_id":"' + b"v" * 2 * 1024 * 1024 + b'"}', 413, None),
    ],
)
def test_a_bad_body_is_4xx_and_named(
    service: InProcess, content: bytes, status: int, field: str | None
) -> None:
    answer = service.call("POST", "/api/v1/assignments", content=content, kind="pub")
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_infinite_attribute_does_no_harm(service: InProcess) -> None:
    service.running(audience={"n": {"$gt": 5}})
    content = json.dumps({"visitor_id": "v", "attributes": {"n": 1}}).replace("1}", "1e400}").encode()
    assert service.call("POST", "/api/v1/assignments", content=content, kind="pub").status_code in {
        200,
        400,
        422,
    }


def _link(service: InProcess, visitor_id: str, customer_id: str, occurred_at: str) -> None:
    event = {
        "event_id": f"{visitor_id}-{customer_id}",
        "type": "identify",
        "occurred_at": occurred_at,
        "visitor_id": visitor_id,
        "customer_id": customer_id,
    }
    answer = service.call("POST", "/api/v1/events", {"events": [event]}, "srv")
    assert answer.json()["accepted"] == 1, answer.text
    service.services.snapshots.poll()


def test_at_login_a_second_device_gets_the_canonical_units_variant(service: InProcess) -> None:
    service.running()
    _link(service, "phone", "anna", "2026-05-01T10:00:00Z")
    _link(service, "laptop", "anna", "2026-05-02T10:00:00Z")
    assert _one(service, visitor_id="laptop")["unit_id"] == "laptop"
    logged_in = _one(service, visitor_id="laptop", customer_id="anna")
    phone = _one(service, visitor_id="phone")
    assert (logged_in["unit_id"], logged_in["variant"]) == ("phone", phone["variant"])
    assert _one(service, visitor_id="tablet", customer_id="boris")["unit_id"] == "tablet"


def test_a_browser_may_name_a_customer_only_with_the_shops_signature(service: InProcess) -> None:
    service.running()
    _link(service, "phone", "anna", "2026-05-01T10:00:00Z")
    secret = identity_secret(service.services.settings)
    unsigned = service.assign("pub", visitor_id="tablet", customer_id="anna").json()
    forged = service.assign("pub", visitor_id="tablet", customer_id="anna", customer_signature="é").json()
    signed = service.assign(
        "pub", visitor_id="tablet", customer_id="anna", customer_signature=customer_signature(secret, "anna")
    ).json()
    assert [warning["code"] for warning in unsigned["warnings"]] == ["customer_id_ignored"]
    assert unsigned["assignments"][0]["unit_id"] == forged["assignments"][0]["unit_id"] == "tablet"
    assert "phone" not in json.dumps([unsigned, forged])
    assert signed["assignments"][0]["unit_id"] == "phone"
    assert "warnings" not in signed


def test_an_experiment_on_customers_hashes_the_customer_id(service: InProcess) -> None:
    service.running(unit="customer")
    assert _one(service, visitor_id="v-1")["reason"] == "NO_UNIT"
    found = _one(service, visitor_id="v-1", customer_id="anna")
    assert (found["unit_id"], found["bucket"]) == ("anna", bucket("0123456789abcdef", "anna"))


def test_while_frozen_enrolled_units_keep_their_variant_and_others_get_none(service: InProcess) -> None:
    service.running()
    variant = _one(service, visitor_id="old")["variant"]
    service.clock.advance(60)
    event = {
        "event_id": "e-1",
        "type": "exposure",
        "occurred_at": "2026-05-28T20:27:00Z",
        "visitor_id": "old",
        "experiment": KEY,
        "variant": variant,
    }
    assert service.call("POST", "/api/v1/events", {"events": [event]}, "srv").json()["accepted"] == 1
    service.clock.advance(60)
    service.act(KEY, "freeze")
    service.services.snapshots.poll()
    old, new = _one(service, visitor_id="old"), _one(service, visitor_id="new")
    assert (old["variant"], old["reason"], old["in_experiment"]) == (variant, "SPLIT", True)
    assert (new["variant"], new["reason"]) == (None, "FROZEN")


def test_no_answer_to_a_browser_holds_budget_or_cost(service: InProcess) -> None:
    variants = definition()["variants"]
    variants[0]["offer"] = variants[1]["offer"] = {
        "kind": "gift",
        "product": "tea",
        "cost_minor": 123457,
        "budget": {"money_minor": 7654321},
    }
    service.running(variants=variants)
    text = service.assign("pub", visitor_id="v").text
    assert "123457" not in text
    assert "7654321" not in text
