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


def _program(name: str) -> str:
    found = shutil.which(name) or max(
        map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None
    )
    if found is None:
        raise RuntimeError(f"{name} is missing: run ./dev setup (it installs PostgreSQL)")
    return os.path.realpath(found)


def _as_server_user(command: list[str], user: str) -> list[str]:
    if os.geteuid() != 0:
        return command
    return ["runuser", "-u", user, "--", *command]


@contextmanager
def running_server() -> Iterator[str]:
    """Start a server, give the address of its `postgres` database, stop it at the end."""
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    folder = Path(tempfile.mkdtemp(prefix="offerlab-pg-", dir="/tmp"))  # socket paths must be short
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    data = folder / "data"

    def run(*command: str) -> None:
        done = subprocess.run(
            _as_server_user(list(command), user), capture_output=True, text=True, cwd=folder, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")

    run(_program("initdb"), "-D", str(data), "-U", "offerlab", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-k {folder} -c listen_addresses='' -c max_connections=200 -c shared_buffers=64MB"
    run(_program("pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql+psycopg://offerlab@/postgres?host={folder}"
    finally:
        run(_program("pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
