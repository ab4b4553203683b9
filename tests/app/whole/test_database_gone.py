"""The database is cut off under the running service and comes back: no offer and no event is lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.database import migrate
from tests.app.whole.test_from_assignment_to_verdict import definition
from tests.support.live import Live, live_service
from tests.support.postgres import folder_of, running_server, start, stop

ASK = {"visitor_id": "v-1", "experiments": ["threshold"]}


@pytest.fixture
def server() -> Iterator[str]:
    with running_server() as url:
        migrate(url)
        yield url


def order(number: int) -> dict[str, Any]:
    return {
        "events": [
            {
                "event_id": f"e-{number}",
                "type": "order",
                "occurred_at": "2026-01-06T10:00:00Z",
                "visitor_id": "v-1",
                "order_id": f"o-{number}",
                "currency": "RUB",
                "items_minor": 100,
                "discount_minor": 0,
                "shipping_minor": 0,
            }
        ]
    }


def assigned(http: httpx.Client) -> Any:
    return http.post("/api/v1/assignments", json=ASK).raise_for_status().json()["assignments"]


def check_without_a_database(live: Live, http: httpx.Client, before: Any) -> None:
    assert assigned(http) == before
    refused = http.post("/api/v1/events", json=order(2))
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) >= 1
    for path in ("/api/v1/experiments", "/api/v1/experiments/threshold/results", "/api/v1/keys"):
        answer = http.get(path)
        assert answer.status_code == 503, (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert http.get("/livez").status_code == 200
    ready = http.get("/readyz")
    assert (ready.status_code, ready.json()["reasons"]) == (503, ["the database cannot be reached"])
    assert live.process.poll() is None


def test_a_database_that_goes_and_comes_back(server: str, tmp_path: Path) -> None:
    with live_service(tmp_path, {"OFFERLAB_DATABASE_URL": server}) as live, live.client() as http:
        http.post("/api/v1/experiments", json=definition()).raise_for_status()
        http.post("/api/v1/experiments/threshold/start", json={}).raise_for_status()
        assert http.post("/api/v1/events", json=order(1)).json()["accepted"] == 1
        before = assigned(http)
        assert before[0]["variant"] is not None
        stop(folder_of(server))
        try:
            check_without_a_database(live, http, before)
        finally:
            start(folder_of(server))
        told = [http.post("/api/v1/events", json=order(2)) for _ in range(3)][-1]
        assert told.status_code == 200, told.text
        assert http.post("/api/v1/events", json=order(1)).json()["duplicates"] == 1
        assert http.get("/readyz").status_code == 200
        assert http.get("/api/v1/experiments/threshold/results").status_code == 200
