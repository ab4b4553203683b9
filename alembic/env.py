"""Alembic's entry: migrates the database named by the caller, or by OFFERLAB_DATABASE_URL / OFFERLAB_DATA_DIR."""

from alembic import context
from sqlmodel import SQLModel

import app.tables  # noqa: F401 - fills the metadata
from app.database import Database
from app.settings import Settings


def run() -> None:
    """Run the migrations on a live connection."""
    url = context.config.attributes.get("url") or Settings().url
    database = Database(url)
    with database.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            render_as_batch=database.is_sqlite,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    database.close()


run()
