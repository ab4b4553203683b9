"""A TypeScript client generated from the running service's own OpenAPI document."""

from pathlib import Path

from tests.clients.shop import Shop, node


def test_a_generated_client_compiles_and_works(shop: Shop, tmp_path: Path) -> None:
    key = shop.experiment("openapi")
    visitor = f"v-{key}"  # of this test alone: an order belongs to every experiment of its visitor
    variant = shop.assigned(key, visitor)["variant"]
    told = shop.given(key, "srv", directory=str(tmp_path), visitor=visitor, order="openapi-1")
    generated = node("openapi_client.mjs", "generate", told)
    assert generated["said"] == ""
    assert generated["operations"] > 40
    found = node("openapi_client.mjs", "smoke", told)
    assert found["before"] == {"variant": variant, "reason": "SPLIT"}
    assert found["stored"] == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert found["refusals"] == {"wrongKey": 401, "unknown": "unknown_experiment", "field": "visitor_id"}
    assert found["away"] == "no answer"
    assert (found["status"], found["after"]) == ("paused", {"variant": None, "reason": "PAUSED"})
    assert shop.exposed(key, 1) == [variant]
    assert [order["order_id"] for order in shop.exported(key, "orders", 1)] == ["openapi-1"]
