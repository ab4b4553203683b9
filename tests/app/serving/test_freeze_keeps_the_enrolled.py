"""A freeze takes nobody's variant away, from its first moment on. Oracle: the contract's action `freeze`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.clock import isoformat
from tests.support.inprocess import NOW_US, InProcess, in_process, second_replica

KEY = "promo-code-reuse"


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(database_url, tmp_path / "first") as running:
        yield running


def _assigned(service: InProcess, visitor_id: str) -> dict[str, Any]:
    found = service.assign(visitor_id=visitor_id, experiments=[KEY]).json()["assignments"][0]
    return dict(found)


def _expose(service: InProcess, visitor_id: str, variant: str) -> None:
    event = {
        "event_id": f"x-{visitor_id}",
        "type": "exposure",
        "experiment": KEY,
        "variant": variant,
        "visitor_id": visitor_id,
        "occurred_at": isoformat(NOW_US - 1_000_000),
    }
    assert service.call("POST", "/api/v1/events", {"events": [event]}, "srv").json()["accepted"] == 1


def test_the_first_answer_after_the_freeze_already_knows_who_was_enrolled(service: InProcess) -> None:
    service.running()
    before = _assigned(service, "enrolled")
    _expose(service, "enrolled", before["variant"])
    assert service.act(KEY, "freeze").status_code == 200  # nothing was polled since the exposure
    assert _assigned(service, "enrolled") == before
    newcomer = _assigned(service, "newcomer")
    assert (newcomer["variant"], newcomer["reason"]) == (None, "FROZEN")


def test_another_replica_knows_the_enrolled_in_the_same_poll_as_the_freeze(
    service: InProcess, tmp_path: Path
) -> None:
    service.running()
    other = second_replica(service, tmp_path / "second")
    other.snapshots.start()
    _expose(service, "enrolled", _assigned(service, "enrolled")["variant"])
    service.act(KEY, "freeze")
    assert other.snapshots.poll()
    enrolled = other.snapshots.follower.enrolled
    assert (enrolled.holds(KEY, "enrolled"), enrolled.holds(KEY, "newcomer")) == (True, False)
    other.database.close()
