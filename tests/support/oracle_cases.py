"""Reads the shared numeric cases (name, inputs, expected, tolerance, source); absent ones are skipped."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Case = dict[str, Any]

WANTED: set[tuple[str, str]] = set()  # (file, name) of every case that parametrises a test, as imported
FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "oracles"


def oracle_cases(file: str, wanted: Callable[[Case], bool]) -> Any:
    """Cases of one file as pytest parameters, or one skipped parameter that names what is missing."""
    path = FOLDER / file
    if not path.exists():
        reason = f"../shared/oracles/{file} is missing beside the checkout"
        return [pytest.param({}, id="missing", marks=pytest.mark.skip(reason=reason))]
    cases = [case for case in json.loads(path.read_text()) if wanted(case)]
    if not cases:
        raise LookupError(f"no case of {file} is wanted: the filter is wrong")
    WANTED.update((file, case["name"]) for case in cases)
    return [pytest.param(case, id=case["name"]) for case in cases]


def oracle_case(file: str, name: str) -> Case:
    """One case by its name, or skip the test."""
    path = FOLDER / file
    if not path.exists():
        pytest.skip(f"../shared/oracles/{file} is missing beside the checkout")
    found = [case for case in json.loads(path.read_text()) if case["name"] == name]
    return dict(found[0])
