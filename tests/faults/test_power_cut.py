"""A power cut under an embedded database: the disk holds what was synced, and nothing else.

Killing a process proves nothing here: the machine keeps what it wrote. So a library preloaded into the
service keeps an image of the files that gets a write only when it is synced; the cut is SIGKILL, and then the
image takes the place of the files. Nothing that was not synced survives in it: the worst case.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.services import Judgement, check_whole, judge, mortal, put_back
from tests.faults.shop import Shop
from tests.support.live import ADMIN_KEY

SOURCE = Path(__file__).with_name("power_cut.c")
CUTS = 3
BETWEEN = 30


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, compiled here; a C compiler is part of what the tests need."""
    if shutil.which("gcc") is None:
        raise RuntimeError("gcc is missing: apt-get install gcc libc6-dev")
    made = tmp_path_factory.mktemp("power") / "power_cut.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", made, SOURCE, "-ldl", "-lpthread"], check=True)
    return made


def cut(folder: Path, template: Path, library: Path, cuts: int, *planted: str) -> tuple[Judgement, Shop]:
    """Cut the power so many times under load and judge what is on the disk after the last one."""
    data, image = folder / "data", folder / "image"
    for place in (data, image):
        place.mkdir()
        shutil.copy(template, place)
    with mortal(data, planted, {"LD_PRELOAD": str(library), "POWER_CUT_IMAGE": str(image)}) as service:
        service.start()
        shop = Shop(service.port, ADMIN_KEY)
        shop.start()
        for number in range(cuts):
            assert shop.wait_for(BETWEEN), "nothing was acknowledged for two minutes"
            service.kill()
            if number + 1 == cuts:
                shop.abandon()
            put_back(image, data)
            check_whole(data / "offerlab.sqlite3")
            shutil.rmtree(image)
            shutil.copytree(data, image, ignore=lambda _, names: [n for n in names if "sqlite3" not in n])
            if number + 1 < cuts:
                service.start()
    return judge(f"sqlite:///{data / 'offerlab.sqlite3'}", shop), shop


def test_a_power_cut_loses_nothing_that_was_acknowledged(
    sqlite_template: Path, library: Path, tmp_path: Path
) -> None:
    found, shop = cut(tmp_path, sqlite_template, library, CUTS)
    assert (found.lost, found.doubled, found.has_gaps) == (set(), set(), False)
    assert len(shop.acknowledged) >= CUTS * BETWEEN


@pytest.mark.parametrize("level", ["NORMAL", "OFF"])
def test_the_power_cut_shows_a_database_that_does_not_wait_for_the_disk(
    sqlite_template: Path, library: Path, tmp_path: Path, level: str
) -> None:
    found, shop = cut(tmp_path, sqlite_template, library, 1, f"synchronous={level}")
    assert found.lost
    assert len(found.lost) <= len(shop.acknowledged)
