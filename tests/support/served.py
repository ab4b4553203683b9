"""The real service behind real sockets, on a thread of this process: starts in a moment."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn

from app.main import create_app
from app.settings import Settings
from tests.support.live import ADMIN_KEY, START_SECONDS, free_port


@dataclass(frozen=True, slots=True)
class Served:
    """A service that listens: its address and an adm key."""

    url: str
    admin_key: str = ADMIN_KEY

    def client(self, key: str | None = None) -> httpx.Client:
        """An HTTP client with a key (the adm key unless another is given)."""
        headers = {"authorization": f"Bearer {key or self.admin_key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)


@contextmanager
def served(data_dir: Path, database_url: str = "") -> Iterator[Served]:
    """Serve a migrated database (an embedded one is made) until the block ends."""
    settings = Settings(
        data_dir=data_dir, database_url=database_url, admin_key=ADMIN_KEY, secret="s" * 32, port=free_port()
    )
    config = uvicorn.Config(create_app(settings), port=settings.port, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)  # waiting for another thread, not timing anything
    if not server.started:
        raise RuntimeError("the service did not start")
    try:
        yield Served(f"http://127.0.0.1:{settings.port}")
    finally:
        server.should_exit = True
        thread.join(30)
