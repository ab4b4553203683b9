"""`Idempotency-Key` as plain ASGI around the doors that change something."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.access.openapi import problem_responses
from app.edge.http import (
    Handler,
    Receive,
    Scope,
    Send,
    bearer_token,
    check_not_encoded,
    header,
    read_body,
    send_refusal,
)
from app.edge.limits import Replay
from app.errors import Invalid, Refusal, Unauthorized, Unavailable
from app.idempotency.service import Answer, Claim

if TYPE_CHECKING:
    from app.bootstrap import Services

log = logging.getLogger("offerlab")
NAME: Final = b"idempotency-key"
LONGEST_NAME: Final = 255
WAIT_SECONDS: Final = 1.9
_KINDS: Final = frozenset({"srv", "mgr", "adm"})
_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PREFIX: Final = "/api/v1/"
_NEVER: Final = "/api/v1/keys"  # its answers hold keys
_QUESTIONS: Final = frozenset({"/api/v1/assignments", "/api/v1/quote", "/api/v1/codes/validate"})
_REPLAYED: Final = (b"idempotency-replayed", b"true")


def is_kept(method: str, path: str) -> bool:
    """Whether calls of a door may name an `Idempotency-Key`: it changes something, and is not about keys.

    >>> is_kept("POST", "/api/v1/experiments"), is_kept("POST", "/api/v1/assignments")
    (True, False)
    """
    return (
        method in _METHODS
        and path.startswith(_PREFIX)
        and path not in _QUESTIONS
        and path != _NEVER
        and not path.startswith(_NEVER + "/")
    )


class Once:
    """Lets a named call through once and answers it alike from then on.

    Args:
        services: the process.
    """

    def __init__(self, services: "Services") -> None:
        self._services = services

    def concerns(self, scope: Scope) -> bool:
        """Whether a request names its call, so that it has to go through here."""
        return is_kept(scope["method"], scope["path"]) and header(scope, NAME) is not None

    def around(self, app: Handler) -> Handler:
        """A door with this in front of it."""

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await self._answer(app, scope, receive, send)

        return handle

    async def _answer(self, app: Handler, scope: Scope, receive: Receive, send: Send) -> None:
        key_id = self._sender(scope)
        if key_id is None:
            await app(scope, receive, send)
            return
        name = _name(scope)
        check_not_encoded(scope)
        body = await read_body(receive, scope)
        book, request = self._services.answers, _request(scope, body)
        found = await self._claimed(lambda: book.claim(key_id, name, request))
        if isinstance(found, Answer):
            await _say(send, found, _REPLAYED)
            return
        await self._carry_out(partial(app, scope, Replay(body, receive)), send, found)

    def _sender(self, scope: Scope) -> str | None:
        """The sender's API key, if its kind may name calls; the door itself refuses a bad one."""
        services = self._services
        try:
            principal = services.keys.authenticate(bearer_token(scope), services.clock.now_us())
        except Unauthorized:
            return None
        return principal.key_id if principal.kind in _KINDS else None

    async def _claimed(self, claim: Callable[[], Claim | Answer]) -> Claim | Answer:
        asked = asyncio.ensure_future(asyncio.to_thread(claim))
        done, _ = await asyncio.wait({asked}, timeout=WAIT_SECONDS)
        if not done:
            asked.add_done_callback(self._give_back)
            raise _unavailable()
        try:
            return asked.result()
        except (SQLAlchemyError, DBAPIError, OSError) as error:
            raise _unavailable() from error

    def _give_back(self, asked: "asyncio.Future[Claim | Answer]") -> None:
        """The claim came when nobody waited any more."""
        if asked.cancelled() or asked.exception() is not None:
            return
        found = asked.result()
        if isinstance(found, Claim):
            task = asyncio.ensure_future(self._write(lambda: self._services.answers.release(found)))
            task.add_done_callback(lambda _: None)

    async def _carry_out(self, call: Callable[[Send], Awaitable[None]], send: Send, claim: Claim) -> None:
        heard, book = _Heard(), self._services.answers
        try:
            await call(heard)
        except Refusal as refusal:
            await send_refusal(heard, refusal)
        except BaseException:
            await self._write(lambda: book.release(claim))
            raise
        answer = heard.answer()
        if _is_final(answer.status):
            await self._write(lambda: book.keep(claim, answer))
        else:
            await self._write(lambda: book.release(claim))
        await _say(send, answer)

    async def _write(self, work: Callable[[], None]) -> None:
        """The call is done whatever becomes of this: at worst the name is in progress for a minute."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await asyncio.to_thread(work)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("the answer of a named call could not be kept: %s", type(error).__name__)


def _name(scope: Scope) -> str:
    name = (header(scope, NAME) or b"").decode("latin-1")
    if not (0 < len(name) <= LONGEST_NAME and name.isascii() and name.isprintable()):
        detail = f"1 to {LONGEST_NAME} printable ASCII characters"
        raise Invalid(detail, "invalid_idempotency_key", "idempotency-key")
    return name


def _request(scope: Scope, body: bytes) -> bytes:
    head = f"{scope['method']}\n{scope['path']}\n".encode("utf-8", "surrogatepass")
    return head + bytes(scope.get("query_string", b"")) + b"\n" + body


def _is_final(status: int) -> bool:
    """Whether the call was carried out, or refused for good; otherwise it may be made again."""
    return status < 500 and status not in {401, 429}  # noqa: PLR2004 - 5xx: nothing was done, or nobody knows


def _unavailable() -> Unavailable:
    return Unavailable("the database does not answer; nothing was done", "unavailable", retry_after_seconds=1)


class _Heard:
    """Takes the answer of a door down instead of sending it."""

    def __init__(self) -> None:
        self._start: MutableMapping[str, Any] = {}
        self._parts: list[bytes] = []

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._parts.append(bytes(message.get("body", b"")))

    def answer(self) -> Answer:
        headers = [(bytes(name), bytes(value)) for name, value in self._start.get("headers", [])]
        return Answer(self._start["status"], headers, b"".join(self._parts))


async def _say(send: Send, answer: Answer, *more: tuple[bytes, bytes]) -> None:
    headers = [*answer.headers, *more]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


_PARAMETER: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "names the call: made again within 24 hours it is answered alike and not carried out"
    " again; srv, mgr and adm keys",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
}


def describe(document: dict[str, Any]) -> None:
    """Say in an OpenAPI document which operations take an `Idempotency-Key`."""
    refusals = {str(status): words for status, words in problem_responses(409, 422).items()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if is_kept(method.upper(), path):
                operation.setdefault("parameters", []).append(_PARAMETER)
                operation["responses"] = refusals | operation["responses"]
