"""Polling with an ETag, the copy on disk, a refused key. Oracle: what the other end was asked; the files."""

import json
import logging
import stat
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.clients import Client, Options, disk
from app.clients.disk import Kept, keep, recall
from app.clients.exchange import Exchange
from tests.app.clients.bad_service import BadService, document, until
from tests.app.clients.conftest import HurriedClock
from tests.support.live import ROOT

KEY = "olk_srv_key"
SLOW = Options(poll_seconds=3600.0, budget_seconds=0.2)


def _polled(bad: BadService, clock: HurriedClock) -> list[int]:
    """Ask many times, change the rules once in between: (200s, 304s the service answered)."""
    bad.rules, bad.etag = document(1), '"one"'
    with Client(bad.url, KEY, Options(clock=clock, rng=Random(1))) as client:
        assert client.ready()
        assert client.assign("e", "v-1").reason == "SPLIT"
        assert until(lambda: bad.count("/api/v1/configuration") >= 5)
        bad.rules, bad.etag = document(2, state="paused"), '"two"'
        assert until(lambda: client.config_version == 2)
        assert client.assign("e", "v-1").reason == "PAUSED"
        seen = bad.count("/api/v1/configuration")
        assert until(lambda: bad.count("/api/v1/configuration") >= seen + 3)
        counts = client.polls
    return [counts.fetched, bad.count("/api/v1/configuration") - bad.not_modified]


def test_a_change_is_seen_and_everything_else_is_304(bad: BadService, clock: HurriedClock) -> None:
    assert _polled(bad, clock) == [2, 2]
    assert bad.not_modified >= 5
    assert all(9 <= wait <= 11 for wait in clock.waits if wait > 1)  # every ten seconds, give or take


