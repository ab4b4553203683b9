"""A shop's own web server on another origin, with a strict security policy."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Storefront:
    """The shop.

    Attributes:
        url: its origin.
        files: path → (content type, content).
        policy: value of `Content-Security-Policy`.
    """

    url: str = ""
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    policy: str = "default-src 'none'; script-src 'self'"

    def page(self, path: str, head: str) -> str:
        """Put a page with this head; gives its address."""
        html = f"<!doctype html><html lang=en><head><title>shop</title>{head}</head><body></body></html>"
        self.files[path] = ("text/html; charset=utf-8", html)
        return self.url + path

    def script(self, path: str, source: str) -> None:
        """Put a script."""
        self.files[path] = ("text/javascript; charset=utf-8", source)


class _Handler(BaseHTTPRequestHandler):
    shop: Storefront

    def log_message(self, *_arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        kind, content = self.shop.files.get(self.path, ("text/plain", ""))
        body = content.encode()
        self.send_response(200 if content else 204)
        self.send_header("content-type", kind)
        self.send_header("content-security-policy", self.shop.policy)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def storefront() -> Iterator[Storefront]:
    """Start it on a free port of the loopback address."""
    shop = Storefront()
    handler = type("Handler", (_Handler,), {"shop": shop})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        shop.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield shop
        finally:
            server.shutdown()
            thread.join()
