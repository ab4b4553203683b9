"""A TCP proxy that lets a request through, waits for the service's answer, and throws the answer away."""

import json
import socket
import threading
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit


class LosingProxy:
    """Listens on a free port; each connection is broken off when the answer has come.

    Args:
        url: of the service behind it.
    """

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._behind = (str(address.hostname), int(address.port or 0))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._statuses: list[int] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def lose(self, path: str, key: str, body: Mapping[str, Any]) -> int:
        """Send a request and lose its answer; gives the status that the service said, for the test alone.

        Raises:
            AssertionError: an answer came through.
        """
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        with socket.create_connection(self._listener.getsockname()[:2], timeout=30) as line:
            line.sendall(head.encode() + content)
            line.shutdown(socket.SHUT_WR)
            assert line.recv(1) == b"", "the answer came through"
        return self._statuses[-1]

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line, socket.create_connection(self._behind, timeout=30) as behind:
                request = _all_of(line)
                behind.sendall(request)
                answer = _all_of(behind)
                self._statuses.append(int(answer.split(b" ", 2)[1]))


def _all_of(line: socket.socket) -> bytes:
    parts = []
    while part := line.recv(65536):
        parts.append(part)
    return b"".join(parts)
