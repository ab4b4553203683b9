"""The README's first test and the tutorial's last step, typed as written, against a running service."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live import ROOT, Live, live_service

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None, reason="curl is not installed: apt-get install curl"
)


def blocks(page: str) -> list[str]:
    """The shell blocks of a page."""
    return re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def block_with(page: str, sign: str) -> str:
    """The only block of a page that holds a text."""
    (found,) = [block for block in blocks(page) if sign in block]
    return found.replace("-s ", "-sS --fail-with-body ")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("readme")) as started:
        yield started


def typed(live: Live, command: str, **more: str) -> list[object]:
    """Run shell lines as a reader would, in the project's folder; gives the JSON documents they print."""
    environment = {
        **os.environ,
        "KEY": live.admin_key,
        "API": f"{live.url}/api/v1",
        "OFFERLAB_DATA_DIR": str(live.data_dir),
        "OFFERLAB_SECRET": "s" * 32,
        **more,
    }
    tool = f"{sys.executable} -m app.cli.main"
    command = command.replace(".venv/bin/offerlab", tool)
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return documents(done.stdout)


def documents(text: str) -> list[object]:
    """JSON documents one after another; other text is passed over."""
    found, place, decoder = [], 0, json.JSONDecoder()
    while (start := text.find("{", place)) >= 0:
        document, place = decoder.raw_decode(text, start)
        found.append(document)
    return found


def test_the_first_test_of_the_readme_works_as_typed(live: Live, tmp_path: Path) -> None:
    made, started = typed(live, block_with("README.md", "/experiments/threshold/start"))
    assert (made["status"], started["status"]) == ("draft", "running")  # type: ignore[index]  # JSON objects
    (assigned,) = typed(live, block_with("README.md", "$API/assignments"))
    variant = assigned["assignments"][0]["variant"]  # type: ignore[index]  # a JSON object
    tell = block_with("README.md", "$API/events")
    assert "export VARIANT=from-1000" in tell
    (told,) = typed(live, tell.replace("VARIANT=from-1000", f"VARIANT={variant}"))
    assert told["accepted"] == 2, told  # type: ignore[index]  # a JSON object
    (read,) = typed(live, block_with("README.md", "/threshold/results"))
    assert sum(read["trust"]["srm"]["counts"].values()) == 1  # type: ignore[index]  # a JSON object
    block = block_with("docs/tutorial.md", "exposures.csv > exposures.csv")
    inside = block.replace("exposures.csv > ", f"exposures.csv > {tmp_path}/")
    inside = inside.replace("orders.csv > ", f"orders.csv > {tmp_path}/")
    inside = inside.replace("plan.toml > ", f"plan.toml > {tmp_path}/")
    for name in ("exposures.csv", "orders.csv", "plan.toml"):
        inside = inside.replace(f" {name} --", f" {tmp_path}/{name} --").replace(
            f"--plan {name}", f"--plan {tmp_path}/{name}"
        )
    (analysed,) = typed(live, inside)
    assert analysed["metrics"] == read["metrics"]  # type: ignore[index]  # JSON objects
    assert analysed["verdict"] == read["verdict"]  # type: ignore[index]  # JSON objects
