"""The tree keeps its own rules: cards, names, locks without addresses."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("app", "stats", "assignment", "dashboards")
EMPTY_NAMES = {"utils", "util", "helpers", "common", "misc", "manager", "managers", "base"}
ADDRESS = re.compile(
    r"https?://|file:|--index-url|--extra-index|--find-links|(?<![\w.])/(?:home|root|opt|work)/"
)


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def _packages() -> list[Path]:
    found = [path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return sorted({path for path in found if path.name not in {"static", "templates"}})


@pytest.mark.parametrize("package", _packages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_package_opens_with_a_card_of_five_lines(package: Path) -> None:
    card = (package / "__init__.py").read_text().split('"""')[1].strip().splitlines()
    lines = [line for line in card if line.strip()]
    assert len(lines) == 5
    assert lines[1].startswith("Question:")
    assert lines[2].startswith("In:")
    assert lines[3].startswith("May import:")
    assert lines[4].startswith("Next door:")


def test_alembic_is_never_a_package() -> None:
    assert (ROOT / "alembic" / "env.py").exists()
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_no_file_has_a_name_that_says_nothing() -> None:
    nameless = [path for path in _tracked() if path.suffix == ".py" and path.stem in EMPTY_NAMES]
    assert nameless == []


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "requirements").glob("*.txt")))
def test_lock_files_are_pinned_hashed_and_hold_no_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    pins = re.findall(r"^([a-z0-9][^=\s]*)==\S+(.*)$", text, re.MULTILINE)
    assert pins
    assert text.count("--hash=sha256:") >= len(pins)
    assert ADDRESS.search(text) is None


def test_the_tests_run_with_the_very_packages_of_the_service() -> None:
    run, dev = (
        set(re.findall(r"^([a-z0-9][^\s]*==\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("run.txt", "dev.txt")
    )
    assert run - dev == set()


def test_the_address_check_sees_a_planted_address() -> None:
    assert ADDRESS.search("--index-url https://example.test/simple")
    assert ADDRESS.search("# via /opt/wheels/thing")


def test_every_lint_or_type_ignore_gives_its_reason() -> None:
    # the reason follows: "- why" after a noqa, "# why" after a type: ignore
    bare = re.compile(r"#\s*noqa(?::\s*[A-Z0-9, ]+)?\s*$|#\s*type:\s*ignore(?:\[[^\]]*\])?\s*$")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _tracked()
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if bare.search(line)
    ]
    assert found == []
