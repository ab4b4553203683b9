"""What the domain of codes says of the codes in a quote: each is validated as it would be at the till."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from app.codes.service import Basket, Done, Person, Validate, Vault
from app.edge.asking import Asking
from app.errors import Conflict, Forbidden, Gone, Invalid, NotFound, Refusal
from app.offers.quoting import UNKNOWN_CODE, KnownCode
from app.offers.ready import Ready

if TYPE_CHECKING:
    from app.bootstrap import Services

CodeBook = Callable[[Sequence[str], Person, Asking], Awaitable[Sequence[KnownCode]]]
"""Codes as typed, who typed them, and what is served → what they are good for."""

_SAYS_NO: Final = (Conflict, Forbidden, Gone, Invalid, NotFound)


def code_book(services: "Services") -> CodeBook:
    """The codes of this shop; nothing is taken or held by looking."""
    vault = Vault(services.settings)

    async def look_up(codes: Sequence[str], person: Person, asking: Asking) -> list[KnownCode]:
        return [await known(code, person, asking) for code in codes]

    async def known(code: str, person: Person, asking: Asking) -> KnownCode:
        deed = Validate(vault.digest(code), person, None, Basket(), services.codes.terms)
        try:
            done: Done = await services.ledger.do(deed)
        except _SAYS_NO as refusal:
            return KnownCode(code, None, _reason(refusal))
        ready = _ready(asking, done, code)
        return KnownCode(code, ready, None if ready is not None else UNKNOWN_CODE)

    return look_up


def _ready(asking: Asking, done: Done, code: str) -> Ready | None:
    """The offer of the code's own variant, whoever brings the code."""
    served = asking.snapshot.experiments.get(done.code.experiment)
    ready = None if served is None else served.offers.get(done.code.variant)
    return None if ready is None else replace(ready, code=code, key=(*ready.key[:2], code))


def _reason(refusal: Refusal) -> str:
    if isinstance(refusal, NotFound):
        return UNKNOWN_CODE
    reason: Any = refusal.extra.get("reason")
    return str(reason or refusal.code)
