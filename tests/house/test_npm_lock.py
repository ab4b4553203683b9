"""The npm lock of the real clients: every package pinned by hash, no host, no path, no install script run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

CLIENTS = Path(__file__).resolve().parents[2] / "tests" / "clients"
ADDRESS = re.compile(r"\w+://|git[@+]|file:|(?<![\w.@/-])/(?:home|root|opt|work|tmp|usr)\b")
LOCK = (CLIENTS / "package-lock.json").read_text(encoding="utf-8")
PACKAGES: dict[str, Any] = json.loads(LOCK)["packages"]


@pytest.mark.parametrize("name", ["package.json", "package-lock.json", ".npmrc"])
def test_no_file_of_the_npm_part_holds_an_address(name: str) -> None:
    assert ADDRESS.findall((CLIENTS / name).read_text(encoding="utf-8")) == []


def test_every_package_is_pinned_by_its_hash() -> None:
    unpinned = [name for name, package in PACKAGES.items() if name and "integrity" not in package]
    assert unpinned == []
    wanted = json.loads((CLIENTS / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert {name: PACKAGES[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_scripts_of_packages_are_not_run() -> None:
    settings = (CLIENTS / ".npmrc").read_text(encoding="utf-8").splitlines()
    assert {"ignore-scripts=true", "omit-lockfile-registry-resolved=true"} <= set(settings)


@pytest.mark.parametrize(
    "planted", ['"resolved": "https://host.test/x.tgz"', '"file:../x"', '"/home/x"', '"git@host.test:x"']
)
def test_the_address_check_sees_a_planted_address(planted: str) -> None:
    assert ADDRESS.search(planted)
