"""openfeature-sdk with openfeature-provider-ofrep (PyPI) against the running service."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagEvaluationDetails
from openfeature.track import TrackingEventDetails

from app.clients import Client
from app.clients.openfeature import Exposures, tracking
from tests.clients.shop import FALLBACK, Shop, nowhere, wait_for

MINE = {"mine": True}
VISITORS = [*(f"v-{n}" for n in range(15)), "Мария", "שרה", "🛒-👩‍👩‍👧"]


@contextmanager
def provided(url: str, key: str, reports: Client | None = None) -> Iterator[OpenFeatureClient]:
    """A client of its own domain; with `reports` its provider's `track` reaches the ledger."""
    provider = OFREPProvider(url, headers_factory=lambda: {"authorization": f"Bearer {key}"}, timeout=5)
    domain = f"tests-{key[-6:]}-{url}"
    api.set_provider(provider if reports is None else tracking(provider, reports), domain)
    try:
        yield api.get_client(domain)
    finally:
        api.clear_providers()
        provider.session.close()


def details(
    shop: Shop, flag: str, context: EvaluationContext, url: str | None = None, key: str | None = None
) -> FlagEvaluationDetails[Any]:
    with provided(url or shop.live.url, key or shop.keys["srv"]) as client:
        found: FlagEvaluationDetails[Any] = client.get_object_details(flag, MINE, context)
        return found


def test_every_visitor_gets_the_variant_and_the_offer_of_the_assignments_door(shop: Shop) -> None:
    key = shop.experiment("of-python", audience={"country": "RU"})
    with provided(shop.live.url, shop.keys["srv"]) as client:
        found = [
            client.get_object_details(key, MINE, EvaluationContext(unit, {"country": "RU"}))
            for unit in VISITORS
        ]
    ours = [shop.assigned(key, unit, country="RU") for unit in VISITORS]
    assert [(one.variant, one.value) for one in found] == [(one["variant"], one["offer"]) for one in ours]
    assert {one.reason for one in found} == {"SPLIT"}


def test_a_stranger_gets_the_fallback_and_is_told_why(shop: Shop) -> None:
    key = shop.experiment("of-python", audience={"country": "RU"}, fallback=FALLBACK)
    found = details(shop, key, EvaluationContext("v-1", {"country": "DE"}))
    assert (found.value, found.reason) == (shop.assigned(key, "v-1", country="DE")["offer"], "DEFAULT")
    assert found.flag_metadata["assignmentReason"] == "NOT_TARGETED"
    assert found.error_code is None


@pytest.mark.parametrize(
    ("context", "told", "code"),
    [
        (EvaluationContext("v-1"), {"flag": "nobody-knows-it"}, ErrorCode.FLAG_NOT_FOUND),
        (EvaluationContext(), {}, ErrorCode.TARGETING_KEY_MISSING),
        (EvaluationContext("v" * 201), {}, ErrorCode.INVALID_CONTEXT),
        (EvaluationContext("v-1"), {"key": "olk_pub_wrong"}, ErrorCode.GENERAL),
        (EvaluationContext("v-1"), {"url": nowhere()}, ErrorCode.GENERAL),
    ],
    ids=["unknown flag", "no targeting key", "long targeting key", "wrong key", "nobody there"],
)
def test_a_refusal_is_the_shop_s_own_default_with_the_code_of_the_protocol(
    shop: Shop, context: EvaluationContext, told: dict[str, str], code: ErrorCode
) -> None:
    flag = shop.experiment("of-python")
    found = details(shop, context=context, **({"flag": flag} | told))
    assert (found.value, found.reason, found.error_code) == (MINE, "ERROR", code)


def test_exposures_and_an_order_reach_the_ledger_through_a_client_of_ours(shop: Shop) -> None:
    key, srv = shop.experiment("of-python"), shop.keys["srv"]
    bought = TrackingEventDetails(2990.5, {"order_id": "of-python-1", "currency": "RUB"})
    with Client(shop.live.url, srv) as reports, provided(shop.live.url, srv, reports) as client:
        client.add_hooks([Exposures(reports)])
        for unit in (*VISITORS, *VISITORS):
            client.get_object_value(key, MINE, EvaluationContext(unit))
        client.track("Order Completed", EvaluationContext(VISITORS[0]), bought)
        assert reports.flush(20)
    assert shop.exposed(key, len(VISITORS)) == sorted(shop.variants(key, VISITORS))
    (order,) = shop.exported(key, "orders", 1)
    assert (order["order_id"], order["items_minor"], order["currency"]) == ("of-python-1", "299050", "RUB")


def test_a_pause_and_a_decision_reach_the_client(shop: Shop) -> None:
    key = shop.experiment("of-python")
    with provided(shop.live.url, shop.keys["srv"]) as client:

        def seen() -> tuple[str | None, Any]:
            found: FlagEvaluationDetails[Any] = client.get_object_details(key, MINE, EvaluationContext("v-1"))
            return str(found.reason), found.value.get("percent")

        split = seen()
        assert split[0] == "SPLIT"
        decision = {"variant": "reusable", "reason": "won"}
        for action, body, expected in (
            ("pause", None, ("DEFAULT", None)),
            ("resume", None, split),
            ("stop", None, ("DISABLED", None)),
            ("decide", decision, ("STATIC", 15)),
        ):
            shop.act(key, action, body)
            wait_for(partial(_is, seen, expected))


def _is(look: Callable[[], Any], expected: Any) -> bool:
    return bool(look() == expected)
