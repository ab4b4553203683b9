"""A shop on each database."""

from pathlib import Path

import pytest

from app.database import Database
from tests.support.results_shop import Shop, open_shop


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Shop:
    return open_shop(database, tmp_path)


@pytest.fixture
def sqlite_shop(sqlite_url: str, tmp_path: Path) -> Shop:
    return open_shop(Database(sqlite_url), tmp_path)
