"""SIGKILL of the service, and of the whole PostgreSQL server, while orders come in: none lost, none twice.

Every client sends again what it has not heard of, and one answer in five is lost on purpose.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database import migrate
from tests.faults.services import Judgement, Mortal, judge, mortal
from tests.faults.shop import Shop
from tests.support.live import ADMIN_KEY
from tests.support.postgres import administer, folder_of, running_server, start

KILLS = 8
MANY_KILLS = 100
BETWEEN = 30
"""Orders that are acknowledged between two kills."""

GOOD: tuple[set[int], set[int], bool] = (set(), set(), False)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'offerlab.sqlite3'}"
    return str(request.getfixturevalue("postgres_url"))


def killed(url: str, folder: Path, kills: int, *planted: str) -> tuple[Judgement, Shop]:
    """Kill the service so many times under load and judge what the database holds at the end."""
    with mortal(folder, planted, {"OFFERLAB_DATABASE_URL": url}) as service:
        service.start()
        shop = Shop(service.port, ADMIN_KEY)
        shop.start()
        for _ in range(kills):
            assert shop.wait_for(BETWEEN), "nothing was acknowledged for two minutes"
            service.kill()
            service.start()
        shop.wait_for(BETWEEN)
        shop.stop()
        service.kill()
    return judge(url, shop), shop


def verdict(found: Judgement) -> tuple[set[int], set[int], bool]:
    return found.lost, found.doubled, found.has_gaps


def test_nothing_acknowledged_is_lost_and_nothing_doubled(url: str, tmp_path: Path) -> None:
    found, shop = killed(url, tmp_path, KILLS)
    assert verdict(found) == GOOD
    assert found.stored >= len(shop.acknowledged) >= KILLS * BETWEEN
    assert shop.told <= {503}


@pytest.mark.long
def test_a_hundred_kills(url: str, tmp_path: Path) -> None:
    found, shop = killed(url, tmp_path, MANY_KILLS)
    assert verdict(found) == GOOD
    assert len(shop.acknowledged) >= MANY_KILLS * BETWEEN


def test_the_kills_show_a_service_that_acknowledges_early(tmp_path: Path) -> None:
    found, _ = killed(f"sqlite:///{tmp_path / 'offerlab.sqlite3'}", tmp_path, 1, "early")
    assert found.lost


def test_the_lost_answers_show_a_service_without_unique_ids(tmp_path: Path) -> None:
    found, _ = killed(f"sqlite:///{tmp_path / 'offerlab.sqlite3'}", tmp_path, 1, "doubled")
    assert found.doubled


# ---- the database server


@pytest.fixture
def own_server() -> Iterator[str]:
    """A server that nobody else uses: it will be killed."""
    with running_server() as url:
        administer(url, "CREATE DATABASE shop")
        shop_url = url.replace("/postgres?", "/shop?")
        migrate(shop_url)
        yield shop_url


def processes_of(folder: Path) -> list[int]:
    """The server of a folder and all its children."""
    first = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, *map(int, children)]


def kill_all(folder: Path) -> None:
    """SIGKILL of every process of the server, the first one first, so that none can tidy up."""
    doomed = processes_of(folder)
    for process_id in doomed:
        os.kill(process_id, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(_lives(process_id) for process_id in doomed) and time.monotonic() < deadline:
        time.sleep(0.01)  # waiting for other processes, not timing anything
    # in a container nobody may collect the dead, and the server would take its own corpse for another server
    (folder / "data" / "postmaster.pid").unlink(missing_ok=True)
    for lock in folder.glob(".s.PGSQL.*.lock"):
        lock.unlink()


def _lives(process_id: int) -> bool:
    """Whether it runs; one that is dead and not yet collected does not."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def server_killed(url: str, folder: Path, *planted: str) -> tuple[Judgement, Shop]:
    with mortal(folder, planted, {"OFFERLAB_DATABASE_URL": url}) as service:
        service.start()
        shop = Shop(service.port, ADMIN_KEY)
        shop.start()
        for _ in range(2):
            assert shop.wait_for(BETWEEN)
            kill_all(folder_of(url))
            start(folder_of(url))
        assert shop.wait_for(BETWEEN), "the service did not find the server again"
        shop.stop()
        _stop(service)
    return judge(url, shop), shop


def _stop(service: Mortal) -> None:
    service.kill()


def test_a_postgresql_server_killed_whole_loses_and_doubles_nothing(own_server: str, tmp_path: Path) -> None:
    found, shop = server_killed(own_server, tmp_path)
    assert verdict(found) == GOOD
    assert shop.told <= {503}


def test_the_killed_server_shows_a_service_that_acknowledges_early(own_server: str, tmp_path: Path) -> None:
    with mortal(tmp_path, ("early",), {"OFFERLAB_DATABASE_URL": own_server}) as service:
        service.start()
        shop = Shop(service.port, ADMIN_KEY)
        shop.start()
        assert shop.wait_for(BETWEEN)
        kill_all(folder_of(own_server))
        shop.abandon()
        service.kill()
    start(folder_of(own_server))
    assert judge(own_server, shop).lost


def test_every_process_of_the_server_is_meant(own_server: str) -> None:
    listed = subprocess.run(
        ["ps", "-o", "args=", "-p", ",".join(map(str, processes_of(folder_of(own_server))))],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(listed) >= 5
    assert all("postgres" in line for line in listed)