def test_the_count_sees_a_client_without_etags(
    bad: BadService, clock: HurriedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted bug: the ETag is forgotten."""
    rules = Exchange.rules
    monkeypatch.setattr(Exchange, "rules", lambda self, _etag: rules(self, None))
    fetched, _ = _polled(bad, clock)
    assert fetched > 5


def test_a_poll_waits_as_long_as_the_service_asks_and_keeps_the_rules(
    bad: BadService, clock: HurriedClock
) -> None:
    bad.rules = document(1)
    with Client(bad.url, KEY, Options(clock=clock, rng=Random(1))) as client:
        assert client.ready()
        bad.plan, bad.retry_after = lambda _service, _path: 503, "40"
        assert until(lambda: client.polls.failed >= 2)
        assert client.assign("e", "v-1").source == "local"
        assert any(40 <= wait <= 40.2 for wait in clock.waits)


@pytest.mark.parametrize("nonsense", [b"", b"<html>", b'{"format":9}', document(1)[:-10]])
def test_nonsense_never_replaces_good_rules(bad: BadService, clock: HurriedClock, nonsense: bytes) -> None:
    bad.rules = document(1)
    with Client(bad.url, KEY, Options(clock=clock, rng=Random(1))) as client:
        assert client.ready()
        bad.rules, bad.etag = nonsense, '"other"'
        assert until(lambda: client.polls.failed >= 2)
        assert client.assign("e", "v-1").source == "local"


# ---- the copy on disk


def test_a_restarted_shop_works_while_the_service_is_away(bad: BadService, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "rules.json"
    bad.rules = document(1)
    kept = Options(cache_path=path, poll_seconds=3600.0)
    with Client(bad.url, KEY, kept) as client:
        assert client.ready()
        assert until(path.exists)
        before = [client.assign("e", f"v-{n}") for n in range(200)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY not in path.read_text()
    bad.plan = lambda _service, _path: "drop"
    with Client(bad.url, KEY, kept) as client:
        after = [client.assign("e", f"v-{n}") for n in range(200)]
        client.close(0.05)
    assert [answer.variant for answer in after] == [answer.variant for answer in before]
    assert {(answer.source, answer.stale) for answer in before} == {("local", False)}
    assert {(answer.source, answer.stale) for answer in after} == {("local", True)}


def test_the_copy_is_confirmed_by_its_etag_alone(bad: BadService, tmp_path: Path) -> None:
    keep(tmp_path / "rules", Kept(bad.url, bad.etag, _raw(document(5))))
    with Client(bad.url, KEY, Options(cache_path=tmp_path / "rules", poll_seconds=3600.0)) as client:
        assert client.ready()
        assert (client.polls.fetched, client.polls.not_modified, client.config_version) == (0, 1, 5)
        assert not client.assign("e", "v-1").stale


def _raw(content: bytes) -> Any:
    import msgspec

    return msgspec.Raw(content)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"url":"U","etag":"e","document":{"format":9}}', b"\xff\xfe"]
)
def test_a_broken_copy_is_as_good_as_none(bad: BadService, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rules"
    path.write_bytes(content.replace(b'"U"', json.dumps(bad.url).encode()))
    bad.plan = lambda _service, _path: "drop"
    with Client(bad.url, KEY, Options(cache_path=path, budget_seconds=0.2)) as client:
        assert client.assign("e", "v-1", default="d").source == "fallback"
        client.close(0.05)


def test_the_copy_of_another_service_is_not_used(tmp_path: Path) -> None:
    keep(tmp_path / "rules", Kept("https://one.test", '"1"', _raw(document(1))))
    assert recall(tmp_path / "rules", "https://other.test") is None
    assert recall(tmp_path / "rules", "https://one.test") is not None


_DYING_WRITER = """
import importlib.util, os, sys
from pathlib import Path
import msgspec

spec = importlib.util.spec_from_file_location("disk", sys.argv[2])
disk = importlib.util.module_from_spec(spec)
sys.modules["disk"] = disk
spec.loader.exec_module(disk)

class Dying:
    def __init__(self, handle): self.handle = handle
    def __enter__(self): return self
    def __exit__(self, *_): return None
    def write(self, content): os.write(self.handle, content[:len(content) // 2]); os._exit(9)

os.fdopen = lambda handle, mode: Dying(handle)
disk.keep(Path(sys.argv[1]), disk.Kept("https://one.test", "new", msgspec.Raw(b"{}")))
"""


def _found_after_a_cut(path: Path, module: Path) -> bytes:
    """What a reader finds after the writing process died in the middle of a write."""
    keep(path, Kept("https://one.test", "old", _raw(b"{}")))
    command = [sys.executable, "-c", _DYING_WRITER, str(path), str(module)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 9
    return path.read_bytes()


def test_a_write_that_is_cut_short_leaves_the_old_copy(tmp_path: Path) -> None:
    found = _found_after_a_cut(tmp_path / "rules", Path(disk.__file__))
    assert json.loads(found)["etag"] == "old"


def test_the_oracle_sees_a_write_in_place(tmp_path: Path) -> None:
    """Planted bug: the file is overwritten where it lies."""
    aside = 'tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)'
    source = Path(disk.__file__).read_text(encoding="utf-8")
    assert aside in source
    in_place = "(os.open(path, os.O_WRONLY | os.O_TRUNC), str(path))"
    (tmp_path / "planted.py").write_text(source.replace(aside, in_place), encoding="utf-8")
    with pytest.raises(ValueError):
        json.loads(_found_after_a_cut(tmp_path / "rules", tmp_path / "planted.py"))


def test_a_disk_that_cannot_be_written_costs_nothing_but_the_copy(
    bad: BadService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    bad.rules = document(1)
    with Client(bad.url, KEY, Options(cache_path=tmp_path / "file" / "rules")) as client:
        assert client.ready()
        assert client.assign("e", "v-1").source == "local"
    assert "cannot be kept on disk" in caplog.text


# ---- a refused key


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_said_once_flagged_and_forgiven(
    bad: BadService, clock: HurriedClock, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    bad.rules = document(1)
    bad.plan = lambda _service, _path: status
    with (
        caplog.at_level(logging.ERROR, "offerlab.client"),
        Client(bad.url, KEY, Options(clock=clock, rng=Random(1), budget_seconds=0.2)) as client,
    ):
        answer = client.assign("e", "v-1", default="d")
        assert (answer.source, answer.reason, answer.offer) == ("fallback", "BAD_KEY", "d")
        assert until(lambda: client.polls.failed >= 4)
        assert client.is_key_refused
        said = [record.getMessage() for record in caplog.records]
        assert len([line for line in said if "/configuration" in line]) == 1
        assert not any(KEY in line for line in said)
        bad.plan = lambda _service, _path: "fine"
        assert until(lambda: client.assign("e", "v-1").source == "local")
        assert until(lambda: client.polls.not_modified >= 1)


def test_rules_in_hand_go_on_after_the_key_was_revoked_and_become_stale(
    bad: BadService, clock: HurriedClock
) -> None:
    bad.rules = document(1)
    with Client(bad.url, KEY, Options(clock=clock, rng=Random(1), stale_after_seconds=0.05)) as client:
        assert client.ready()
        bad.plan = lambda _service, _path: 401
        assert until(lambda: client.is_key_refused)
        assert until(lambda: client.assign("e", "v-1").stale)
        assert client.assign("e", "v-1").source == "local"
