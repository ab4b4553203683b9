"""The command line as its own process: what it prints, its exit codes, one line where something is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.database import Database, migrate
from tests.app.whole.test_from_assignment_to_verdict import definition
from tests.support.live import ROOT, free_port, live_service
from tests.support.load import assign_over_http


def offerlab(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a data folder; never longer than 30 s."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OFFERLAB_")},
        "OFFERLAB_DATA_DIR": str(folder),
        "OFFERLAB_SECRET": "s" * 32,
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "app.cli.main", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[bool, str]]:
    assert "Traceback" not in done.stderr
    return {entry["what"]: (entry["ok"], entry["detail"]) for entry in json.loads(done.stdout)}


def test_doctor_finds_nothing_wrong_with_a_fresh_installation(tmp_path: Path) -> None:
    assert offerlab(tmp_path, "keys", "create", "--kind", "adm", "--name", "me").returncode == 0
    done = offerlab(tmp_path, "doctor", "--json")
    assert done.returncode == 0, done.stdout
    assert all(ok for ok, _ in findings(done).values())
    assert {"Python", "data folder", "disk", "secret", "database", "admin key", "engine"} == set(
        findings(done)
    )


def test_doctor_says_what_to_do_in_words(tmp_path: Path) -> None:
    done = offerlab(tmp_path, "doctor")
    assert "ok     Python: 3." in done.stdout
    (tmp_path / "file").write_text("")
    done = offerlab(tmp_path / "file", "doctor")
    assert done.returncode == 1
    assert "WRONG  data folder" in done.stdout
    assert "OFFERLAB_DATA_DIR" in done.stdout


def test_doctor_finds_a_missing_secret_in_production(tmp_path: Path) -> None:
    done = offerlab(tmp_path, "doctor", "--json", OFFERLAB_SECRET="", OFFERLAB_MODE="production")
    assert done.returncode == 1
    ok, detail = findings(done)["secret"]
    assert not ok
    assert "OFFERLAB_SECRET" in detail


def test_doctor_finds_a_schema_of_another_version(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'offerlab.sqlite3'}")
    database = Database(f"sqlite:///{tmp_path / 'offerlab.sqlite3'}")
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = 'older'")
    database.close()
    done = offerlab(tmp_path, "doctor", "--json")
    assert done.returncode == 1
    ok, detail = findings(done)["database"]
    assert not ok
    assert "older" in detail
    assert "alembic upgrade head" in detail


UNREACHABLE = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"


def test_doctor_finds_an_unreachable_database(tmp_path: Path) -> None:
    done = offerlab(tmp_path, "doctor", "--json", OFFERLAB_DATABASE_URL=UNREACHABLE)
    assert done.returncode == 1
    ok, detail = findings(done)["database"]
    assert not ok
    assert "cannot be reached" in detail


@pytest.mark.parametrize(
    "command", [("keys", "list"), ("assign", "x", "v-1"), ("serve", "--port", "0")], ids=lambda c: c[0]
)
def test_an_unreachable_database_is_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = offerlab(tmp_path, *command, OFFERLAB_DATABASE_URL=UNREACHABLE)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the database does not answer")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [("keys", "list"), ("serve",), ("doctor",)], ids=lambda c: c[0])
def test_a_wrong_setting_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = offerlab(tmp_path, *command, OFFERLAB_TIMEZONE="Mars/Base")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "OFFERLAB_TIMEZONE" in done.stderr


def test_a_data_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = offerlab(tmp_path / "file", "keys", "list")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "file") in done.stderr


def test_a_key_is_made_listed_without_its_text_and_revoked(tmp_path: Path) -> None:
    made = json.loads(offerlab(tmp_path, "keys", "create", "--kind", "ro", "--name", "Анна", "--json").stdout)
    listed = offerlab(tmp_path, "keys", "list").stdout
    assert "Анна" in listed
    assert "active" in listed
    assert made["key"] not in listed
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("offerlab.sqlite3*"))
    assert made["id"].encode() in stored
    assert made["key"].encode() not in stored
    assert offerlab(tmp_path, "keys", "revoke", made["id"]).returncode == 0
    assert "revoked" in offerlab(tmp_path, "keys", "list").stdout
    unknown = offerlab(tmp_path, "keys", "revoke", "k_nothing")
    assert unknown.returncode == 1
    assert "Traceback" not in unknown.stderr


def test_assign_prints_what_the_service_answers(tmp_path: Path) -> None:
    ids = ["v-1", "посетитель", "v 2", "42"]
    (tmp_path / "ids.txt").write_text("\n".join(ids[2:]) + "\n\n", encoding="utf-8")
    with live_service(tmp_path) as live:
        with live.client() as http:
            http.post("/api/v1/experiments", json=definition()).raise_for_status()
            http.post("/api/v1/experiments/threshold/start", json={}).raise_for_status()
        answers = assign_over_http(live.url, live.admin_key, "threshold", ids)
    promised = [json.loads(answer)[0] for answer in answers]
    done = offerlab(tmp_path, "assign", "threshold", *ids[:2], f"--file={tmp_path / 'ids.txt'}", "--json")
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["unit_id"] for row in printed] == ids
    for name in ("variant", "reason", "bucket"):
        assert [row[name] for row in printed] == [answer[name] for answer in promised]
    one = offerlab(tmp_path, "assign", "threshold", "v-1").stdout
    assert one == f"v-1\t{promised[0]['variant']}\t{promised[0]['reason']}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("assign", "nothing", "v-1"), "no experiment has this key"),
        (("assign", "nothing"), "no experiment has this key"),
        (("assign",), "--experiment"),
        (("assign", "nothing", "v-1", "--json", "--out", "x.csv"), "--out"),
        (("assign", "nothing", "v-1", "--attributes", "[1]"), "--attributes"),
        (("assign", "nothing", "v-1", "--attributes", "{"), "--attributes"),
        (("demo", "--key", "k", "--url", "http://127.0.0.1:1"), "no answer"),
    ],
    ids=[
        "unknown experiment",
        "no id",
        "no experiment",
        "two outputs",
        "attributes of another kind",
        "attributes cut",
        "no service",
    ],
)
def test_a_wrong_call_says_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = offerlab(tmp_path, *arguments)
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert "Traceback" not in done.stderr
