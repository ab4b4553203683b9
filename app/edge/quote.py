"""`POST /api/v1/quote` as raw ASGI: what applies to a cart; the database is asked as little as can be."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from app.codes.service import Person
from app.edge.asking import LONGEST_ID, Asking, ask, authenticate, offers_of
from app.edge.code_book import code_book
from app.edge.guessing import Asker, guess_limit
from app.edge.http import Handler, Receive, Scope, Send, check_json, read_body, send_bytes
from app.edge.past_orders import PastOrders
from app.edge.reading import named, no_nul
from app.errors import BadRequest, Invalid
from app.offers.carts import Cart, check_cart
from app.offers.quoting import UNKNOWN_CODE, KnownCode, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.bootstrap import Services

PATH = "/api/v1/quote"
OPERATION = "quote"
MOST_CODES = 20
Id = Annotated[str, msgspec.Meta(max_length=LONGEST_ID)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class QuoteRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Whose cart, what is in it, and the codes that were typed in."""

    cart: Cart
    visitor_id: Id | None = None
    customer_id: Id | None = None
    attributes: dict[str, Any] | None = None
    codes: Annotated[list[Code], msgspec.Meta(max_length=MOST_CODES)] = msgspec.field(default_factory=list)


_decoder = msgspec.json.Decoder(QuoteRequest, strict=True)
_encode = msgspec.json.Encoder().encode


def quote_handler(services: "Services") -> Handler:
    """The handler of `POST /api/v1/quote`; the database is asked about codes and earlier orders only."""
    look_up, guesses, past_orders = code_book(services), guess_limit(services), PastOrders(services)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        principal = authenticate(services, scope, OPERATION)
        check_json(scope)
        request = read_request(await read_body(receive, scope))
        asking = ask(services, request.visitor_id, request.customer_id, request.attributes)
        codes: Sequence[KnownCode] = ()
        if request.codes:
            asker = Asker.of(principal, scope, request.visitor_id, request.customer_id)
            guesses.admit(asker, asking.now_us)
            codes = await look_up(list(dict.fromkeys(request.codes)), _person(request, asking), asking)
            unknown = sum(known.refusal == UNKNOWN_CODE for known in codes)
            if unknown:
                guesses.count(asker, asking.now_us, unknown)
        offers = offers_of(asking)
        asked = [*offers, *(known.ready for known in codes if known.ready is not None)]
        named = (request.visitor_id or None, request.customer_id or None)
        past = await past_orders.of(asking, named, asked, request.cart.currency)
        found = quote(request.cart, offers, asking.now_us, past.history, codes)
        found.history = past.used
        await send_bytes(send, 200, _encode(found))

    return handle


def _person(request: QuoteRequest, asking: Asking) -> Person:
    canonical = asking.visitor if request.customer_id else None
    known = canonical if canonical != request.visitor_id else None
    return Person(request.visitor_id or None, request.customer_id or None, known)


def read_request(body: bytes) -> QuoteRequest:
    """The request in a body.

    Raises:
        BadRequest: it is not JSON.
        Invalid: a field is unknown, missing, of the wrong type or impossible; it is named.
    """
    try:
        request = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise named(str(error)) from None
    except (ValueError, RecursionError):  # msgspec's and Unicode's errors are ValueErrors
        raise BadRequest("the body cannot be read as JSON", "not_json") from None
    if not request.visitor_id and not request.customer_id:
        raise Invalid("name the visitor, the customer or both", "missing", "visitor_id")
    no_nul(visitor_id=request.visitor_id, customer_id=request.customer_id)
    check_cart(request.cart)
    return request
