"""FastAPI's refusals in the service's own words: RFC 9457, the field named, the input never echoed."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from app.access.keyring import allow
from app.access.operations import OPERATIONS
from app.dependencies import services
from app.edge.http import bearer_token
from app.errors import (
    INTERNAL,
    BadRequest,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Refusal,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedType,
    problem,
)

log = logging.getLogger("offerlab")
MOST_ERRORS = 20
LONGEST_FIELD = 200
METHOD_NOT_ALLOWED = 405
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_BY_STATUS: dict[int, type[Refusal]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    413: TooLarge,
    415: UnsupportedType,
}
_CODES = {BadRequest: "not_json", Unauthorized: "unknown_key", Forbidden: "forbidden", NotFound: "not_found"}
_CODES |= {TooLarge: "too_large", UnsupportedType: "not_json_type"}
_TAG_ERRORS = {"union_tag_invalid", "union_tag_not_found"}


def install_problem_handlers(app: FastAPI) -> None:
    """Make every refusal and failure of the application an RFC 9457 answer."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    for gone in (OperationalError, PoolTimeout, DBAPIError):
        app.add_exception_handler(gone, _database)
    app.add_exception_handler(Exception, _unexpected)


def answer(refusal: Refusal) -> Response:
    """A refusal as an HTTP answer."""
    status, body, headers = problem(refusal)
    fields = {name.decode(): value.decode() for name, value in headers}
    return Response(body, status, headers=fields)


async def _refusal(_request: Request, error: Exception) -> Response:
    return answer(cast("Refusal", error))


async def _database(_request: Request, error: Exception) -> Response:
    log.warning("the database refused: %s", type(error).__name__)
    return answer(
        Unavailable("the database is away; nothing was stored", "unavailable", retry_after_seconds=1)
    )


async def _unexpected(_request: Request, _error: Exception) -> Response:
    return Response(INTERNAL, 500, media_type="application/problem+json")


async def _http(request: Request, error: Exception) -> Response:
    refused = cast("HTTPException", error)
    family = _BY_STATUS.get(refused.status_code)
    if family is not None:
        refusal = _not_admitted(request) if family is BadRequest else None
        if refusal is not None:
            return answer(refusal)
        code = _CODES[family]
        detail = "the body cannot be read as JSON" if family is BadRequest else "there is nothing here"
        return answer(family(detail, code))
    if refused.status_code == METHOD_NOT_ALLOWED:
        allow = ", ".join(_methods(request, (refused.headers or {}).get("Allow", "")))
        return answer(MethodNotAllowed(f"send {allow}", "method_not_allowed", extra={"allow": allow}))
    body = (
        f'{{"type":"urn:offerlab:problem:http_{refused.status_code}","title":"Refused",'
        f'"status":{refused.status_code},"code":"http_{refused.status_code}"}}'
    )
    return Response(
        body, refused.status_code, headers=dict(refused.headers or {}), media_type="application/problem+json"
    )


def _methods(request: Request, named: str) -> list[str]:
    """Every method some route takes at this path: the router itself names those of the first route only."""
    found = {method.strip() for method in named.split(",") if method}
    for route in request.app.routes:
        if isinstance(route, Mount):
            continue
        for method in _METHODS:
            match, _ = route.matches({**request.scope, "method": method})
            found |= {method} if match is Match.FULL else set()
    return sorted(found)


def _not_admitted(request: Request) -> Refusal | None:
    """Why the sender may not call this door at all: its key is looked at before its body."""
    operation = getattr(request.scope.get("route"), "operation_id", None)
    if operation not in OPERATIONS:
        return None
    wired = services(request)
    try:
        principal = wired.keys.authenticate(bearer_token(request.scope), wired.clock.now_us())
        allow(principal, operation)
    except Refusal as refusal:
        return refusal
    return None


async def _validation(request: Request, error: Exception) -> Response:
    invalid = cast("RequestValidationError", error)
    errors = invalid.errors()
    if any(item["type"] == "json_invalid" for item in errors):
        unread = BadRequest("the body cannot be read as JSON", "not_json")
        return answer(_not_admitted(request) or unread)
    content_type = request.headers.get("content-type", "")
    if isinstance(invalid.body, bytes) and invalid.body and "json" not in content_type:
        return answer(UnsupportedType("send application/json", "not_json_type", "content-type"))
    return answer(invalid_fields(errors, invalid.body))


def invalid_fields(errors: Sequence[Any], body: Any) -> Invalid:
    """One refusal for all of Pydantic's findings; `field` is the first, `errors` has them all.

    Args:
        errors: as of `ValidationError.errors()`.
        body: the body they are about, to tell its fields from names of models.
    """
    found = [
        {"field": field_name(item, body), "detail": str(item["msg"])[:LONGEST_FIELD], "code": item["type"]}
        for item in errors[:MOST_ERRORS]
    ]
    first = found[0]
    code = first["code"] if first["code"] in _OWN_CODES else "invalid_field"
    return Invalid(first["detail"], code, first["field"] or None, {"errors": found})


_OWN_CODES = {"extra_forbidden", "missing", "naive_moment", "unstorable", "currency"}


def field_name(item: Mapping[str, Any], body: Any) -> str:
    """The dotted path of a finding, as the sender wrote it.

    Pydantic's locations also name union members and validators; what the body does not hold is left out,
    but for the last step of something missing or unknown.

    >>> missing = {"loc": ("body", "offer", "gift", "product"), "type": "missing"}
    >>> field_name(missing, {"offer": {"kind": "gift"}})
    'offer.product'
    """
    location = list(item["loc"])
    if location and location[0] in {"body", "query", "path", "header", "cookie"}:
        inside = location.pop(0) == "body"
        if not inside:
            return _clean(".".join(map(str, location)))
    steps: list[str] = []
    for position, step in enumerate(location):
        is_last = position == len(location) - 1
        if (isinstance(step, int) and isinstance(body, list) and step < len(body)) or (
            isinstance(body, dict) and step in body
        ):
            body = body[step]
        elif not (is_last and isinstance(body, dict)) or item["type"] != "missing":
            continue
        steps.append(str(step))
    if item["type"] in _TAG_ERRORS:
        steps.append("kind")
    inner = (item.get("ctx") or {}).get("path")  # a rule of a whole object names the field in it
    if inner:
        steps.append(inner)
    return _clean(".".join(steps))


def _clean(text: str) -> str:
    return text.encode("ascii", "replace").decode()[:LONGEST_FIELD]
