"""Restart, a second replica, another hash seed, time zone or locale: the same answer for everybody."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.whole.test_from_assignment_to_verdict import definition
from tests.support.live import ADMIN_KEY, ROOT, live_service
from tests.support.load import assign_over_http

ENVIRONMENTS = (
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LANG": "C"},
    {"PYTHONHASHSEED": "4242", "TZ": "Asia/Kathmandu", "LANG": "C.UTF-8"},
)


def _ids(count: int) -> list[str]:
    return [f"посетитель-{number}" if number % 10 == 0 else f"v-{number}" for number in range(count)]


def _by_command(data_dir: Path, ids_file: Path, environment: dict[str, str]) -> str:
    settings = {"OFFERLAB_DATA_DIR": str(data_dir), "OFFERLAB_SECRET": "s" * 32, "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "app.cli.main", "assign", "threshold", "--file", str(ids_file)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | settings | environment, capture_output=True, check=True
    )
    return done.stdout.decode()


def _check(data_dir: Path, count: int) -> None:
    ids = _ids(count)
    ids_file = data_dir / "ids.txt"
    ids_file.write_text("\n".join(ids), encoding="utf-8")
    with live_service(data_dir, ENVIRONMENTS[0]) as first:
        with first.client() as http:
            http.post("/api/v1/experiments", json=definition()).raise_for_status()
            http.post("/api/v1/experiments/threshold/start", json={}).raise_for_status()
        before = assign_over_http(first.url, ADMIN_KEY, "threshold", ids)
        with live_service(data_dir, ENVIRONMENTS[1]) as second:
            assert assign_over_http(second.url, ADMIN_KEY, "threshold", ids) == before
    with live_service(data_dir, ENVIRONMENTS[1]) as restarted:
        assert assign_over_http(restarted.url, ADMIN_KEY, "threshold", ids) == before
    printed = {_by_command(data_dir, ids_file, environment) for environment in ENVIRONMENTS}
    assert len(printed) == 1
    variants = [json.loads(answer)[0]["variant"] for answer in before]
    assert [line.split("\t")[1] for line in printed.pop().splitlines()] == variants
    assert {"from-1000", "from-3000"} == set(variants)


def test_two_thousand_visitors_keep_their_variant(tmp_path: Path) -> None:
    _check(tmp_path, 2_000)


@pytest.mark.long
def test_a_hundred_thousand_visitors_keep_their_variant(tmp_path: Path) -> None:
    _check(tmp_path, 100_000)
