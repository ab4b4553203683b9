"""Requests that arrive at one instant: bodies are sent but for their last bytes, then those in one loop."""

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit


def _connect(url: str) -> socket.socket:
    address = urlsplit(url)
    line = socket.create_connection((address.hostname or "", address.port or 0), timeout=30)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _request(url: str, path: str, key: str, body: Mapping[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _read(line: socket.socket) -> tuple[int, Any]:
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += _more(line)
    head, _, body = heard.partition(b"\r\n\r\n")
    length = next(
        int(row.split(b":")[1]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += _more(line)
    return int(head.split(b" ", 2)[1]), json.loads(body)


def _more(line: socket.socket) -> bytes:
    part = line.recv(65536)
    if not part:
        raise ConnectionError("the service closed the connection")
    return part


class Volley:
    """Kept-alive connections, all ready; each round fires one request on each at once.

    Args:
        url: of the service.
        key: API key.
        size: how many connections.
    """

    def __init__(self, url: str, key: str, size: int) -> None:
        self._url, self._key = url, key
        self._lines = [_connect(url) for _ in range(size)]

    def fire(self, path: str, bodies: Sequence[Mapping[str, Any]]) -> list[tuple[int, Any]]:
        """Status and answer of each body, sent at one instant."""
        sent = [_request(self._url, path, self._key, body) for body in bodies]
        lines = self._lines[: len(sent)]
        for line, content in zip(lines, sent, strict=True):
            line.sendall(content[:-1])
        for line, content in zip(lines, sent, strict=True):
            line.send(content[-1:])
        return [_read(line) for line in lines]

    def close(self) -> None:
        """Close all connections."""
        for line in self._lines:
            line.close()
