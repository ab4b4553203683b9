"""The hook and the tracking of `app.clients.openfeature` with the real SDK. Oracle: the service's exports."""

import csv
import io
from collections.abc import Iterator

import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.track import TrackingEventDetails

from app.clients import Client, Options
from app.clients.openfeature import Exposures, tracking
from tests.app.clients.bad_service import until
from tests.support.inprocess import definition
from tests.support.live import Live, live_service

KEY = "promo-code-reuse"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("openfeature")) as running:
        with running.client() as http:
            assert http.post("/api/v1/experiments", json=definition()).status_code == 201
            assert http.post(f"/api/v1/experiments/{KEY}/start").status_code == 200
        yield running


@pytest.fixture
def client(live: Live) -> Iterator[Client]:
    with live.client() as http:
        key = http.post("/api/v1/keys", json={"kind": "srv", "name": "shop"}).json()["key"]
    with Client(live.url, key, Options(poll_seconds=0.05, send_seconds=0.05)) as made:
        assert until(lambda: made.assign(KEY, "v").source == "local")
        provider = OFREPProvider(live.url, headers_factory=lambda: {"authorization": f"Bearer {key}"})
        api.set_provider(tracking(provider, made))
        yield made
        api.clear_providers()


def exported(live: Live, name: str) -> list[dict[str, str]]:
    with live.client() as http:
        return list(
            csv.DictReader(io.StringIO(http.get(f"/api/v1/experiments/{KEY}/export/{name}.csv").text))
        )


def test_what_was_shown_and_bought_reaches_the_ledger(live: Live, client: Client) -> None:
    shop = api.get_client()
    shop.add_hooks([Exposures(client)])
    for _ in range(3):
        for visitor in ("v-1", "v-2"):
            found = shop.get_object_details(KEY, {}, EvaluationContext(visitor))
            assert found.variant == client.assign(KEY, visitor).variant
    shop.get_object_details("nowhere", {}, EvaluationContext("v-1"))
    bought = TrackingEventDetails(1990.5, {"order_id": "o-1", "currency": "RUB"})
    shop.track("Order Completed", EvaluationContext("v-1"), bought)
    shop.track("Product Liked", EvaluationContext("v-1", {"customer_id": "c-1"}))
    assert client.flush(10)
    assert (client.deliveries.rejected, client.deliveries.refused) == (0, 0)
    assert (client.deliveries.accepted, client.deliveries.duplicates) == (4, 4)  # two seen thrice
    assert len({row["unit_id"] for row in exported(live, "exposures")}) == 2
    orders = exported(live, "orders")
    assert [(row["order_id"], row["items_minor"]) for row in orders] == [("o-1", "199050")]


def test_a_variant_that_was_decided_on_is_no_exposure(live: Live, client: Client) -> None:
    before = len(exported(live, "exposures"))
    with live.client() as http:
        http.post(f"/api/v1/experiments/{KEY}/stop")
        body = {"variant": "reusable", "reason": "won"}
        assert http.post(f"/api/v1/experiments/{KEY}/decide", json=body).status_code == 200
    assert until(lambda: client.assign(KEY, "v-9").reason == "DECIDED")
    shop = api.get_client()
    shop.add_hooks([Exposures(client)])
    assert until(lambda: shop.get_object_details(KEY, {}, EvaluationContext("v-9")).variant == "reusable")
    assert client.track_exposure(client.assign(KEY, "v-9")) is None
    assert client.flush(10)
    assert len(exported(live, "exposures")) == before
