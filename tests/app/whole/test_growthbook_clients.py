"""The real GrowthBook Python SDK against the running service: load, push, remote evaluation, tracking."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from growthbook import GrowthBook
from growthbook.common_types import Experiment, Options, Result, UserContext
from growthbook.growthbook_client import GrowthBookClient

from tests.support.inprocess import definition
from tests.support.live import Live, live_service

KEY = "promo-code-reuse"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("growthbook")) as running:
        yield running


@pytest.fixture(scope="module")
def client_key(live: Live) -> str:
    with live.client() as client:
        made = client.post("/api/v1/keys", json={"kind": "pub", "name": "browser"})
        body = definition(local_evaluation=True)
        assert client.post("/api/v1/experiments", json=body).status_code == 201
        assert client.post(f"/api/v1/experiments/{KEY}/start").status_code == 200
    time.sleep(2.2)  # every worker knows it within two seconds
    return str(made.json()["key"])


def assigned(live: Live, unit: str) -> dict[str, Any]:
    with live.client() as client:
        answer = client.post("/api/v1/assignments", json={"visitor_id": unit, "experiments": [KEY]})
    found: dict[str, Any] = answer.json()["assignments"][0]
    return found


def test_the_synchronous_sdk_loads_and_agrees(live: Live, client_key: str) -> None:
    for number in range(20):
        sdk = GrowthBook(attributes={"id": f"v-{number}"}, api_host=live.url, client_key=client_key)
        sdk.load_features()
        found = sdk.eval_feature(KEY)
        assert found.value == assigned(live, f"v-{number}")["offer"]
        sdk.destroy()


def test_the_asynchronous_sdk_evaluates_remotely(live: Live, client_key: str) -> None:
    seen: list[tuple[str, str]] = []

    def viewed(
        experiment: Experiment[Any], result: Result[Any], user_context: UserContext | None = None
    ) -> None:
        assert user_context is not None
        seen.append((experiment.key, result.key))

    async def ask() -> Any:
        options = Options(
            api_host=live.url,
            client_key=client_key,
            remote_eval=True,
            refresh_strategy=None,
            on_experiment_viewed=viewed,
        )
        async with GrowthBookClient(options) as client:
            await client.initialize()
            return (await client.eval_feature(KEY, UserContext(attributes={"id": "v-7"}))).value

    ours = assigned(live, "v-7")
    assert asyncio.run(ask()) == ours["offer"]
    assert seen == [(KEY, ours["variant"])]


def test_a_change_is_pushed_within_two_seconds(live: Live, client_key: str) -> None:
    with httpx.Client(timeout=20) as http, http.stream("GET", f"{live.url}/sub/{client_key}") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: features"
        assert '"rules":[{' in next(lines)
        with live.client() as client:
            started = time.monotonic()
            assert client.post(f"/api/v1/experiments/{KEY}/pause").status_code == 200
        pushed = next(line for line in lines if line.startswith("data: "))
        waited = time.monotonic() - started
        assert '"rules":[]' in pushed
    with live.client() as client:
        client.post(f"/api/v1/experiments/{KEY}/resume")
    assert waited < 4.0, "two seconds are promised; the rest is for a busy machine"
    time.sleep(1.2)


def test_the_tracking_plugin_s_exposures_are_stored(live: Live, client_key: str) -> None:
    from growthbook.plugins.growthbook_tracking import growthbook_tracking_plugin

    plugin = growthbook_tracking_plugin(ingestor_host=live.url)
    sdk = GrowthBook(
        attributes={"id": "v-tracked"}, api_host=live.url, client_key=client_key, plugins=[plugin]
    )
    sdk.load_features()
    sdk.eval_feature(KEY)
    sdk.destroy()
    deadline = time.monotonic() + 10
    with live.client() as client:
        while time.monotonic() < deadline:
            rows = client.get(f"/api/v1/experiments/{KEY}/export/exposures.csv").text.splitlines()
            if len(rows) > 1:
                break
            time.sleep(0.2)
    assert len(rows) == 2
    assert assigned(live, "v-tracked")["variant"] in rows[1]


def test_without_the_service_the_sdk_serves_its_own_default(client_key: str) -> None:
    sdk = GrowthBook(attributes={"id": "v-1"}, api_host="http://127.0.0.1:9", client_key=client_key)
    sdk.load_features()
    assert sdk.get_feature_value(KEY, {"kind": "none"}) == {"kind": "none"}
    sdk.destroy()
