"""`POST /api/v1/experiments/{key}/codes` as raw ASGI: a shop's own codes as a stream of CSV of any length."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import msgspec

from app.access.openapi import problem_responses
from app.access.operations import kinds_of
from app.access.service import Principal
from app.codes.service import Batch, Imported, Vault, batch_terms, import_codes, note
from app.edge.asking import authenticate
from app.edge.http import (
    BODY_TIMEOUT_SECONDS,
    ClientGone,
    Handler,
    Receive,
    Scope,
    Send,
    check_not_encoded,
    header,
    send_bytes,
    too_large,
)
from app.errors import BadRequest, Invalid, UnsupportedType
from app.strict import checked_key

if TYPE_CHECKING:
    from app.bootstrap import Services

PATTERN: Final = re.compile(r"/api/v1/experiments/([^/]+)/codes")
OPERATION: Final = "import_codes"
LARGEST_FILE: Final = 256 * 1024 * 1024
UPLOAD_BITS: Final = 62
_TYPES: Final = frozenset({b"text/csv", b"application/csv", b"application/vnd.ms-excel"})


def code_files_handler(services: "Services") -> Handler:
    """The handler of uploads."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        principal = authenticate(services, scope, OPERATION)
        _check_csv(scope)
        variant, name = _asked(scope)
        key = _key(scope)
        terms, zone = await asyncio.to_thread(batch_terms, services.database, key, variant)
        batch = Batch(name, "shared" if terms.issue == "shared" else "own", terms)
        imported = Imported(name, variant)
        try:
            await import_codes(
                services.ledger,
                Vault(services.settings),
                batch,
                _pieces(scope, receive),
                zone=zone,
                now_us=services.clock.now_us(),
                upload=secrets.randbits(UPLOAD_BITS),
                imported=imported,
            )
        finally:
            await _note(services, principal, key, imported)
        await send_bytes(send, 200, msgspec.json.encode(imported.document()))

    return handle


async def _note(services: "Services", principal: Principal, key: str, imported: Imported) -> None:
    """Write down what was stored, also of a file that broke off."""
    if imported.added:
        actor, now_us = f"key:{principal.key_id}", services.clock.now_us()
        told = imported.counts()
        await asyncio.to_thread(note, services.database, actor, "codes.import", key, told, now_us)


def _check_csv(scope: Scope) -> None:
    kind = header(scope, b"content-type")
    if kind is not None and kind.split(b";")[0].strip().lower() not in _TYPES:
        raise UnsupportedType("send text/csv", "not_csv_type", "content-type")
    check_not_encoded(scope)


def _key(scope: Scope) -> str:
    found = PATTERN.fullmatch(scope["path"])
    return found.group(1) if found else ""


def _asked(scope: Scope) -> tuple[str, str]:
    """Variant and batch."""
    query = parse_qs(bytes(scope.get("query_string", b"")).decode("latin-1"), keep_blank_values=True)
    unknown = next((name for name in query if name not in {"variant", "batch"}), None)
    if unknown is not None:
        raise Invalid("there is no such parameter", "extra_forbidden", unknown[:100])
    for name in ("variant", "batch"):
        if len(query.get(name, [])) != 1:
            raise Invalid("this parameter is needed, once", "missing", name)
    return checked_key(query["variant"][0], "variant"), checked_key(query["batch"][0], "batch")


async def _pieces(scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes; each piece within the time of a body."""
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdigit() and int(declared) > LARGEST_FILE:
        raise too_large(LARGEST_FILE)
    size = 0
    is_last = False
    while not is_last:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
                message = await receive()
        except TimeoutError:
            raise BadRequest("the body did not arrive in time", "slow_body") from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = bytes(message.get("body", b""))
        size += len(piece)
        if size > LARGEST_FILE:
            raise too_large(LARGEST_FILE)
        yield piece
        is_last = not message.get("more_body", False)


def _parameter(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 100}
    return {"name": name, "in": "query", "required": True, "description": description, "schema": schema}


_BAD_LINE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["line", "code", "detail"],
    "properties": {"line": {"type": "integer"}, "code": {"type": "string"}, "detail": {"type": "string"}},
}
_IMPORTED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["batch", "variant", "added", "unchanged", "rejected", "rejected_count"],
    "properties": {
        "batch": {"type": "string"},
        "variant": {"type": "string"},
        "added": {"type": "integer"},
        "unchanged": {"type": "integer", "description": "of this batch, and there before"},
        "rejected": {"type": "array", "items": _BAD_LINE, "description": "the first thousand bad lines"},
        "rejected_count": {"type": "integer"},
    },
}
_REFUSALS: Final = (400, 401, 403, 404, 409, 413, 415, 422, 503)

CODE_FILES_OPENAPI: Final[dict[str, Any]] = {
    "paths": {
        "/api/v1/experiments/{key}/codes": {
            "post": {
                "operationId": OPERATION,
                "summary": "Import the shop's own codes as CSV: good lines are kept, bad ones named",
                "description": "Import the shop's own codes as CSV: good lines are kept, bad ones named."
                " The same file again changes nothing. Columns: code, and if you like valid_until and uses.",
                "tags": ["codes"],
                "x-key-kinds": kinds_of(OPERATION),
                "parameters": [
                    {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}},
                    _parameter("variant", "whose terms the codes carry"),
                    _parameter("batch", "name of this import"),
                ],
                "requestBody": {
                    "required": True,
                    "content": {"text/csv": {"schema": {"type": "string"}}},
                },
                "responses": {
                    "200": {
                        "description": "What became of the lines",
                        "content": {"application/json": {"schema": _IMPORTED}},
                    },
                    **{str(status): value for status, value in problem_responses(*_REFUSALS).items()},
                },
            }
        }
    }
}
