"""A service that misbehaves as it is told: hangs, drops answers after storing, is busy, refuses the key."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Plan = Callable[["BadService", str], int | str]
"""(service, path) → a status to answer with, or `drop` (store, then close), or `fine`."""


def fine(_service: "BadService", _path: str) -> int | str:
    """Answer as the real service does."""
    return "fine"


@dataclass
class BadService:
    """What it was sent and how it behaves.

    Attributes:
        url: its address.
        plan: what to do with the next request.
        retry_after: header of answers that are errors, or None.
        rules: the document it serves.
        etag: of the document.
        requests: (method, path) of each.
        stored: event id → content, as a ledger keeps them: once.
        delivered: event ids in the order they came, repeats too.
        not_modified: how many 304 it has answered.
        last_body: of the POST it is answering.
        upstream: address of a real service that it passes everything on to, or None.
    """

    url: str = ""
    plan: Plan = fine
    retry_after: str | None = None
    rules: bytes = b'{"format":1,"config_version":1,"experiments":[]}'
    etag: str = '"1"'
    requests: list[tuple[str, str]] = field(default_factory=list)
    stored: dict[str, Any] = field(default_factory=dict)
    delivered: list[str] = field(default_factory=list)
    not_modified: int = 0
    last_body: bytes = b""
    upstream: str | None = None

    def count(self, path: str) -> int:
        """How many requests there were for a path."""
        return sum(asked == path for _, asked in self.requests)


class _Handler(BaseHTTPRequestHandler):
    service: BadService
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.service.requests.append(("GET", self.path))
        verdict = self.service.plan(self.service, self.path)
        if verdict != "fine":
            self._refuse(verdict)
        elif self.headers.get("if-none-match") == self.service.etag:
            self.service.not_modified += 1
            self._answer(304, b"", etag=self.service.etag)
        else:
            self._answer(200, self.service.rules, etag=self.service.etag)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.service.requests.append(("POST", self.path))
        self.service.last_body = body
        verdict = self.service.plan(self.service, self.path)
        if verdict not in {"fine", "drop"}:
            self._refuse(verdict)
            return
        status, receipt = self._passed_on(body) or (200, self._store(body))
        if verdict == "drop":
            self._refuse(verdict)
        else:
            self._answer(status, receipt)

    def _passed_on(self, body: bytes) -> tuple[int, bytes] | None:
        if self.service.upstream is None:
            return None
        headers = {name: self.headers[name] for name in ("authorization", "content-type")}
        answer = httpx.post(self.service.upstream + self.path, content=body, headers=headers, timeout=30)
        return answer.status_code, answer.content

    def _store(self, body: bytes) -> bytes:
        events, known = json.loads(body).get("events", []), 0
        for event in events:
            name = event["event_id"]
            self.service.delivered.append(name)
            if name in self.service.stored:
                known += 1
            self.service.stored[name] = event
        receipt = {"accepted": len(events) - known, "duplicates": known, "rejected": []}
        return json.dumps(receipt).encode()

    def _refuse(self, verdict: int | str) -> None:
        if isinstance(verdict, int):
            retry = {} if self.service.retry_after is None else {"retry-after": self.service.retry_after}
            self._answer(verdict, b"{}", **retry)
        else:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments: Any) -> None:
        """A connection cut on purpose is no news."""


@contextmanager
def bad_service() -> Iterator[BadService]:
    """Start it on a free port of the loopback address."""
    service = BadService()
    handler = type("Handler", (_Handler,), {"service": service})
    with _Server(("127.0.0.1", 0), handler) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def silent_socket() -> Iterator[str]:
    """An address that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def document(version: int, *, state: str = "running", seed: str = "0123456789abcdef") -> bytes:
    """Rules of one experiment with two halves."""
    rules = {
        "key": "e",
        "version": 1,
        "unit": "visitor",
        "seed": seed,
        "variants": ["a", "b"],
        "ranges": [[0.0, 0.5], [0.5, 1.0]],
        "state": state,
    }
    experiment = {
        "rules": rules,
        "audience": None,
        "starts_at_us": None,
        "ends_at_us": None,
        "offers": {"a": {"kind": "gift"}, "b": None},
        "fallback": {"kind": "none"},
    }
    return json.dumps({"format": 1, "config_version": version, "experiments": [experiment]}).encode()


def until(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether something becomes true within a deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.005)  # polling another thread, not timing anything
    return False
