"""What `assignment` loads. Oracle: `sys.modules` of a fresh interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "assignment").glob("*.py") if path.stem != "__init__")

PROBE = """
import importlib, json, sys, time
start = time.perf_counter()
for name in sys.argv[1:]:
    importlib.import_module(f"assignment.{name}")
print(json.dumps({"milliseconds": (time.perf_counter() - start) * 1e3, "loaded": sorted(sys.modules)}))
"""
HEAVY = {"numpy", "scipy", "fastapi", "pydantic", "sqlalchemy", "duckdb", "statsmodels", "asyncio", "socket"}


def test_importing_assignment_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *MODULES], cwd=ROOT, check=True, capture_output=True, text=True
    )
    answer = json.loads(done.stdout)
    print(f"import of all of assignment: {answer['milliseconds']:.1f} ms")  # noqa: T201 - a figure for the reader
    assert not HEAVY & {*answer["loaded"]}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_for(module: str) -> None:
    source = (ROOT / "assignment" / f"{module}.py").read_text(encoding="utf-8")
    assert source.startswith('"""')
    assert source.count("\n") <= 300
