"""The migrations make exactly the tables the code declares, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

import app.tables  # noqa: F401 - fills the metadata
from app.database import Database, current_revision, head_revision


def test_no_table_or_column_is_missing_from_the_migrations(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_a_migrated_database_stands_at_the_head(database: Database) -> None:
    assert current_revision(database) == head_revision()


def test_the_comparison_sees_a_dropped_column(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE login_links DROP COLUMN used_at_us")
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, SQLModel.metadata) != []
