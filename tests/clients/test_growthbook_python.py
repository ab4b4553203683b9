"""The GrowthBook Python SDK (the rest is in tests/app/whole): a wrong key, a stranger, pushed changes."""

import asyncio
from typing import Any

import pytest
from growthbook import GrowthBook
from growthbook.common_types import FeatureRefreshStrategy, Options, UserContext
from growthbook.growthbook_client import GrowthBookClient

from tests.clients.shop import DEADLINE_SECONDS, FALLBACK, Shop

MINE = {"mine": True}


def value(shop: Shop, feature: str, key: str, attributes: dict[str, Any]) -> Any:
    sdk = GrowthBook(attributes=attributes, api_host=shop.live.url, client_key=key)
    sdk.load_features()
    found = sdk.get_feature_value(feature, MINE)
    sdk.destroy()
    return found


@pytest.mark.parametrize(("feature", "key"), [("", "olk_pub_wrong"), ("nobody-knows-it", "")])
def test_a_wrong_key_or_feature_is_the_shop_s_own_default(shop: Shop, feature: str, key: str) -> None:
    known = shop.experiment("gb-python")
    assert value(shop, feature or known, key or shop.keys["pub"], {"id": "v-1"}) == MINE


def test_a_visitor_without_an_id_gets_the_fallback(shop: Shop) -> None:
    key = shop.experiment("gb-python", fallback=FALLBACK)
    fresh = shop.call("POST", "/api/v1/keys", {"kind": "pub", "name": "past the SDK's cache"})["key"]
    assert value(shop, key, fresh, {})["percent"] == 3


def test_changes_are_pushed_to_the_asynchronous_sdk(shop: Shop) -> None:
    key = shop.experiment("gb-python")
    fresh = shop.call("POST", "/api/v1/keys", {"kind": "pub", "name": "past the SDK's cache"})["key"]

    async def follow() -> list[str]:
        strategy = FeatureRefreshStrategy.SERVER_SENT_EVENTS
        options = Options(api_host=shop.live.url, client_key=fresh, refresh_strategy=strategy)
        async with GrowthBookClient(options) as client:
            await client.initialize()

            async def look() -> str:
                return str((await client.eval_feature(key, UserContext(attributes={"id": "v-1"}))).source)

            seen = [await look()]
            for action, expected in (("pause", "defaultValue"), ("resume", "experiment")):
                await asyncio.to_thread(shop.act, key, action)
                async with asyncio.timeout(DEADLINE_SECONDS):
                    while await look() != expected:  # noqa: ASYNC110 - the SDK has no event to wait for
                        await asyncio.sleep(0.05)
                seen.append(await look())
            return seen

    assert asyncio.run(follow()) == ["experiment", "defaultValue", "experiment"]
