"""The assignments door as raw ASGI: msgspec in, ready-made fragments out, never the database."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from app.access.service import identity_secret
from app.edge.asking import IGNORED_CUSTOMER, LONGEST_ID, Asking, ask, authenticate, vouched_customer
from app.edge.crawlers import is_crawler
from app.edge.evaluate_openapi import EVALUATE_OPENAPI
from app.edge.http import Handler, Receive, Scope, Send, check_json, read_body, send_bytes
from app.edge.ofrep import ofrep_handler
from app.edge.reading import named, no_nul
from app.errors import BadRequest, NotFound

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
        raise named(str(error)) from None
    except (ValueError, RecursionError):  # msgspec's and Unicode's errors are ValueErrors
        raise BadRequest("the body cannot be read as JSON", "not_json") from None
    no_nul(visitor_id=request.visitor_id, customer_id=request.customer_id)
    return request


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
