"""Docs live with the code: what exists is documented, and the reference is what the code says today."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.main import offerlab
from app.cli.reference import PAGES
from app.settings import Settings
from stats.metrics import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as a fresh process writes them: click remembers how a command was first called."""
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, "-m", "app.cli.reference", str(folder)], cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_reference_page_is_what_the_code_says(generated: Path, name: str) -> None:
    written = (REFERENCE / name).read_text(encoding="utf-8")
    assert written == (generated / name).read_text(encoding="utf-8"), "run ./dev docs"


def test_every_setting_is_documented() -> None:
    page = (REFERENCE / "settings.md").read_text()
    missing = [name for name in Settings.model_fields if f"OFFERLAB_{name.upper()}`" not in page]
    assert missing == []


def test_every_command_is_documented_with_an_example() -> None:
    page = (REFERENCE / "commands.md").read_text()
    for name, command in offerlab.commands.items():
        assert f"## `offerlab {name}`" in page
        assert "Example" in (command.help or ""), name


def test_every_metric_is_defined_in_the_methods() -> None:
    page = (ROOT / "docs" / "methods" / "metrics.md").read_text()
    assert [key for key in CATALOGUE if f"`{key}`" not in page] == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)} → {target}"
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "./dev run" in text
    assert "./dev test" in text


METHODS = ROOT / "docs" / "methods"
OTHERS = {"README", "beyond-the-default", "metrics", "validity", "verdict"}  # lists, definitions, figures
PAGES_OF_METHODS = sorted(page.name for page in METHODS.glob("*.md") if page.stem not in OTHERS)


@pytest.mark.parametrize("name", PAGES_OF_METHODS)
def test_a_method_s_page_says_when_not_to_use_it_and_what_checked_it(name: str) -> None:
    page = (METHODS / name).read_text(encoding="utf-8")
    parts = ("What it answers", "When not to use it", "ources and checks", "tests/stats", "../pictures/")
    assert [part for part in parts if part not in page] == []


def test_every_public_module_of_statistics_is_named_in_the_methods() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in METHODS.glob("*.md"))
    plumbing = {
        "arguments",
        "cell_view",
        "cells",
        "contrasts",
        "density_grid",
        "results",
        "shop_days",
        "variants",
        "plan",
        "readings",
    }
    modules = {path.stem for path in (ROOT / "stats").rglob("*.py")} - plumbing - {"__init__"}
    assert sorted(module for module in modules if module not in text) == []
