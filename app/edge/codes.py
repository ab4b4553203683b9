"""The doors of codes as raw ASGI: claim, validate, reserve, redeem, roll back; answered after the commit."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from sqlalchemy.exc import SQLAlchemyError

from app.access.service import Principal
from app.codes.service import (
    Basket,
    Claim,
    Claimed,
    CodeDeed,
    Done,
    Person,
    Redeem,
    Reserve,
    Rollback,
    Validate,
    Vault,
    claimed_document,
    done_document,
    not_assigned,
    with_public_message,
)
from app.edge.asking import Asking, ask, authenticate, offers_of
from app.edge.codes_openapi import CODES_OPENAPI
from app.edge.guessing import Asker, guess_limit
from app.edge.http import Handler, Receive, Scope, Send, check_json, read_body, send_bytes
from app.edge.reading import decode
from app.errors import Invalid, NotFound, Refusal
from app.ledger.events import Moment
from app.ledger.intake import Unfit, happened_us
from app.ledger.rows import FORCED, Identifier
from app.offers.carts import MOST_LINES, Cart, Line, check_cart, history_of
from app.serving.snapshot import ServedExperiment
from assignment.decision import Assigned

if TYPE_CHECKING:
    from app.bootstrap import Services

__all__ = ["CODES_OPENAPI", "PREFIX", "code_handlers"]

PREFIX: Final = "/api/v1/codes/"
LONGEST_RESERVATION_SECONDS: Final = 7 * 86_400
LARGEST_MINOR: Final = 10**15
Id = Annotated[str, Meta(min_length=1, max_length=200)]
Minor = Annotated[int, Meta(ge=0, le=LARGEST_MINOR)]


class ClaimRequest(Struct, forbid_unknown_fields=True):
    """Body of a claim."""

    experiment: Id
    visitor_id: Id | None = None
    customer_id: Id | None = None
    attributes: dict[str, Any] | None = None
    occurred_at: Moment | None = None


class TillCart(Struct, forbid_unknown_fields=True):
    """The order as it stands; without `shipping_minor` nothing is known of its delivery."""

    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    lines: Annotated[list[Line], Meta(max_length=MOST_LINES)]
    shipping_minor: Minor | None = None


class CodeRequest(Struct, forbid_unknown_fields=True):
    """Body of validate, reserve and rollback."""

    code: Annotated[str, Meta(min_length=1, max_length=200)]
    visitor_id: Id | None = None
    customer_id: Id | None = None
    order_id: Id | None = None
    attributes: dict[str, Any] | None = None
    cart: TillCart | None = None
    discount_minor: Minor | None = None
    ttl_seconds: Annotated[int, Meta(ge=1, le=LONGEST_RESERVATION_SECONDS)] = 900


class RedeemRequest(CodeRequest, forbid_unknown_fields=True):
    """Body of a redemption."""

    occurred_at: Moment | None = None


_claims = msgspec.json.Decoder(ClaimRequest, strict=True)
_codes = msgspec.json.Decoder(CodeRequest, strict=True)
_redemptions = msgspec.json.Decoder(RedeemRequest, strict=True)
DEEDS: Final[dict[str, type[CodeDeed]]] = {
    "validate": Validate,
    "reserve": Reserve,
    "redeem": Redeem,
    "rollback": Rollback,
}


def code_handlers(services: "Services") -> dict[tuple[str, str], Handler]:
    """Method and path → handler, for all five doors."""
    desk = _Desk(services)
    handlers = {("POST", f"{PREFIX}{name}"): desk.handler(name, kind) for name, kind in DEEDS.items()}
    return {("POST", f"{PREFIX}claim"): desk.guarded("claim_code", desk.claim), **handlers}


class _Desk:
    """What the five doors share."""

    def __init__(self, services: "Services") -> None:
        self.services = services
        self.vault = Vault(services.settings)
        self.guesses = guess_limit(services)

    def guarded(
        self, operation: str, answer: Callable[[Scope, Principal, bytes], Awaitable[bytes]]
    ) -> Handler:
        """Key, body, answer; every refusal says the same sentence to the shopper."""

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            principal = authenticate(self.services, scope, operation)
            try:
                check_json(scope)
                body = await answer(scope, principal, await read_body(receive, scope))
            except Refusal as refusal:
                raise with_public_message(refusal) from None
            await send_bytes(send, 200, body)

        return handle

    async def claim(self, _scope: Scope, _principal: Principal, body: bytes) -> bytes:
        """One unit's code."""
        request = decode(_claims, body)
        served = self.services.snapshots.current.experiments.get(request.experiment)
        if served is None or served.state == "draft":
            raise NotFound("no experiment with this key was started", "unknown_experiment", "experiment")
        person, asking = self._person(request, request.attributes)
        at_us = self._happened_us(request.occurred_at)
        found: Claimed = await self.services.ledger.do(self._claim(served, asking, person, at_us))
        await self._heed(froze=found.froze)
        terms = self.services.codes.terms(served.key, found.variant)
        assert terms is not None  # noqa: S101 - a claim is only made where the variant gives codes
        return msgspec.json.encode(claimed_document(found, self.vault.open(found.sealed), terms))

    def _happened_us(self, occurred_at: datetime | None) -> int | None:
        """The date of the ledger row, as the shop says; what a code may do is judged by our own clock."""
        if occurred_at is None:
            return None
        try:
            return happened_us(occurred_at, self.services.clock.now_us())
        except Unfit as error:
            raise Invalid(error.detail.removeprefix("occurred_at: "), error.code, "occurred_at") from None

    def _claim(self, served: ServedExperiment, asking: Asking, person: Person, at_us: int | None) -> Claim:
        unit_id = asking.unit_of(served)
        if unit_id is None:
            raise not_assigned("NO_UNIT")
        decision = asking.decide(served, unit_id)
        terms = (
            self.services.codes.terms(served.key, decision.variant)
            if isinstance(decision, Assigned)
            else None
        )
        is_customer = served.unit == "customer" and unit_id == person.customer_id
        unit: Identifier = ("customer" if is_customer else "visitor", unit_id)
        flags = FORCED if decision.reason == "FORCED" else 0
        reason = "NO_CODES" if isinstance(decision, Assigned) else decision.reason
        told = history_of(asking.attributes)
        return Claim(
            *(served.key, unit, person, terms, reason, self.vault.mint, flags, at_us),
            since_us=served.since_us,
            told=told,
        )

    def handler(self, name: str, kind: type[CodeDeed]) -> Handler:
        """The door of one of the deeds on a typed code."""

        async def answer(scope: Scope, principal: Principal, body: bytes) -> bytes:
            request = decode(_redemptions, body) if kind is Redeem else decode(_codes, body)
            if request.order_id is None and kind is not Validate:
                raise Invalid("required", "missing", "order_id")
            person, asking = self._person(request, request.attributes)
            asker = Asker.of(principal, scope, request.visitor_id, request.customer_id)
            self.guesses.admit(asker, self.services.clock.now_us())
            deed = self._deed(kind, request, person, _basket(request, asking))
            try:
                done: Done = await self.services.ledger.do(deed)
            except NotFound:
                self.guesses.count(asker, self.services.clock.now_us())
                raise
            if kind is Redeem:
                self.guesses.redeemed(asker, self.services.clock.now_us())
            await self._heed(froze=done.froze)
            return msgspec.json.encode(done_document(done))

        return self.guarded(f"{name}_code", answer)

    def _deed(self, kind: type[CodeDeed], request: CodeRequest, person: Person, basket: Basket) -> CodeDeed:
        return kind(
            digest=self.vault.digest(request.code),
            person=person,
            order_id=request.order_id,
            basket=basket,
            terms_of=self.services.codes.terms,
            ttl_seconds=request.ttl_seconds,
            at_us=self._happened_us(request.occurred_at) if isinstance(request, RedeemRequest) else None,
        )

    def _person(
        self, request: ClaimRequest | CodeRequest, attributes: dict[str, Any] | None
    ) -> tuple[Person, Asking]:
        for field in ("visitor_id", "customer_id", "order_id"):
            if "\0" in (getattr(request, field, None) or ""):
                raise Invalid("holds a NUL", "invalid_field", field)
        if request.visitor_id is None and request.customer_id is None:
            raise Invalid("visitor_id or customer_id is required", "missing", "visitor_id")
        asking = ask(self.services, request.visitor_id, request.customer_id, attributes)
        canonical = asking.visitor if request.customer_id is not None else None
        known = canonical if canonical != request.visitor_id else None
        return Person(request.visitor_id, request.customer_id, known), asking

    async def _heed(self, *, froze: bool) -> None:
        """Serve a freeze from this process at once; others notice within a second."""
        if froze:
            with contextlib.suppress(SQLAlchemyError):  # it is committed; the next look will show it
                await asyncio.to_thread(self.services.snapshots.refresh)


def _basket(request: CodeRequest, asking: Asking) -> Basket:
    """What the request says of the order, and what a quote for it would look at."""
    said = request.cart
    if said is None:
        return Basket(None, request.discount_minor)
    cart = Cart(said.currency, said.lines, said.shipping_minor or 0)
    check_cart(cart)
    return Basket(
        cart,
        request.discount_minor,
        history_of(asking.attributes),
        offers_of(asking),
        knows_delivery=said.shipping_minor is not None,
    )
