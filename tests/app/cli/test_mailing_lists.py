"""Mailing lists through `offerlab assign`. Oracle: `assignment.decision.decide`, id by id."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.settings import Settings
from assignment.decision import Assigned, Experiment, decide
from tests.support.inprocess import ADMIN_KEY, InProcess
from tests.support.live import ROOT

KEY = "promo-code-reuse"
IDS = [f"v-{n}" for n in range(70_000)] + ["Мария", "🛒", "a,b", 'say "hi"', "x" * 200]


@pytest.fixture(scope="module")
def data_dir(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mailing")
    (folder / "offerlab.sqlite3").write_bytes(sqlite_template.read_bytes())
    return folder


@pytest.fixture(scope="module")
def rules(data_dir: Path) -> Iterator[Experiment]:
    url = f"sqlite:///{data_dir / 'offerlab.sqlite3'}"
    service = InProcess(Settings(database_url=url, data_dir=data_dir, admin_key=ADMIN_KEY, secret="s" * 32))
    service.make_keys()

    async def start() -> None:
        service.services.start()

    with service.runner:
        service.runner.run(start())
        service.running(coverage=0.9, audience={"country": "RU"})
        yield service.services.snapshots.current.experiments[KEY].rules
        service.runner.run(service.services.stop())


def command(data_dir: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OFFERLAB_DATA_DIR": str(data_dir), "OFFERLAB_SECRET": "s" * 32}
    line = [sys.executable, "-m", "app.cli.main", "assign", "--attributes", '{"country": "RU"}', *arguments]
    return subprocess.run(
        line, cwd=ROOT, env=environment, input=given, capture_output=True, text=True, check=False
    )


def expected(rules: Experiment, ids: list[str]) -> list[tuple[Any, ...]]:
    answers = [decide(rules, unit, {"country": "RU"}) for unit in ids]
    return [
        (unit, answer.variant if isinstance(answer, Assigned) else None, answer.reason)
        for unit, answer in zip(ids, answers, strict=True)
    ]


def test_a_list_on_standard_input(data_dir: Path, rules: Experiment) -> None:
    done = command(data_dir, "--experiment", KEY, given="\n".join(IDS) + "\n\n")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [tuple(line.split("\t")) for line in done.stdout.splitlines()]
    assert rows == [(unit, variant or "-", reason) for unit, variant, reason in expected(rules, IDS)]
    assert {reason for _, _, reason in rows} == {"SPLIT", "NOT_COVERED"}


def test_parquet_in_and_out(data_dir: Path, rules: Experiment, tmp_path: Path) -> None:
    pq.write_table(pa.table({"email": ["?"] * len(IDS), "customer": IDS}), tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    done = command(
        data_dir,
        "--experiment",
        KEY,
        f"--file={tmp_path / 'in.parquet'}",
        "--column=customer",
        f"--out={out}",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    rows = [tuple(row.values()) for row in pq.read_table(out).to_pylist()]
    assert rows == expected(rules, IDS)


def test_commas_and_quotes_survive_csv(data_dir: Path, rules: Experiment, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = command(data_dir, KEY, *IDS[-5:], f"--out={out}")
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert rows[0] == ["unit_id", "variant", "reason"]
    assert rows[1:] == [[unit, variant or "", reason] for unit, variant, reason in expected(rules, IDS[-5:])]


@pytest.mark.parametrize(
    ("column", "said"),
    [("missing", "no column 'missing'; it has number, hole"), ("number", "a text"), ("hole", "a text")],
)
def test_a_column_that_cannot_be_used_is_named(
    data_dir: Path, rules: Experiment, tmp_path: Path, column: str, said: str
) -> None:
    assert rules.key == KEY
    table = pa.table({"number": [1, 2], "hole": ["a", None]})
    pq.write_table(table, tmp_path / "in.parquet")
    done = command(data_dir, KEY, f"--file={tmp_path / 'in.parquet'}", f"--column={column}")
    assert done.returncode == 1
    assert said in done.stderr


def test_a_file_that_is_no_parquet_and_bytes_that_are_no_text(
    data_dir: Path, rules: Experiment, tmp_path: Path
) -> None:
    assert rules.key == KEY
    (tmp_path / "in.parquet").write_bytes(b"nonsense")
    (tmp_path / "in.txt").write_bytes(b"v-1\n\xff\n")
    for name, said in (("in.parquet", "Parquet"), ("in.txt", "UTF-8")):
        done = command(data_dir, KEY, f"--file={tmp_path / name}")
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr
