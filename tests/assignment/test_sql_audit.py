"""The SQL of the audit page against the hash, in DuckDB."""

import re
from pathlib import Path

import duckdb
import pytest

from assignment.hashing import bucket

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
BLOCKS = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
IDS = (
    [f"v-{n}" for n in range(9_000)]
    + [f"Мария-{n}" for n in range(500)]
    + [f"שרה-{n}" for n in range(300)]
    + [f"🛒-{n}-👩‍👩‍👧" for n in range(199)]
    + ["e\u0301"]
)


@pytest.fixture
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(BLOCKS[0])
    return connection


def test_the_macros_give_every_unit_its_bucket(database: duckdb.DuckDBPyConnection) -> None:
    assert len(set(IDS)) == 10_000
    database.execute("CREATE TABLE ids AS SELECT unnest(?) AS id", [IDS])
    rows = database.execute("SELECT id, bucket('0123456789abcdef', id) FROM ids").fetchall()
    different = [(unit, found) for unit, found in rows if found != bucket("0123456789abcdef", unit)]
    assert different == []


def test_the_query_finds_exactly_the_planted_contradiction(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    variants = {
        unit: "single-use" if bucket("0123456789abcdef", unit) < 0.5 else "reusable" for unit in IDS[:500]
    }
    planted = "v-77"
    variants[planted] = "reusable" if variants[planted] == "single-use" else "single-use"
    lines = "".join(f"{unit},{variant}\n" for unit, variant in variants.items())
    (tmp_path / "exposures.csv").write_text(f"unit_id,variant\n{lines}", encoding="utf-8")
    query = BLOCKS[1].replace("exposures.csv", str(tmp_path / "exposures.csv"))
    assert [row[0] for row in database.execute(query).fetchall()] == [planted]
