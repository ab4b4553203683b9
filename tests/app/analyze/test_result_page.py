"""The HTML page of `offerlab analyze`, opened from disk in Chromium without a server."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.analyze import analyze
from tests.support.browser import DESK, PHONE, chromium_missing, chromium_page

pytestmark = pytest.mark.skipif(chromium_missing() is not None, reason=str(chromium_missing()))


def write_page(folder: Path, lang: str) -> Path:
    readings = folder / "readings.csv"
    lines = [
        f"2026-03-{day:02},{400 * day},{50.0},{900.0},{400 * day},{53.0 - day / 10},{950.0}"
        for day in range(1, 15)
    ]
    names = [f"{part}_{arm}" for arm in ("control", "treatment") for part in ("n", "mean", "variance")]
    readings.write_text("\n".join([",".join(["time", *names]), *lines]))
    plan = folder / "plan.toml"
    plan.write_text('control = "single-use"\nplanned_units = 12000\nexperiment = "Code <reuse>"\n')
    out = folder / "results.html"
    done = CliRunner().invoke(
        analyze, ["snapshots", str(readings), "--plan", str(plan), "--out", str(out), "--lang", lang]
    )
    assert done.exit_code == 0, done.output
    return out


@pytest.mark.parametrize("size", [PHONE, DESK])
@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_file_draws_its_chart_and_asks_for_nothing(
    tmp_path: Path, lang: str, size: tuple[int, int]
) -> None:
    out = write_page(tmp_path, lang)
    with chromium_page(size) as watched:
        watched.page.goto(out.as_uri())
        watched.page.wait_for_selector(".js-plotly-plot .main-svg")
        assert watched.page.locator("h1").inner_text() == "Code <reuse>"
        assert not watched.scrolls_sideways()
        assert watched.complaints == []
        assert watched.hosts <= {""}
        watched.page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
