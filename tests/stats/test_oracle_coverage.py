"""Which of the shared cases are tests, which are not, and why: every case is one or the other."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import pytest

from tests.support import oracle_cases as register

TESTS = Path(__file__).parent
NOT_COVERED = {
    r"wilcoxon_plantgrowth": "ranks say nothing about money per visitor; medians are read by quantile tests",
    r"dunnett_plantgrowth|sm_dunnett_scipy": "Dunnett with a pooled variance for a few units; the normal "
    "one of the sequential path has its critical values tested",
    r"savvi_doc_.*": "their data come from a random stream that the case does not carry",
    r"tt_orders_per_session_cuped_.*": "covariate adjustment of ratios: they explain and never decide",
    r"gb_cuped.*_relative": "relative lift of adjusted means: the adjusted difference is tested",
}
LEAST_COVERED = 0.9


def every_case() -> set[tuple[str, str]]:
    folder = register.FOLDER
    if not folder.exists():
        pytest.skip("../shared/oracles is missing beside the checkout")
    return {
        (path.name, case["name"]) for path in folder.glob("*.json") for case in json.loads(path.read_text())
    }


def covered_cases(known: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Cases that parametrise a test, and cases that a test names."""
    found: set[tuple[str, str]] = set()
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text()
        if "oracle_case" not in text or path == Path(__file__):
            continue
        register.WANTED.clear()
        _execute(path)
        found |= register.WANTED
        found |= {(file, name) for file, name in known if any(re.fullmatch(p, name) for p in _named(text))}
    return found


def _execute(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"covered_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def _named(text: str) -> set[str]:
    """Strings of a test module as patterns; the variable parts of an f-string match one word or number."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(re.escape(node.value))
        if isinstance(node, ast.JoinedStr):
            found.add("".join(_pattern(part) for part in node.values))
    return found


def _pattern(part: ast.expr) -> str:
    known = isinstance(part, ast.Constant) and isinstance(part.value, str)
    return re.escape(str(part.value)) if known else "(one_sided|two_sided|[0-9]+)"  # type: ignore[attr-defined]  # a constant


@pytest.mark.long
def test_every_case_is_a_test_or_is_left_out_for_a_reason() -> None:
    known = every_case()
    covered = covered_cases(known) & known
    left_out = {(f, n) for f, n in known if any(re.fullmatch(pattern, n) for pattern in NOT_COVERED)}
    assert sorted(known - covered - left_out) == []
    assert sorted(covered & left_out) == []
    assert len(covered) >= LEAST_COVERED * len(known)


def test_every_reason_still_leaves_something_out() -> None:
    known = every_case()
    assert all(any(re.fullmatch(pattern, name) for _, name in known) for pattern in NOT_COVERED)
