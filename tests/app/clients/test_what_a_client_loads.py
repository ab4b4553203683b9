"""A shop that uses a client must not load the service. Oracle: `sys.modules` of a fresh process."""

import json
import subprocess
import sys
from pathlib import Path

import app

OURS = {"app", "app.clients"}
HEAVY = {
    "fastapi",
    "starlette",
    "pydantic",
    "sqlalchemy",
    "sqlmodel",
    "numpy",
    "scipy",
    "duckdb",
    "openfeature",
}


def _loaded(statement: str) -> set[str]:
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def _foreign(loaded: set[str]) -> set[str]:
    """Parts of the app beside the clients, and heavy packages, among loaded modules."""
    beside = {name for name in loaded if name.split(".")[0] == "app" and not name.startswith("app.clients")}
    return (beside - OURS) | (loaded & HEAVY)


def test_a_client_loads_assignment_and_nothing_else_of_ours() -> None:
    loaded = _loaded("import app.clients")
    assert "assignment.decision" in loaded
    assert _foreign(loaded) == set()


def test_the_probe_sees_a_client_that_loads_the_service() -> None:
    assert {"app.clock", "app.errors"} <= _foreign(_loaded("import app.clients, app.errors, app.clock"))


def test_the_contract_of_imports_names_every_part_of_the_app() -> None:
    folder = Path(app.__file__).parent
    parts = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/*.py")}
    contract = (folder.parent / "pyproject.toml").read_text(encoding="utf-8").partition("clients know")[2]
    missing = [
        part for part in sorted(parts - {"__init__", "clients", "app"}) if f'"app.{part}"' not in contract
    ]
    assert missing == []


def test_without_the_openfeature_sdk_the_module_can_be_imported() -> None:
    blocked = "sys.modules['openfeature.hook'] = None; import app.clients.openfeature"
    assert "app.clients.openfeature" in _loaded(blocked)
