"""`offerlab serve`: start the service."""

import os
import threading
from pathlib import Path

import click

from app.settings import Settings


@click.command()
@click.option("--host", help="Address to listen on (OFFERLAB_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (OFFERLAB_PORT).")
@click.option("--workers", type=click.IntRange(1, 64), help="Server processes (OFFERLAB_WORKERS).")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the data (OFFERLAB_DATA_DIR).")
@click.option("--demo", "with_demo", is_flag=True, help="Seed the demo experiments on the first start.")
def serve(
    host: str | None, port: int | None, workers: int | None, data_dir: Path | None, with_demo: bool
) -> None:
    """Start the service; an embedded SQLite database is migrated by itself.

    \b
    Example:
      offerlab serve --port 9000 --workers 2
    """
    _to_environment(
        OFFERLAB_HOST=host, OFFERLAB_PORT=port, OFFERLAB_WORKERS=workers, OFFERLAB_DATA_DIR=data_dir
    )
    settings = Settings()
    try:
        _ = settings.root_secret
        admin_key = _prepare(settings)
    except (RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if with_demo:
        threading.Thread(target=_run_demo, args=(settings, admin_key), daemon=True).start()
    elif admin_key:
        click.echo(f"admin key, shown once: {admin_key}")
    _listen(settings)


def _to_environment(**values: object) -> None:
    """Options win over the environment; workers read the environment."""
    for name, value in values.items():
        if value is not None:
            os.environ[name] = str(value)


def _prepare(settings: Settings) -> str | None:
    """Migrate or refuse; the admin key when it was made just now."""
    from app.access.service import ensure_admin_key
    from app.clock import SystemClock
    from app.database import Database, prepare

    database = Database(settings.url)
    try:
        prepare(database, settings)
        return ensure_admin_key(database, settings, SystemClock().now_us())
    finally:
        database.close()


def _run_demo(settings: Settings, admin_key: str | None) -> None:
    from app.demo.service import seed_and_greet

    seed_and_greet(settings, admin_key)


def _listen(settings: Settings) -> None:
    import uvicorn

    from app.edge.patience import PatientProtocol

    uvicorn.run(
        "app.main:application_factory",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        http=PatientProtocol,
    )
