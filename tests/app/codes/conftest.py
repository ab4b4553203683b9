"""A running service on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.inprocess import InProcess, in_process


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(database_url, tmp_path) as running:
        yield running
