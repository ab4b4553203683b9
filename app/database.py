"""Connections to SQLite or PostgreSQL, and whether the schema is at its head.

SQLModel sessions serve the control tables; the ledger's hot path takes raw driver connections.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import Connection
from sqlmodel import Session

from app.settings import Settings

ALEMBIC_DIRECTORY = Path(__file__).resolve().parent.parent / "alembic"
BUSY_TIMEOUT_MS = 2000


class Database:
    """One database: an engine, sessions to read or write, raw connections."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgres_engine(url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads; rolled back at the end."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction that writes: committed at the end, rolled back on an error.

        On SQLite it takes the write lock at once (`BEGIN IMMEDIATE`), so it never fails half-way.
        """
        with (
            Session(self.engine.execution_options(write=True), expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def raw_connection(self) -> Any:
        """A driver connection of one's own (sqlite3 or psycopg), in autocommit: the caller commits."""
        if self.is_sqlite:
            return _raw_sqlite(self.url)
        return _raw_postgres(self.url)

    def close(self) -> None:
        """Give all pooled connections back."""
        self.engine.dispose()


def _sqlite_path(url: str) -> str:
    return url.removeprefix("sqlite:///")


def _raw_sqlite(url: str) -> Any:
    import sqlite3

    connection = sqlite3.connect(_sqlite_path(url), isolation_level=None, check_same_thread=False)
    _configure_sqlite(connection, None)
    return connection


def _raw_postgres(url: str) -> Any:
    import psycopg

    dsn = url.replace("postgresql+psycopg://", "postgresql://", 1)
    return psycopg.connect(dsn, autocommit=True, connect_timeout=2, options="-c statement_timeout=5000")


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the begin event below decides, not the driver
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _sqlite_engine(url: str) -> Engine:
    Path(_sqlite_path(url)).parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # ids of people lie there
    engine = create_engine(url, hide_parameters=True, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgres_engine(url: str) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,  # they may be ids of people, and errors go to the log
        pool_pre_ping=True,
        pool_timeout=2,
        connect_args={"connect_timeout": 2, "options": "-c statement_timeout=30000"},
    )


def alembic_config(url: str) -> Any:
    """Alembic's configuration for one database (imported late: it is not needed to serve)."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(ALEMBIC_DIRECTORY))
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Bring the schema to its head."""
    from alembic import command

    command.upgrade(alembic_config(url), "head")


def head_revision() -> str | None:
    """The newest revision among the migration files."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(alembic_config("")).get_current_head()


def current_revision(database: Database) -> str | None:
    """The revision the database stands at; None when it was never migrated.

    Raises:
        sqlalchemy.exc.DBAPIError: it does not answer.
    """
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def prepare(database: Database, settings: Settings) -> None:
    """Migrate an embedded SQLite database; refuse to serve on a PostgreSQL schema that is behind.

    Raises:
        RuntimeError: PostgreSQL is behind; the message names the command.
    """
    if database.is_sqlite:
        migrate(settings.url)
        return
    current, head = current_revision(database), head_revision()
    if current != head:
        raise RuntimeError(
            f"the database schema is at {current or 'nothing'}, the service needs {head}. Run:\n"
            "  OFFERLAB_DATABASE_URL=… .venv/bin/alembic upgrade head"
        )
