"""A real PostgreSQL for the tests: its own cluster in a temporary folder, on a unix socket."""

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text


def program(name: str) -> str:
    """Where a program of PostgreSQL lies."""
    installed = max(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None)
    found = installed or shutil.which(name)  # Debian's own wrappers want to be called by their names
    if found is None:
        raise RuntimeError(f"{name} is missing: run ./dev setup (it installs PostgreSQL)")
    return os.path.realpath(found)


def _user() -> str:
    return "postgres" if os.geteuid() == 0 else getpass.getuser()


def _run(folder: Path, *command: str) -> None:
    """A command of PostgreSQL, as a user it agrees to run for."""
    ahead = ["runuser", "-u", _user(), "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*ahead, *command], capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")


def administer(url: str, statement: str) -> None:
    """One statement outside any transaction."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def start(folder: Path) -> None:
    """Start the server of a folder and wait until it answers."""
    options = f"-k {folder} -c listen_addresses='' -c max_connections=200 -c shared_buffers=64MB"
    where = ("-D", str(folder / "data"), "-o", options, "-l", str(folder / "log"))
    _run(folder, program("pg_ctl"), *where, "-w", "start")


def stop(folder: Path) -> None:
    """Stop the server of a folder at once, as a power cut would."""
    _run(folder, program("pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop")


def folder_of(url: str) -> Path:
    """The folder of the server behind an address."""
    return Path(url.partition("host=")[2])


@contextmanager
def running_server() -> Iterator[str]:
    """Start a server, give the address of its `postgres` database, stop it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="offerlab-pg-", dir="/tmp"))  # socket paths must be short
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(_user()).pw_uid, pwd.getpwnam(_user()).pw_gid)
    data = str(folder / "data")
    _run(folder, program("initdb"), "-D", data, "-U", "offerlab", "-A", "trust", "-E", "UTF8", "--no-sync")
    start(folder)
    try:
        yield f"postgresql+psycopg://offerlab@/postgres?host={folder}"
    finally:
        stop(folder)
        shutil.rmtree(folder, ignore_errors=True)
