"""A freeze keeps the enrolled and takes no new units, on every replica. Oracle: the contract, `freeze`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.bootstrap import Services
from app.clock import isoformat
from app.edge.asking import ask
from app.serving.index_file import IndexHome
from tests.support.inprocess import InProcess, closed, in_process, second_replica

KEY = "promo-code-reuse"
SECOND_US = 1_000_000


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(database_url, tmp_path / "first") as running:
        running.running()
        yield running


@contextmanager
def replica(service: InProcess, folder: Path) -> Iterator[Services]:
    other = second_replica(service, folder)
    other.snapshots.start()
    try:
        yield other
    finally:
        other.snapshots.close()
        other.database.close()


def _variant(services: Services, visitor_id: str, customer_id: str | None = None) -> str | None:
    question = ask(services, visitor_id, customer_id, {})
    served = question.snapshot.experiments[KEY]
    return getattr(question.decide(served, question.unit_of(served)), "variant", None)


def _send(service: InProcess, kind: str, seconds_ago: int, **fields: Any) -> None:
    occurred_at = isoformat(service.clock.now_us() - seconds_ago * SECOND_US)
    event = {
        "event_id": f"e-{kind}-{seconds_ago}-{fields}",
        "type": kind,
        "occurred_at": occurred_at,
        **fields,
    }
    answer = service.call("POST", "/api/v1/events", {"events": [event]}, "srv").json()
    assert answer["accepted"] == 1, answer


def _expose(service: InProcess, visitor_id: str, seconds_ago: int, **fields: Any) -> str:
    shown = _variant(service.services, visitor_id) or "single-use"  # frozen: what a server says is stored
    _send(service, "exposure", seconds_ago, experiment=KEY, variant=shown, visitor_id=visitor_id, **fields)
    return shown


def test_every_replica_keeps_the_enrolled_and_takes_no_new_units(service: InProcess, tmp_path: Path) -> None:
    with replica(service, tmp_path / "second") as other:
        shown = _expose(service, "old", 10)
        service.act(KEY, "freeze")
        other.snapshots.look()
        for services in (service.services, other):
            assert (_variant(services, "old"), _variant(services, "new")) == (shown, None)


def test_an_exposure_of_before_the_freeze_that_arrives_late_counts_everywhere(
    service: InProcess, tmp_path: Path
) -> None:
    with replica(service, tmp_path / "second") as other:
        service.clock.advance(60)
        service.act(KEY, "freeze")
        other.snapshots.look()
        service.clock.advance(60)
        assert _variant(other, "late") is None
        _expose(service, "late", 90)
        _expose(service, "after", 10)
        for services in (service.services, other):
            services.snapshots.follow()
            assert _variant(services, "late") is not None
            assert _variant(services, "after") is None


@pytest.mark.parametrize("link_first", [True, False])
def test_who_was_exposed_on_another_device_is_enrolled_under_the_canonical_unit(
    service: InProcess, tmp_path: Path, *, link_first: bool
) -> None:
    def link() -> None:
        _send(service, "identify", 50, visitor_id="phone", customer_id="anna")
        _send(service, "identify", 40, visitor_id="laptop", customer_id="anna")

    if link_first:
        link()
    _expose(service, "laptop", 10)
    service.act(KEY, "freeze")
    if not link_first:
        link()
    service.services.snapshots.follow()
    assert _variant(service.services, "laptop", "anna") == _variant(service.services, "phone")
    assert _variant(service.services, "phone") is not None
    with replica(service, tmp_path / "second") as other:
        assert _variant(other, "tablet", "anna") == _variant(service.services, "phone")
        assert _variant(other, "boris") is None


def test_after_a_restart_without_the_database_the_enrolled_are_known(
    service: InProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "second"
    with replica(service, folder) as other:
        shown = _expose(service, "old", 10)
        _send(service, "identify", 5, visitor_id="old", customer_id="anna")
        service.act(KEY, "freeze")
        other.snapshots.poll()
    again = second_replica(service, folder)
    closed(again.database)
    again.snapshots.start()
    assert (_variant(again, "old"), _variant(again, "new")) == (shown, None)
    assert again.snapshots.follower.aliases.canonical("anna") == "old"
    again.snapshots.close()


def test_two_workers_of_one_folder_know_the_enrolled_alike(service: InProcess, tmp_path: Path) -> None:
    folder = tmp_path / "first"
    with replica(service, folder) as other:
        shown = _expose(service, "old", 10)
        service.act(KEY, "freeze")
        other.snapshots.follow()  # with the configuration of before: it must not drop what the first has read
        other.snapshots.look()
        assert (_variant(other, "old"), _variant(other, "new")) == (shown, None)
        assert (_variant(service.services, "old"), _variant(service.services, "new")) == (shown, None)


def test_what_is_frozen_no_more_is_not_followed(service: InProcess) -> None:
    _expose(service, "old", 10)
    service.act(KEY, "freeze")
    enrolled = service.services.snapshots.follower.enrolled
    assert enrolled.holds(KEY, "old")
    service.act(KEY, "stop")
    service.services.snapshots.poll()
    assert KEY not in enrolled


@pytest.mark.parametrize("harm", ["noise", "foreign", "gone"])
def test_a_damaged_or_foreign_index_is_read_from_the_ledger_again(
    service: InProcess, tmp_path: Path, harm: str
) -> None:
    _expose(service, "old", 10)
    _send(service, "identify", 5, visitor_id="old", customer_id="anna")
    service.act(KEY, "freeze")
    folder = tmp_path / "second"
    with replica(service, folder):
        pass
    home = IndexHome(folder / "identity")
    file = home.open(None)
    if harm == "foreign":
        with file.transaction():
            file.advance(file.reached()[0], b"x" * 32, [])
    file.close()
    if harm == "noise":
        (file.folder / "links.sqlite3").write_bytes(b"noise" * 4096)
    elif harm == "gone":
        (file.folder / "links.sqlite3").unlink()
    with replica(service, folder) as other:
        assert other.snapshots.follower.aliases.canonical("anna") == "old"
        assert (_variant(other, "old") is None, _variant(other, "new")) == (False, None)


def test_a_data_folder_that_cannot_be_written_does_not_stop_the_service(
    service: InProcess, tmp_path: Path
) -> None:
    _send(service, "identify", 5, visitor_id="phone", customer_id="anna")
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "identity").write_text("a file where the folder should be")
    with replica(service, tmp_path / "second") as other:
        assert other.snapshots.follower.aliases.canonical("anna") == "phone"


def test_a_whole_ledger_is_read_anew_as_link_by_link(
    service: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        visitor_id, customer_id = f"v{number % 5}", f"c{number * 7 % 4}"
        _send(service, "identify", number * 13 % 9, visitor_id=visitor_id, customer_id=customer_id)
    _expose(service, "v1", 10)
    service.act(KEY, "freeze")
    service.services.snapshots.follow()
    monkeypatch.setattr("app.serving.follow.FAR_BEHIND", 0)
    expected = service.services.snapshots.follower.aliases
    with replica(service, tmp_path / "second") as other:
        found = other.snapshots.follower.aliases
        customers = [f"c{number}" for number in range(5)]
        assert [*map(found.canonical, customers)] == [*map(expected.canonical, customers)]
        assert found.contradicting() == expected.contradicting() > 0
        assert _variant(other, "v1") is not None


def test_without_space_for_a_new_index_links_are_followed_row_by_row(
    service: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _send(service, "identify", 5, visitor_id="phone", customer_id="anna")

    def full(_database: object, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "half").write_text("of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.serving.follow.FAR_BEHIND", 0)
    monkeypatch.setattr("app.serving.follow.read_anew", full)
    with replica(service, tmp_path / "second") as other:
        assert other.snapshots.follower.aliases.canonical("anna") == "phone"
    assert [*(tmp_path / "second" / "identity").rglob("half")] == []


def test_an_erased_visitor_is_gone_from_the_files_of_a_running_service(
    service: InProcess, tmp_path: Path
) -> None:
    _send(service, "identify", 6, visitor_id="the-phone-of-anna", customer_id="anna")
    _send(service, "identify", 5, visitor_id="the-laptop-of-anna", customer_id="anna")
    follower = service.services.snapshots.follower
    service.services.snapshots.follow()
    folder = tmp_path / "first" / "identity"
    assert any(b"the-phone" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    follower.forget(["the-phone-of-anna"])
    assert follower.aliases.canonical("anna") == "the-laptop-of-anna"
    assert not any(b"the-phone" in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_metrics_count_pairs_that_contradict_a_first_link(service: InProcess) -> None:
    for seconds_ago, customer_id in ((30, "anna"), (20, "boris"), (10, "boris")):
        _send(service, "identify", seconds_ago, visitor_id="phone", customer_id=customer_id)
    service.services.snapshots.follow()
    text = service.call("GET", "/metrics", kind=None).text
    assert "offerlab_contradicting_links 1.0" in text
    assert "offerlab_identity_rows_behind 0.0" in text
