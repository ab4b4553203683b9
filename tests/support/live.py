"""The real service as its own process, on a free port of the loopback address."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
ADMIN_KEY = "olk_adm_" + "a" * 43
START_SECONDS = 150.0  # two workers on a busy machine


@dataclass(frozen=True, slots=True)
class Live:
    """A running service: its address, an adm key, and where its data are."""

    url: str
    admin_key: str
    process: subprocess.Popen[bytes]
    data_dir: Path
    database_url: str = ""

    def client(self, key: str | None = None) -> httpx.Client:
        """An HTTP client with a key (the adm key unless another is given)."""
        headers = {"authorization": f"Bearer {key or self.admin_key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def live_service(
    data_dir: Path,
    environment: Mapping[str, str] | None = None,
    arguments: tuple[str, ...] = (),
    factory: str | None = None,
) -> Iterator[Live]:
    """Start `offerlab serve`, wait until it is ready, stop it at the end.

    Args:
        data_dir: folder of its data.
        environment: further settings.
        arguments: options of the command.
        factory: `module:function` of another application, for planted bugs.
    """
    port = free_port()
    settings = {
        "OFFERLAB_DATA_DIR": str(data_dir),
        "OFFERLAB_ADMIN_KEY": ADMIN_KEY,
        "OFFERLAB_SECRET": "s" * 32,
    }
    program = ["app.cli.main"] if factory is None else ["tests.support.serve_another", factory]
    command = [sys.executable, "-m", *program, "serve", "--port", str(port), *arguments]
    log = (data_dir / f"serve-{port}.log").open("wb")
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **settings, **(environment or {})}, stdout=log, stderr=log
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, Path(log.name))
        database_url = (environment or {}).get("OFFERLAB_DATABASE_URL", "")
        yield Live(url, ADMIN_KEY, process, data_dir, database_url)
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/readyz", timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)  # polling another process, not timing anything
    raise RuntimeError(f"the service did not start: {log.read_text(errors='replace')[-3000:]}")
