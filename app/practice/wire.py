"""HTTP as it goes over the wire: kept-alive connections, one per thread, JSON both ways.

A run makes tens of thousands of small calls; a client with more comforts takes longer than the service.
"""

import http.client
import json
import threading
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

_TIMEOUT_SECONDS: Final = 120.0
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_FIRST_ERROR: Final = 400


class Unreachable(Exception):  # noqa: N818 - reads better where it is caught
    """There is no answer; the message says why."""


class Answer(NamedTuple):
    """What came back.

    Attributes:
        status: of HTTP.
        body: as it came.
        retry_after: that header, or None.
    """

    status: int
    body: bytes
    retry_after: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the call did what it should."""
        return self.status < _FIRST_ERROR

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)


class Wire(Protocol):
    """Sends one call and gives its answer."""

    def exchange(self, method: str, path: str, body: object) -> Answer:
        """One call."""
        ...

    def close(self) -> None:
        """Nothing is sent any more."""
        ...


class HttpWire:
    """Calls to one address.

    Args:
        url: `http://` or `https://`, host and port; a path in front of all calls is kept.
        headers: of every call.

    Raises:
        Unreachable: the address is none of HTTP.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise Unreachable("the address must be like http://127.0.0.1:8000")
        self._host, self._port, self._is_https = parts.hostname, port, parts.scheme == "https"
        self._front = parts.path.rstrip("/")
        self._headers = {"content-type": "application/json", **headers}
        self._of_thread = threading.local()
        self._open: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._open:
            connection.close()

    def exchange(self, method: str, path: str, body: object) -> Answer:
        """One call; where a connection that was kept has gone stale, once more on a new one.

        Raises:
            Unreachable: there is no answer.
        """
        content = None if body is None else json.dumps(body).encode()
        is_new = getattr(self._of_thread, "connection", None) is None
        try:
            return self._once(method, path, content)
        except (http.client.HTTPException, OSError) as error:
            self._connection().close()
            self._of_thread.connection = None
            if is_new:
                raise Unreachable(f"no answer from {self._host}:{self._port}: {error}") from None
        return self.exchange(method, path, body)

    def _once(self, method: str, path: str, content: bytes | None) -> Answer:
        connection = self._connection()
        connection.request(method, self._front + path, content, self._headers)
        response = connection.getresponse()
        return Answer(response.status, response.read(), response.headers.get("retry-after"))

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._of_thread, "connection", None)
        if found is None:
            kind = http.client.HTTPSConnection if self._is_https else http.client.HTTPConnection
            found = kind(self._host, self._port, timeout=_TIMEOUT_SECONDS)
            self._of_thread.connection = found
            self._open.append(found)
        return found
