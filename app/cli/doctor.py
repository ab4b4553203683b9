"""`offerlab doctor`: what is wrong with this installation, in plain words."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from app.settings import Settings

LOW_DISK_BYTES = 1 << 30
UPGRADE = "run .venv/bin/alembic upgrade head"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked."""

    what: str
    detail: str
    ok: bool = True


def _python(_settings: Settings) -> Finding:
    found = sys.version.split()[0]
    return Finding("Python", f"{found} (3.11 or later is needed)", ok=sys.version_info >= (3, 11))


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".doctor"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        why = f"{folder} cannot be written: {error.strerror}; set OFFERLAB_DATA_DIR"
        return Finding("data folder", why, ok=False)
    return Finding("data folder", f"{folder.absolute()} can be written")


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir if settings.data_dir.exists() else Path()
    free = shutil.disk_usage(folder).free
    return Finding("disk", f"{free / 2**30:.1f} GiB free (1 GiB is the least)", ok=free > LOW_DISK_BYTES)


def _secret(settings: Settings) -> Finding:
    try:
        _ = settings.root_secret
    except (ValueError, OSError) as error:
        return Finding("secret", str(error), ok=False)
    return Finding("secret", "from OFFERLAB_SECRET" if settings.secret else "in the data folder, mode 0600")


def _database(settings: Settings) -> Finding:
    from sqlalchemy.exc import DBAPIError

    from app.database import Database, current_revision, head_revision

    kind = "SQLite" if settings.is_sqlite else "PostgreSQL"
    database = Database(settings.url)
    try:
        current, head = current_revision(database), head_revision()
    except DBAPIError as error:
        why = (str(error.orig).strip() or "no answer").splitlines()[0]
        return Finding("database", f"{kind} cannot be reached: {why}; set OFFERLAB_DATABASE_URL", ok=False)
    finally:
        database.close()
    if current is None and not settings.is_sqlite:
        return Finding("database", f"{kind} is empty; {UPGRADE}", ok=False)
    if current not in (None, head):
        return Finding("database", f"{kind} is at {current}, {head} is needed; {UPGRADE}", ok=False)
    return Finding("database", f"{kind}, schema {current or 'will be made at the first start'}")


def _admin(settings: Settings) -> Finding:
    from sqlalchemy.exc import SQLAlchemyError

    from app.access.service import list_keys
    from app.database import Database

    database = Database(settings.url)
    try:
        admins = [key for key in list_keys(database) if key["kind"] == "adm" and not key["revoked_at"]]
    except SQLAlchemyError:
        return Finding("admin key", "none yet; one is made and printed at the first start")
    finally:
        database.close()
    return Finding(
        "admin key", f"{len(admins)} active (offerlab keys create --kind adm makes one)", ok=bool(admins)
    )


def _engine(_settings: Settings) -> Finding:
    try:
        import duckdb
    except ImportError as error:
        return Finding("engine", f"DuckDB cannot be loaded: {error}; run ./dev setup", ok=False)
    return Finding("engine", f"DuckDB {duckdb.__version__}")


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    _python,
    _data_folder,
    _disk,
    _secret,
    _database,
    _admin,
    _engine,
)


def _checked(check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    """A check's finding, also where it could not be made."""
    try:
        return check(settings)
    except OSError as error:
        name = check.__name__.strip("_").replace("_", " ")
        return Finding(name, f"{error.filename}: {error.strerror}", ok=False)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Say in plain words what is wrong with this installation; exit code 1 when something is.

    \b
    Example:
      offerlab doctor
    """
    settings = Settings()
    findings = [_checked(check, settings) for check in CHECKS]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            click.echo(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.what}: {finding.detail}")
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)
