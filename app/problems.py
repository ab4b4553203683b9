"""FastAPI's refusals in the service's own words: RFC 9457, the field named, the input never echoed."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app.errors import (
    BadRequest,
    Forbidden,
    Invalid,
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
_BY_STATUS: dict[int, type[Refusal]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    413: TooLarge,
    415: UnsupportedType,
}
_CODES = {BadRequest: "not_json", Unauthorized: "unknown_key", Forbidden: "forbidden", NotFound: "not_found"}
_CODES |= {TooLarge: "too_large", UnsupportedType: "unsupported_type"}
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
    body = b'{"type":"urn:offerlab:problem:internal","title":"Internal error","status":500,"code":"internal"}'
    return Response(body, 500, media_type="application/problem+json")


async def _http(_request: Request, error: Exception) -> Response:
    refused = cast("HTTPException", error)
    family = _BY_STATUS.get(refused.status_code)
    if family is not None:
        code = _CODES[family]
        detail = "the body cannot be read as JSON" if family is BadRequest else "there is nothing here"
        return answer(family(detail, code))
    title = "Method not allowed" if refused.status_code == METHOD_NOT_ALLOWED else "Refused"
    body = (
        f'{{"type":"urn:offerlab:problem:http_{refused.status_code}","title":"{title}",'
        f'"status":{refused.status_code},"code":"http_{refused.status_code}"}}'
    )
    return Response(
        body, refused.status_code, headers=dict(refused.headers or {}), media_type="application/problem+json"
    )


async def _validation(request: Request, error: Exception) -> Response:
    invalid = cast("RequestValidationError", error)
    errors = invalid.errors()
    if any(item["type"] == "json_invalid" for item in errors):
        return answer(BadRequest("the body cannot be read as JSON", "not_json"))
    content_type = request.headers.get("content-type", "")
    if isinstance(invalid.body, bytes) and invalid.body and "json" not in content_type:
        return answer(UnsupportedType("send application/json", "unsupported_type"))
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
    if item["type"] == "unstorable" and item["ctx"]["path"]:
        steps.append(item["ctx"]["path"])
    return _clean(".".join(steps))


def _clean(text: str) -> str:
    return text.encode("ascii", "replace").decode()[:LONGEST_FIELD]
