"""A small server for rendered pages and the static files, with the headers the service sends."""

import mimetypes
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dashboards
from dashboards.pages import CONTENT_SECURITY_POLICY

STATIC = Path(dashboards.__file__).parent / "static"


@contextmanager
def serving(pages: Mapping[str, str]) -> Iterator[str]:
    """Serve documents by their path and query (`/x?lang=ru`); yields the origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(pages))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(pages: Mapping[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = _find(pages, self.path)
            self.send_response(200 if found else 404)
            body, kind = found or (b"", "text/plain")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
            """Quiet."""

    return Handler


def _find(pages: Mapping[str, str], path: str) -> tuple[bytes, str] | None:
    if path in pages:
        return pages[path].encode(), "text/html; charset=utf-8"
    name = path.removeprefix("/static/")
    file = (STATIC / name).resolve()
    if path.startswith("/static/") and file.is_relative_to(STATIC) and file.is_file():
        return file.read_bytes(), mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return None
