"""The snapshot follows the database, and serves without it. Oracle: the ledger page's section Serving."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.bootstrap import Services
from app.edge.asking import ask
from app.edge.evaluate import answer
from app.identity.resolve import Link, resolve
from app.serving.aliases import AliasIndex
from app.serving.enrolled import EnrolledIndex
from app.serving.service import served_experiment
from assignment.decision import Assigned, decide
from tests.support.inprocess import InProcess, closed, in_process, second_replica

KEY = "promo-code-reuse"
IDS = [f"v-{number}" for number in range(500)]


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(database_url, tmp_path / "first") as running:
        yield running


def _variants(services: Services) -> list[str | None]:
    found = []
    for visitor in IDS:
        item = json.loads(answer(ask(services, visitor, None, {}), [KEY]))
        found.append(item["assignments"][0]["variant"])
    return found


def test_a_second_replica_sees_every_change_within_one_poll(service: InProcess, tmp_path: Path) -> None:
    other = second_replica(service, tmp_path / "second")
    other.snapshots.start()
    assert not other.snapshots.poll(), "nothing changed yet"
    key = service.running()
    assert other.snapshots.poll()
    assert other.snapshots.current.experiments[key].state == "running"
    service.act(key, "pause")
    assert other.snapshots.poll()
    assert other.snapshots.current.experiments[key].state == "paused"
    made = service.call("POST", "/api/v1/keys", {"kind": "ro", "name": "new"}, "adm").json()
    assert other.snapshots.poll()
    assert other.keys.authenticate(made["key"], service.clock.now_us()).name == "new"
    service.call("DELETE", f"/api/v1/keys/{made['id']}", kind="adm")
    assert other.snapshots.poll()
    assert not other.snapshots.poll()
    other.database.close()


def test_a_restart_and_a_second_replica_assign_alike(service: InProcess, tmp_path: Path) -> None:
    service.running(coverage=0.7)
    expected = _variants(service.services)
    other = second_replica(service, tmp_path / "second")
    other.snapshots.start()
    assert _variants(other) == expected
    assert len({*expected}) == 3
    other.database.close()


def test_assignments_are_answered_while_the_database_is_gone(service: InProcess) -> None:
    service.running()
    before = service.assign(visitor_id="v-1").json()
    closed(service.services.database)
    assert service.assign(visitor_id="v-1").json() == before
    gone = service.call("GET", "/api/v1/experiments")
    assert (gone.status_code, gone.headers["retry-after"]) == (503, "1")


def test_a_replica_starts_and_assigns_without_the_database(service: InProcess, tmp_path: Path) -> None:
    service.running(coverage=0.7)
    expected = _variants(service.services)
    folder = tmp_path / "second"
    folder.mkdir()
    copied = (tmp_path / "first" / "snapshot.json").read_bytes()
    (folder / "snapshot.json").write_bytes(copied)
    other = second_replica(service, folder)
    closed(other.database)
    other.snapshots.start()
    assert _variants(other) == expected
    assert other.keys.authenticate(service.keys["pub"], service.clock.now_us()).kind == "pub"


def test_the_copy_on_disk_is_private_and_holds_no_key(service: InProcess, tmp_path: Path) -> None:
    service.running()
    path = tmp_path / "first" / "snapshot.json"
    assert path.stat().st_mode & 0o077 == 0
    assert service.keys["adm"] not in path.read_text()


def test_a_broken_copy_on_disk_is_passed_over(service: InProcess, tmp_path: Path) -> None:
    folder = tmp_path / "second"
    folder.mkdir()
    (folder / "snapshot.json").write_text('{"config_version": 1, "experi')
    other = second_replica(service, folder)
    closed(other.database)
    other.snapshots.start()
    assert dict(other.snapshots.current.experiments) == {}


def test_the_command_line_reads_the_same_rules(service: InProcess) -> None:
    service.running(coverage=0.7)
    rules = served_experiment(service.services.database, KEY).rules
    direct = [decide(rules, visitor, {}) for visitor in IDS]
    assert [d.variant if isinstance(d, Assigned) else None for d in direct] == _variants(service.services)


_links = st.lists(
    st.tuples(st.integers(1, 5), st.integers(11, 14), st.integers(0, 6), st.sampled_from("abcdefgh")),
    max_size=12,
    unique_by=lambda link: (link[2], link[3]),
)


@settings(max_examples=200, deadline=None)
@given(links=_links)
def test_the_alias_index_agrees_with_resolving_all_links_at_once(
    links: list[tuple[int, int, int, str]],
) -> None:
    index = AliasIndex()
    for visitor, customer, occurred_us, event_id in links:
        index.link(str(visitor), str(customer), occurred_us, event_id)
    unit_of = resolve([Link(*link) for link in links], "visitor").unit_of
    expected = {customer: unit_of.get(customer) for customer in range(11, 15)}
    found = {customer: index.canonical(str(customer)) for customer in range(11, 15)}
    assert found == {c: None if unit is None else str(unit) for c, unit in expected.items()}


def test_the_enrolled_index_knows_its_units_and_no_others() -> None:
    index = EnrolledIndex()
    index.add("e", ["a", "b"])
    index.add("e", ["b", "юнит"])
    assert [index.holds("e", unit) for unit in ("a", "b", "юнит", "c")] == [True, True, True, False]
    index.keep_only([])
    assert not index.holds("e", "a")
