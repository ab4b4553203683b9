"""The disk is full, or the database is locked: 503 with Retry-After in time, and it heals by itself.

The limit on the size of files (`RLIMIT_FSIZE`) of the running process plays the full disk.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from app.database import Database
from tests.faults.services import Mortal, check_whole, judge, mortal
from tests.faults.shop import Shop, order
from tests.support.live import ADMIN_KEY

LONGEST_SECONDS = 2.5  # two, and half a second for a busy machine


@contextmanager
def running(folder: Path, *planted: str) -> Iterator[tuple[Mortal, httpx.Client]]:
    """A service on an embedded database, and a shop's client."""
    with mortal(folder, planted) as service:
        service.start()
        headers = {"x-api-key": ADMIN_KEY}
        with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", headers=headers, timeout=30) as http:
            yield service, http


@contextmanager
def full_disk(service: Mortal) -> Iterator[None]:
    """No file of the service can grow."""
    _, hard = resource.prlimit(service.process_id, resource.RLIMIT_FSIZE)
    resource.prlimit(service.process_id, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(service.process_id, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Somebody holds the database's only write lock."""
    database = Database(f"sqlite:///{folder / 'offerlab.sqlite3'}")
    connection = database.raw_connection()
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()
        database.close()


def send(http: httpx.Client, *numbers: int) -> httpx.Response:
    return http.post("/api/v1/events", json={"events": [order(number) for number in numbers]})


def refused(http: httpx.Client, number: int) -> httpx.Response:
    """The faster of two refusals: others use this machine too."""
    took, answer = [], None
    for _ in range(2):
        began = time.monotonic()
        answer = send(http, number)
        took.append(time.monotonic() - began)
    assert min(took) < LONGEST_SECONDS
    assert answer is not None
    return answer


def stored(folder: Path, acknowledged: set[int]) -> Any:
    shop = Shop(0, "", acknowledged=acknowledged)
    found = judge(f"sqlite:///{folder / 'offerlab.sqlite3'}", shop)
    return found.lost, found.doubled, found.has_gaps, found.stored


def check_refusal(http: httpx.Client, answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert http.post("/api/v1/assignments", json={"visitor_id": "v"}).status_code == 200
    assert http.get("/livez").status_code == 200


def test_a_full_disk_is_503_and_heals_when_there_is_space(tmp_path: Path) -> None:
    with running(tmp_path) as (service, http):
        assert send(http, 1).json()["accepted"] == 1
        with full_disk(service):
            check_refusal(http, refused(http, 2))
            named = http.post(
                "/api/v1/events",
                json={"events": [order(3)]},
                headers={"idempotency-key": "call"},
            )
            assert (named.status_code, named.headers["retry-after"]) == (503, "1")
        assert send(http, 2).json()["accepted"] == 1
        assert http.get("/readyz").status_code == 200
        service.kill()
    check_whole(tmp_path / "offerlab.sqlite3")
    assert stored(tmp_path, {1, 2}) == (set(), set(), False, 2)


def test_the_full_disk_shows_a_service_that_acknowledges_early(tmp_path: Path) -> None:
    with running(tmp_path, "early") as (service, http):
        send(http, 1)
        with full_disk(service):
            assert send(http, 2).status_code == 200
        service.kill()
    assert stored(tmp_path, {1, 2})[0]


def test_a_locked_database_is_503_in_time_and_heals_when_it_is_free(tmp_path: Path) -> None:
    with running(tmp_path) as (service, http):
        assert send(http, 1).json()["accepted"] == 1
        with locked(tmp_path):
            check_refusal(http, refused(http, 2))
            change = http.put("/api/v1/layers/checkout", json={})
            assert (change.status_code, "retry-after" in change.headers) == (503, True)
        assert send(http, 2).json()["accepted"] == 1
        assert http.put("/api/v1/layers/checkout", json={}).status_code == 200
        service.kill()
    assert stored(tmp_path, {1, 2}) == (set(), set(), False, 2)
