"""Every operation × every kind of key. Oracle: `OPERATIONS`, which is the contract's section Keys."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.access.operations import KINDS, OPERATIONS
from tests.support.inprocess import InProcess, in_process

METHODS = ("get", "post", "put", "patch", "delete")
OPEN = ["none"]
STREAMS = ("/sub/{client_key}", "/ofrep/v1/events")  # they end only when the client leaves


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("matrix")
    path = folder / "offerlab.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{path}", folder) as running:
        yield running


@pytest.fixture(scope="module")
def operations(service: InProcess) -> list[tuple[str, str, dict[str, Any]]]:
    paths = service.fastapi.openapi()["paths"]
    return [
        (method.upper(), path, item[method])
        for path, item in paths.items()
        for method in METHODS
        if method in item
    ]


def _status(service: InProcess, method: str, path: str, kind: str | None) -> int:
    filled = re.sub(r"\{[^}]+\}", "nothing", path)
    if path in STREAMS:
        return service.open_stream(filled, kind)[0]
    return service.call(method, filled, kind=kind).status_code


def test_every_operation_names_the_kinds_of_the_matrix(
    operations: list[tuple[str, str, dict[str, Any]]],
) -> None:
    for method, path, operation in operations:
        kinds, name = operation.get("x-key-kinds"), operation["operationId"]
        assert kinds, f"{method} {path} names no kinds"
        if kinds != OPEN:
            assert set(kinds) == OPERATIONS[name], name
            assert {"401", "403"} <= set(operation["responses"]), name


def test_operation_ids_are_unique(operations: list[tuple[str, str, dict[str, Any]]]) -> None:
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(names) == len(set(names))


def test_each_kind_passes_or_gets_403_as_the_matrix_says(
    service: InProcess, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    wrong = []
    for method, path, operation in operations:
        kinds = operation["x-key-kinds"]
        for kind in KINDS if kinds != OPEN else ():
            status = _status(service, method, path, kind)
            if (status in {401, 403}) == (kind in kinds):
                wrong.append((method, path, kind, status))
    assert wrong == []


def test_without_a_key_or_with_a_wrong_one_every_closed_operation_says_401(
    service: InProcess, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    closed = [(method, path) for method, path, operation in operations if operation["x-key-kinds"] != OPEN]
    statuses = {
        _status(service, method, path, kind) for method, path in closed for kind in (None, "olk_adm_wrong")
    }
    assert len(closed) > 20
    assert statuses == {401}


def test_every_route_of_the_application_is_in_the_document_or_a_page(service: InProcess) -> None:
    documented = service.fastapi.openapi()["paths"]
    hidden = [
        route.path  # type: ignore[attr-defined]  # Starlette's base route has no path; ours do
        for route in service.fastapi.routes
        if getattr(route, "path", "").startswith("/api/") and route.path not in documented  # type: ignore[attr-defined]  # as above
    ]
    assert hidden == []
