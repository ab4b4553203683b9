"""The assignments door as raw ASGI: msgspec in, ready-made fragments out, never the database."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from app.access.service import identity_secret
from app.edge.asking import IGNORED_CUSTOMER, LONGEST_ID, Asking, ask, authenticate, vouched_customer
from app.edge.crawlers import is_crawler
from app.edge.evaluate_openapi import EVALUATE_OPENAPI
from app.edge.http import Handler, Receive, Scope, Send, check_json, read_body, send_bytes
from app.edge.ofrep import ofrep_handler
from app.errors import BadRequest, Invalid, NotFound

if TYPE_CHECKING:
    from app.bootstrap import Services

__all__ = ["EVALUATE_OPENAPI", "assignments_handler", "ofrep_handler"]

MOST_EXPERIMENTS = 1000
Id = Annotated[str, msgspec.Meta(max_length=LONGEST_ID)]


class AssignmentRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /api/v1/assignments`."""

    visitor_id: Id | None = None
    customer_id: Id | None = None
    customer_signature: Id | None = None
    attributes: dict[str, Any] | None = None
    experiments: Annotated[list[str], msgspec.Meta(max_length=MOST_EXPERIMENTS)] | None = None


_decoder = msgspec.json.Decoder(AssignmentRequest, strict=True)
_encode = msgspec.json.Encoder().encode
_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(.*)`", re.DOTALL)


def assignments_handler(services: "Services") -> Handler:
    """The handler of `POST /api/v1/assignments`."""
    secret = identity_secret(services.settings)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        principal = authenticate(services, scope, "assign")
        check_json(scope)
        request = read_request(await read_body(receive, scope))
        customer_id = vouched_customer(principal, request.customer_id, request.customer_signature, secret)
        is_bot = is_crawler(principal, scope)
        asking = ask(services, request.visitor_id, customer_id, request.attributes, is_bot=is_bot)
        is_ignored = customer_id is None and request.customer_id is not None
        await send_bytes(send, 200, answer(asking, request.experiments, is_ignored=is_ignored))

    return handle


def read_request(body: bytes) -> AssignmentRequest:
    """The request in a body.

    Raises:
        BadRequest: it is not JSON.
        Invalid: a field is unknown or of the wrong type; it is named.
    """
    try:
        request = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from None
    except (ValueError, RecursionError):  # msgspec's and Unicode's errors are ValueErrors
        raise BadRequest("the body cannot be read as JSON", "not_json") from None
    for field, value in (("visitor_id", request.visitor_id), ("customer_id", request.customer_id)):
        if value is not None and "\0" in value:
            raise Invalid("holds a NUL", "invalid_field", field)
    return request


def _named(message: str) -> Invalid:
    """Msgspec's finding with the name of its field."""
    place = _AT.search(message)
    path = re.sub(r"\[(\d+)\]", r".\1", place.group(1).replace("[...]", "")) if place else ""
    unknown = _UNKNOWN.search(message)
    if unknown is not None:
        name = unknown.group(1)[:LONGEST_ID]
        return Invalid("there is no such field", "extra_forbidden", f"{path}.{name}" if path else name)
    return Invalid(message.split(" - at `", maxsplit=1)[0][:LONGEST_ID], "invalid_field", path or None)


def answer(asking: Asking, keys: list[str] | None, *, is_ignored: bool = False) -> bytes:
    """The body of the answer, joined from fragments.

    Args:
        asking: whom for.
        keys: about which experiments, in this order; None: all that are served.
        is_ignored: the sender named a customer it may not name.

    Raises:
        NotFound: no experiment with one of the keys was started.
    """
    try:
        sheet = asking.snapshot.sheet(asking.now_us, keys)
    except KeyError:
        raise NotFound(
            "no experiment with this key was started", "unknown_experiment", "experiments"
        ) from None
    asked = asking.asked
    items = sheet.assignments(asked, sheet.decide(asked, asking.enrolled))
    tail = b',"warnings":[%b]}' % _encode(IGNORED_CUSTOMER) if is_ignored else b"}"
    return b'{"config_version":%d,"assignments":[%b]%b' % (sheet.config_version, items, tail)
