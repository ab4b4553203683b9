"""Until the first migration exists these tests make their tables from the metadata."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

import app.ledger.tables  # noqa: F401 - fills the metadata
from app.database import Database


def _create(url: str) -> None:
    database = Database(url)
    SQLModel.metadata.create_all(database.engine)
    database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "offerlab.sqlite3"
    _create(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    engine = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE template_offerlab"))
    engine.dispose()
    _create(postgres_server.replace("/postgres?", "/template_offerlab?"))
    return postgres_server
