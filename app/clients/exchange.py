"""The four calls to the service, each with a deadline, and one kind of failure."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import httpx
import msgspec

from app.clients.answers import Question

log = logging.getLogger("offerlab.client")
CALL_SECONDS = 10.0
CONFIGURATION = "/api/v1/configuration"
ASSIGNMENTS = "/api/v1/assignments"
EVENTS = "/api/v1/events"
MESSAGES = "/v1/batch"
_KEY_REFUSED = frozenset({401, 403})
_NEVER = frozenset({400, 413, 415, 422})
_NOT_MODIFIED, _NOT_FOUND = 304, 404

Shape = TypeVar("Shape")
Kind = Literal["away", "key", "refused", "unknown"]


@dataclass
class Failure(Exception):  # noqa: N818 - the word for it here
    """A call that brought nothing.

    Attributes:
        kind: `away` (unreachable, busy, or nonsense came back), `key` (not admitted), `refused` (this content
            will never be taken), `unknown` (no such experiment).
        detail: plain words, never the key.
        retry_after: the header's value, or None.
    """

    kind: Kind
    detail: str
    retry_after: str | None = None


class Assignment(msgspec.Struct):
    """One item of the assignments door's answer."""

    experiment: str
    version: int
    variant: str | None
    in_experiment: bool
    reason: str
    offer: Any


class _Assignments(msgspec.Struct):
    assignments: list[Assignment]


class Rejected(msgspec.Struct):
    """An event that is not taken, and why."""

    index: int
    code: str
    detail: str


class Receipt(msgspec.Struct):
    """What became of a batch of events."""

    accepted: int
    duplicates: int
    rejected: list[Rejected]
    ignored: int = 0


class Exchange:
    """Speaks HTTP with one service.

    Args:
        url: address of the service.
        key: a `srv` key.
        transport: of httpx; None is the network.
    """

    def __init__(self, url: str, key: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=CALL_SECONDS, transport=transport
        )
        self._closed_doors: set[str] = set()

    @property
    def is_key_refused(self) -> bool:
        """Whether some door has not admitted the key when it was last tried."""
        return bool(self._closed_doors)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def rules(self, etag: str | None) -> tuple[bytes, str] | None:
        """The document and its ETag, or None when it is the one of `etag`.

        Raises:
            Failure: it did not come.
        """
        headers = {} if etag is None else {"if-none-match": etag}
        answer = await self._call("GET", CONFIGURATION, headers=headers)
        if answer.status_code == _NOT_MODIFIED:
            return None
        return answer.content, answer.headers.get("etag", "")

    async def assignment(self, question: Question) -> Assignment:
        """What the service says about one unit and one experiment.

        Raises:
            Failure: nothing.
        """
        body = {
            "visitor_id": question.visitor_id,
            "customer_id": question.customer_id,
            "attributes": question.attributes,
            "experiments": [question.experiment],
        }
        try:
            content = msgspec.json.encode(body)
        except (ValueError, TypeError) as error:
            raise Failure("refused", "the question cannot be written as JSON") from error
        answer = await self._call("POST", ASSIGNMENTS, content=content)
        found = _read(answer, _Assignments).assignments
        if not found:
            raise Failure("away", "an answer without an assignment")
        return found[0]

    async def deliver(self, door: str, envelope: bytes) -> Receipt:
        """Send events; they are stored when this returns.

        Raises:
            Failure: nobody knows whether they are.
        """
        return _read(await self._call("POST", door, content=envelope), Receipt)

    async def _call(
        self, method: str, path: str, *, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        fields = {**(headers or {}), **({"content-type": "application/json"} if content is not None else {})}
        try:
            async with asyncio.timeout(CALL_SECONDS):
                answer = await self._http.request(method, path, content=content, headers=fields)
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            TimeoutError,
            RuntimeError,
        ) as error:  # RuntimeError: closed
            raise Failure("away", f"{path}: {type(error).__name__}") from error
        if answer.status_code in _KEY_REFUSED:
            self._note_refusal(path, answer.status_code)
            raise Failure("key", f"{path}: {answer.status_code}", answer.headers.get("retry-after"))
        self._closed_doors.discard(path)
        _check(path, answer)
        return answer

    def _note_refusal(self, path: str, status: int) -> None:
        """Said once, and again only after it had been admitted in between."""
        if path not in self._closed_doors:
            log.error("the service does not admit the key at %s (%d)", path, status)
        self._closed_doors.add(path)


def _check(path: str, answer: httpx.Response) -> None:
    status = answer.status_code
    if answer.is_success or status == _NOT_MODIFIED:
        return
    kind: Kind = "refused" if status in _NEVER else "away"
    if status == _NOT_FOUND and path == ASSIGNMENTS:
        kind = "unknown"
    raise Failure(kind, f"{path}: {status}", answer.headers.get("retry-after"))


def _read(answer: httpx.Response, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(answer.content, type=shape)
    except ValueError as error:
        raise Failure("away", f"{answer.url.path}: not the expected JSON") from error
