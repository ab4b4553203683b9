"""Segment (Node, Chromium) and RudderStack (Node) SDKs against the running service."""

from typing import Any

import pytest

from tests.clients.shop import Shop, node, nowhere

SDKS = pytest.mark.parametrize(
    ("script", "options"),
    [
        ("segment_node.mjs", {}),
        ("rudderstack_node.mjs", {"gzip": True}),
        ("rudderstack_node.mjs", {"gzip": False}),
    ],
    ids=["segment", "rudderstack-gzip", "rudderstack-plain"],
)


def order(order_id: str) -> dict[str, Any]:
    return {"order_id": order_id, "revenue": 2990.5, "discount": 100, "currency": "RUB", "coupon": "X"}


def path_of(shop: Shop, key: str, visitor: str, **more: Any) -> dict[str, Any]:
    """What a script says of one shopper of an experiment."""
    variant = shop.assigned(key, visitor)["variant"]
    told = {
        "visitor": visitor,
        "customer": f"c-{visitor}",
        "variant": variant,
        "order": order(f"o-{visitor}"),
    }
    return shop.given(key, "srv", **told, **more)


def trust(shop: Shop, key: str) -> tuple[dict[str, int], dict[str, int]]:
    """Units per variant that are analysed, and what the checks have counted."""
    found = shop.call("GET", f"/api/v1/experiments/{key}/results", kind="ro")["trust"]
    return found["srm"]["counts"], {check["key"]: check["count"] for check in found["checks"]}


@SDKS
def test_a_shopper_s_path_reaches_the_ledger(shop: Shop, script: str, options: dict[str, Any]) -> None:
    key = shop.experiment("events")
    told = path_of(shop, key, f"шоппер-{key}", **options)
    assert node(script, "say", told) == []
    assert shop.exposed(key, 1) == [told["variant"]]
    (bought,) = shop.exported(key, "orders", 1)  # said twice, stored once
    money = (bought["items_minor"], bought["discount_minor"], bought["currency"])
    assert (bought["order_id"], *money) == (f"o-шоппер-{key}", "309050", "10000", "RUB")


@SDKS
def test_what_is_shown_while_paused_is_kept_and_not_analysed(
    shop: Shop, script: str, options: dict[str, Any]
) -> None:
    key = shop.experiment("events")
    before, after = (path_of(shop, key, f"{key}-{name}", **options) for name in ("a", "b"))
    node(script, "say", before)
    shop.act(key, "pause")
    assert node(script, "say", after) == []
    assert shop.exposed(key, 2) == sorted([before["variant"], after["variant"]])
    counts, checks = trust(shop, key)
    assert {variant for variant, count in counts.items() if count == 1} == {before["variant"]}
    assert (sum(counts.values()), checks["exposures_outside_running"]) == (1, 1)


@SDKS
@pytest.mark.parametrize(
    ("told", "says"),
    [({"key": "olk_srv_wrong"}, "401"), ({"url": nowhere()}, "")],
    ids=["wrong key", "nobody there"],
)
def test_the_sdk_hears_of_a_failure(
    shop: Shop, script: str, options: dict[str, Any], told: dict[str, Any], says: str
) -> None:
    key = shop.experiment("events")
    errors = node(script, "say", path_of(shop, key, "v-1", **options) | told)
    assert errors
    assert says in errors[0]
    assert shop.exported(key, "exposures") == []


@pytest.mark.browser
def test_a_page_s_exposures_count_once_and_its_orders_are_not_believed(pages: Shop) -> None:
    key = pages.experiment("events")
    with pages.browser("segment_web") as browser:
        visitor = browser.run("visitor", pages.given(key))
        told = path_of(pages, key, visitor) | {"key": pages.keys["pub"]}
        assert browser.run("say", told) == []
        assert browser.statuses("/v1/") == [200] * 5
        assert browser.complaints == []
    assert pages.exposed(key, 2) == [told["variant"]] * 2  # two messages of one unit
    counts, _ = trust(pages, key)
    assert (counts[told["variant"]], sum(counts.values())) == (1, 1)
    assert pages.exported(key, "orders") == []


@pytest.mark.browser
@pytest.mark.parametrize(
    "told", [{"key": "olk_pub_wrong"}, {"url": nowhere()}], ids=["wrong key", "nobody there"]
)
def test_a_page_goes_on_when_its_events_cannot_be_stored(pages: Shop, told: dict[str, Any]) -> None:
    key = pages.experiment("events")
    with pages.browser("segment_web") as browser:
        browser.run("say", path_of(pages, key, "v-1") | told)
        assert 200 not in browser.statuses("/v1/")
    assert pages.exported(key, "exposures") == []
