"""Whole programs with a client: they end, fork, and lose nothing. Oracle: what the other end stored."""

import os
import subprocess
import sys
import time

import pytest

from tests.app.clients.bad_service import BadService, document
from tests.support.live import ROOT


def _program(bad: BadService, code: str) -> None:
    """Run a program with a client; it must end well and say nothing."""
    head = "import os, sys, time; from app.clients import Client, Options\n"
    head += (
        f"client = Client({bad.url!r}, 'olk_srv_key', Options(send_seconds=3600.0, poll_seconds=3600.0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", head + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_a_program_that_just_ends_has_sent_its_events(bad: BadService) -> None:
    _program(bad, "client.track_order('o-1', 'RUB', 100, visitor_id='v')")
    assert [event["type"] for event in bad.stored.values()] == ["order"]


def test_a_program_ends_in_time_although_the_service_is_away(bad: BadService) -> None:
    bad.plan = lambda _service, _path: 503
    begun = time.monotonic()
    _program(bad, "client.track_order('o-1', 'RUB', 100, visitor_id='v')")
    assert time.monotonic() - begun < 20
    assert bad.stored == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_both_parent_and_child_work_after_a_fork_and_nothing_is_sent_twice(bad: BadService) -> None:
    bad.rules = document(1)
    code = (
        "assert client.ready()\n"
        "client.track_custom('before', visitor_id='v')\n"
        "import warnings; warnings.simplefilter('ignore')\n"  # Python 3.12 warns of threads and fork
        "child = os.fork()\n"
        "name = 'parent' if child else 'child'\n"
        "assert client.assign('e', 'v-1').source == 'local'\n"
        "client.track_custom(name, visitor_id='v')\n"
        "assert client.flush(10), name\n"
        "client.close()\n"
        "os.waitpid(child, 0) if child else os._exit(0)\n"
    )
    _program(bad, code)
    names = sorted(event["name"] for event in bad.stored.values())
    assert names == ["before", "child", "parent"]
    assert len(bad.delivered) == 3
