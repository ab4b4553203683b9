"""Fixtures for the whole suite: a real SQLite and a real PostgreSQL, migrated, empty for each test."""

import gc
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database import Database, migrate
from tests.support.postgres import administer, running_server

_counter = itertools.count()
YOUNG_OBJECTS = 10_000
"""New objects after which the collector looks for unreachable ones."""


def pytest_collection_finish() -> None:
    """What is loaded and collected by now stays: the collector need not walk through it during every test."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """One server for the session."""
    with running_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A migrated database that each test copies."""
    administer(postgres_server, "CREATE DATABASE template_offerlab")
    migrate(postgres_server.replace("/postgres?", "/template_offerlab?"))
    return postgres_server


@pytest.fixture
def postgres_url(postgres_template: str) -> str:
    """A fresh PostgreSQL database with the schema at its head."""
    name = f"test_{next(_counter)}"
    administer(postgres_template, f"CREATE DATABASE {name} TEMPLATE template_offerlab")
    return postgres_template.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that each test copies."""
    path = tmp_path_factory.mktemp("template") / "offerlab.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database with the schema at its head."""
    path = tmp_path / "offerlab.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The same test on both databases."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database of each kind."""
    opened = Database(database_url)
    yield opened
    opened.close()
