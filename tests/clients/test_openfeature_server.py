"""@openfeature/server-sdk with @openfeature/ofrep-provider under Node against the running service."""

from pathlib import Path
from typing import Any

import pytest

from tests.clients.shop import FALLBACK, HOOK, Shop, node, nowhere

SCRIPT = "openfeature_server.mjs"
MINE = {"mine": True}
VISITORS = [*(f"v-{n}" for n in range(20)), "Мария", "שרה", "🛒-👩‍👩‍👧"]


def evaluate(
    shop: Shop, experiment: str, *contexts: dict[str, Any], told: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    given = shop.given(experiment, contexts=contexts) | (told or {})
    found: list[dict[str, Any]] = node(SCRIPT, "evaluate", given)
    return found


def test_every_visitor_gets_the_variant_and_the_offer_of_the_assignments_door(shop: Shop) -> None:
    key = shop.experiment("of-node", audience={"country": "RU"})
    found = evaluate(shop, key, *({"targetingKey": unit, "country": "RU"} for unit in VISITORS))
    ours = [shop.assigned(key, unit, country="RU") for unit in VISITORS]
    assert [one["variant"] for one in found] == [one["variant"] for one in ours]
    assert [one["value"] for one in found] == [one["offer"] for one in ours]
    assert {one["reason"] for one in found} == {"SPLIT"}
    assert {one["variant"] for one in found} == {"single-use", "reusable"}


def test_a_stranger_gets_the_fallback_and_is_told_why(shop: Shop) -> None:
    key = shop.experiment("of-node", audience={"country": "RU"}, fallback=FALLBACK)
    (found,) = evaluate(shop, key, {"targetingKey": "v-1", "country": "DE"})
    assert (found["value"]["percent"], found["reason"]) == (3, "DEFAULT")
    assert found["value"] == shop.assigned(key, "v-1", country="DE")["offer"]
    assert found["flagMetadata"]["assignmentReason"] == "NOT_TARGETED"
    assert "errorCode" not in found


@pytest.mark.parametrize(
    ("context", "told", "code"),
    [
        ({"targetingKey": "v-1"}, {"experiment": "nobody-knows-it"}, "FLAG_NOT_FOUND"),
        ({}, {}, "TARGETING_KEY_MISSING"),
        ({"targetingKey": "v" * 201}, {}, "INVALID_CONTEXT"),
        ({"targetingKey": "v-1"}, {"key": "olk_pub_wrong"}, "GENERAL"),
    ],
    ids=["unknown flag", "no targeting key", "long targeting key", "wrong key"],
)
def test_a_refusal_is_the_shop_s_own_default_with_the_code_of_the_protocol(
    shop: Shop, context: dict[str, Any], told: dict[str, Any], code: str
) -> None:
    (found,) = evaluate(shop, shop.experiment("of-node"), context, told=told)
    assert (found["value"], found["reason"], found["errorCode"]) == (MINE, "ERROR", code)


def test_without_the_service_the_shop_s_own_default_is_served(shop: Shop) -> None:
    (found,) = evaluate(shop, "any", {"targetingKey": "v-1"}, told={"url": nowhere()})
    assert (found["value"], found["reason"], found["errorCode"]) == (MINE, "ERROR", "GENERAL")


def test_a_pause_and_a_decision_reach_the_client(shop: Shop) -> None:
    key = shop.experiment("of-node")
    decision = {"variant": "reusable", "reason": "won"}
    actions = [["pause", {}, "DEFAULT"], ["resume", {}, "SPLIT"], ["stop", {}, "DISABLED"]]
    told = shop.given(key, actions=[*actions, ["decide", decision, "STATIC"]])
    seen = node(SCRIPT, "change", told)
    assert [one["reason"] for one in seen] == ["SPLIT", "DEFAULT", "SPLIT", "DISABLED", "STATIC"]
    assert [one["value"].get("percent") for one in seen[1:]] == [None, seen[0]["value"]["percent"], None, 15]
    assert seen[-1]["variant"] == "reusable"


@pytest.fixture
def hook(tmp_path: Path) -> str:
    """The hook that we ship, as a module that Node can load."""
    copied = tmp_path / "openfeature-hook.mjs"
    copied.write_bytes(HOOK.read_bytes())
    return str(copied)


def test_the_hook_stores_each_exposure_once(shop: Shop, hook: str) -> None:
    key = shop.experiment("of-node")
    node(SCRIPT, "expose", shop.given(key, visitors=VISITORS, hook=hook))
    assert shop.exposed(key, len(VISITORS)) == sorted(shop.variants(key, VISITORS))


def test_an_order_reported_through_openfeature_is_in_the_ledger(shop: Shop, hook: str) -> None:
    key = shop.experiment("of-node")
    node(SCRIPT, "order", shop.given(key, "srv", visitors=["v-buyer"], order="of-1", hook=hook))
    (order,) = shop.exported(key, "orders", 1)
    assert (order["order_id"], order["items_minor"], order["currency"]) == ("of-1", "299050", "RUB")
