"""The audit chain: every change on record, a changed row named. Oracle: reliability promise 8."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from app.audit.service import record, verify
from app.cli.main import offerlab
from app.database import Database
from tests.support.inprocess import NOW_US, InProcess, in_process


@pytest.fixture
def chained(database: Database) -> Database:
    with database.write() as session:
        for number in range(5):
            record(
                session,
                "test",
                "thing.change",
                f"t{number}",
                None,
                {"share": 0.1 * number, "имя": "б"},
                NOW_US,
            )
    return database


def _broken(database: Database) -> int | None:
    with database.read() as session:
        row = verify(session)
        return None if row is None else row.id


def test_an_untouched_chain_holds(chained: Database) -> None:
    assert _broken(chained) is None


@pytest.mark.parametrize(
    ("statement", "first_broken"),
    [
        ("UPDATE audit SET actor = 'somebody else' WHERE id = 3", 3),
        ("UPDATE audit SET after = '{\"share\": 1}' WHERE id = 2", 2),
        ("UPDATE audit SET at_us = at_us + 1 WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 3", 4),
        ("DELETE FROM audit WHERE id = 1", 2),
    ],
)
def test_the_first_row_that_was_tampered_with_is_named(
    chained: Database, statement: str, first_broken: int
) -> None:
    with chained.write() as session:
        session.execute(text(statement))
    assert _broken(chained) == first_broken


def _command(monkeypatch: pytest.MonkeyPatch, database: Database, folder: Path, *more: str) -> Result:
    monkeypatch.setenv("OFFERLAB_DATABASE_URL", database.url)
    monkeypatch.setenv("OFFERLAB_DATA_DIR", str(folder))
    return CliRunner().invoke(offerlab, ["audit", "verify", *more])


def test_the_command_says_that_the_chain_holds_and_names_its_newest_hash(
    chained: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = _command(monkeypatch, chained, tmp_path, "--json")
    assert found.exit_code == 0
    proof = json.loads(found.output)
    assert (proof["ok"], proof["entries"], proof["broken"]) == (True, 5, None)
    again = _command(monkeypatch, chained, tmp_path, "--head", proof["head"])
    assert (again.exit_code, "ok      5 entries" in again.output) == (0, True)


def test_the_command_names_the_changed_row(
    chained: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with chained.write() as session:
        session.execute(text("UPDATE audit SET actor = 'somebody else' WHERE id = 3"))
    found = _command(monkeypatch, chained, tmp_path)
    assert (found.exit_code, "row 3 (thing.change of t2" in found.output) == (1, True)


def test_rows_cut_off_at_the_end_are_noticed_by_a_hash_noted_earlier(
    chained: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    head = json.loads(_command(monkeypatch, chained, tmp_path, "--json").output)["head"]
    with chained.write() as session:
        session.execute(text("DELETE FROM audit WHERE id = 5"))
    assert _command(monkeypatch, chained, tmp_path).exit_code == 0  # a shorter chain holds
    found = _command(monkeypatch, chained, tmp_path, "--head", head)
    assert (found.exit_code, "rows at its end were removed" in found.output) == (1, True)


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(database_url, tmp_path) as running:
        yield running


def test_every_change_of_an_experiment_leaves_an_entry_that_can_be_read_in_pages(service: InProcess) -> None:
    key = service.running()
    for action, body in (
        ("pause", None),
        ("resume", None),
        ("freeze", None),
        ("stop", None),
        ("decide", {"variant": "reusable", "reason": "it earns more"}),
        ("archive", None),
    ):
        assert service.act(key, action, body).status_code == 200
    entries, cursor = [], ""
    while True:
        page = service.call("GET", f"/api/v1/audit?limit=3{cursor}", kind="adm").json()
        entries += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    actions = [entry["action"] for entry in entries if entry["subject"] == key]
    expected = ["create", "start", "pause", "resume", "freeze", "stop", "decide", "archive"]
    assert actions[::-1] == [f"experiment.{action}" for action in expected]
    proof = service.call("GET", "/api/v1/audit/verify", kind="adm").json()
    assert (proof["ok"], proof["entries"], proof["broken"]) == (True, len(entries), None)


def test_a_cursor_that_is_not_ours_is_refused(service: InProcess) -> None:
    answer = service.call("GET", "/api/v1/audit?cursor=1e9", kind="adm")
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")
