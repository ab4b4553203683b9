"""The rooms hold at run time too: what an import must not drag in."""

import json
import subprocess
import sys

import pytest

LOADED = "import sys, json; {}; print(json.dumps(sorted(sys.modules)))"


def _modules_after(statement: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(statement)], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_importing_assignment_loads_no_numpy_scipy_or_fastapi() -> None:
    loaded = _modules_after(
        "import assignment.decision, assignment.targeting, assignment.ranges, assignment.layers"
    )
    assert not loaded & {"numpy", "scipy", "fastapi", "pydantic"}


def test_importing_the_serving_app_loads_no_heavy_statistics() -> None:
    loaded = _modules_after("import app.main")
    assert "fastapi" in loaded
    assert not loaded & {"scipy.stats", "statsmodels", "pandas", "plotly", "duckdb"}


@pytest.mark.parametrize("statement", ["import scipy.stats", "import statsmodels.api"])
def test_the_probe_sees_what_is_loaded(statement: str) -> None:
    assert _modules_after(statement) & {"scipy.stats", "statsmodels"}
