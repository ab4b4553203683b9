"""`offerlab codes`, run as people run it. Oracle: what the API says of the same database."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli.main import offerlab
from tests.support.codes import open_shop
from tests.support.inprocess import in_process
from tests.support.ledger import query

BATCH = ["--experiment", "codes", "--batch"]


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "type[CliRunner]":
    """The environment of a shop whose experiment runs."""
    for name, value in (("DATABASE_URL", sqlite_url), ("DATA_DIR", str(tmp_path)), ("SECRET", "s" * 32)):
        monkeypatch.setenv(f"OFFERLAB_{name}", value)
    with in_process(sqlite_url, tmp_path) as service:
        open_shop(service)
    return CliRunner


def codes(*arguments: str, content: bytes | None = None) -> Result:
    """One command."""
    return CliRunner().invoke(offerlab, ["codes", *arguments], input=content)


@pytest.mark.usefixtures("run")
def test_a_pool_is_made_once_and_taken_away_and_the_service_knows_it(sqlite_url: str, tmp_path: Path) -> None:
    wanted = ["pool", *BATCH, "july", "--variant", "treatment", "--count", "1200"]
    wanted += ["--valid-until", "2099-01-01T00:00:00Z"]
    assert json.loads(codes(*wanted, "--json").stdout) == {
        "batch": "july",
        "variant": "treatment",
        "codes": 1200,
        "added": 1200,
    }
    assert codes(*wanted).stdout == "july: 1,200 codes, 0 of them new\n"
    out = tmp_path / "july.csv"
    assert codes("export", *BATCH, "july", "--out", str(out)).exit_code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert len({row["code"] for row in rows}) == 1200
    assert codes("export", *BATCH, "july").stdout_bytes == out.read_bytes()
    with in_process(sqlite_url, tmp_path) as service:
        body = {"code": rows[7]["code"], "visitor_id": "v-1", "order_id": "o-1", "discount_minor": 5}
        assert service.call("POST", "/api/v1/codes/redeem", body, "srv").json()["status"] == "redeemed"
        actors = query(
            service.services.database, "SELECT action, actor FROM audit WHERE action LIKE 'codes.%'"
        )
    assert actors == [(f"codes.{what}", "command line") for what in ("pool", "export", "export")]


@pytest.mark.usefixtures("run")
def test_an_import_names_bad_lines_and_says_so_by_its_exit_code(tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_bytes(b"code\r\nSPRING-2026-A1\r\nshort\r\n")
    where = [*BATCH, "spring", "--variant", "treatment"]
    done = codes("import", str(file), *where)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "line 3: too_short (5 letters and digits; at least 10 are needed)",
        "spring: 1 added, 0 unchanged, 1 left out",
    ]
    again = codes("import", "-", *where, content=b"code\nSPRING-2026-A1\n")
    assert (again.exit_code, again.stdout) == (0, "spring: 0 added, 1 unchanged, 0 left out\n")


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pool", *BATCH, "july", "--variant", "nobody", "--count", "5"], "is no variant"),
        (["pool", *BATCH, "two words", "--variant", "treatment", "--count", "5"], "--batch"),
        (
            ["pool", *BATCH, "july", "--variant", "treatment", "--count", "5", "--valid-until", "soon"],
            "RFC 3339",
        ),
        (["export", *BATCH, "june"], "no batch has this name"),
        (["import", "-", *BATCH, "spring", "--variant", "treatment"], "the first line must name the columns"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments: list[str], words: str) -> None:
    done = codes(*arguments)
    assert done.exit_code != 0
    assert words in done.stderr
    assert "Traceback" not in done.output
