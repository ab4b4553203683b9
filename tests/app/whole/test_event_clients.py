"""The real Segment and RudderStack Python SDKs against the running service."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from tests.support.inprocess import definition
from tests.support.live import Live, live_service

KEY = "promo-code-reuse"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("events")) as running:
        with running.client() as client:
            assert client.post("/api/v1/experiments", json=definition()).status_code == 201
            assert client.post(f"/api/v1/experiments/{KEY}/start").status_code == 200
        time.sleep(2.2)  # every worker knows it within two seconds
        yield running


@pytest.fixture(scope="module")
def server_key(live: Live) -> str:
    with live.client() as client:
        return str(client.post("/api/v1/keys", json={"kind": "srv", "name": "shop"}).json()["key"])


def segment(live: Live, key: str, failures: list[Any], *, gzip: bool) -> Any:
    def failed(error: Exception, _batch: Any) -> None:
        failures.append(error)

    return SegmentClient(key, host=live.url, gzip=gzip, on_error=failed, timeout=20)


def rudder(live: Live, key: str, failures: list[Any], *, gzip: bool) -> Any:
    def failed(error: Exception, _batch: Any) -> None:
        failures.append(error)

    return RudderClient(key, host=live.url, gzip=gzip, on_error=failed, timeout=20)


def exported(live: Live, what: str, wanted: int) -> list[str]:
    """Rows of an export once there are enough of them."""
    deadline = time.monotonic() + 10
    with live.client() as client:
        while True:
            rows = client.get(f"/api/v1/experiments/{KEY}/export/{what}.csv").text.splitlines()[1:]
            if len(rows) >= wanted or time.monotonic() > deadline:
                return rows
            time.sleep(0.2)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("make", [segment, rudder])
def test_a_shopper_s_path_reaches_the_ledger(live: Live, server_key: str, make: Any, gzip: bool) -> None:  # noqa: FBT001 - a table
    failures: list[Any] = []
    name = f"{make.__name__}-{gzip}"
    visitor, customer, order_id = f"v-{name}", f"c-{name}", f"o-{name}"
    with live.client() as client:
        answer = client.post("/api/v1/assignments", json={"visitor_id": visitor})
    variant = answer.json()["assignments"][0]["variant"]
    before = len(exported(live, "orders", 0))
    sdk = make(live, server_key, failures, gzip=gzip)
    ids = {"anonymous_id": visitor, "user_id": customer}
    viewed = {"experiment_id": KEY, "variation_id": variant}
    sdk.track(anonymous_id=visitor, event="Experiment Viewed", properties=viewed)
    sdk.identify(traits={"plan": "gold"}, **ids)
    bought = {"order_id": order_id, "revenue": 2990.5, "discount": 100, "currency": "RUB"}
    sdk.track(event="Order Completed", properties=bought, **ids)
    sdk.flush()
    time.sleep(0.05)
    again = make(live, server_key, failures, gzip=gzip)
    again.track(event="Order Completed", properties=bought, **ids)  # the same order, another message
    again.shutdown()
    sdk.shutdown()
    rows = exported(live, "orders", before + 1)
    assert failures == []
    assert len(rows) == before + 1
    (row,) = (row for row in rows if order_id in row)
    assert ",309050,10000," in row


def test_a_wrong_key_is_told_to_the_sdk(live: Live) -> None:
    failures: list[Any] = []
    sdk = segment(live, "olk_srv_wrong", failures, gzip=False)
    sdk.track(anonymous_id="v", event="Hello")
    sdk.shutdown()
    assert failures
    assert "401" in str(failures[0])


def test_an_outage_is_told_to_the_sdk_and_nothing_else_breaks(tmp_path: Path) -> None:
    assert tmp_path.exists()
    failures: list[Any] = []
    sdk = SegmentClient(
        "key", host="http://127.0.0.1:9", on_error=lambda error, _: failures.append(error), max_retries=1
    )
    sdk.track(anonymous_id="v", event="Hello")
    sdk.shutdown()
    assert failures
