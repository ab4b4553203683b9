"""What an order says of codes and fingerprints without saying it in plain: digests, ciphertext, numbers.

A code is as good as money and a fingerprint is somebody's card or home, so neither stands in the ledger. The
row's JSON names a code by the first half of its digest; the whole digest and the text as ciphertext stand in
`order_codes`; a fingerprint becomes a number in `order_prints`.
"""

from typing import Any, Final, NamedTuple, Protocol

from app.ledger.events import Discount, OrderState

PRINT_KINDS: Final = ("payment", "address", "device")
_SHOWN_DIGITS: Final = 32


class SealedCode(Protocol):
    """A code as it is stored."""

    @property
    def digest(self) -> bytes:
        """What it is found by: the same for every way of typing it, 32 bytes."""
        ...

    @property
    def ciphertext(self) -> bytes:
        """Its text, for those who hold the key."""
        ...


class Veil(Protocol):
    """Hides what must not be stored in plain."""

    def code(self, text: str) -> SealedCode:
        """A code as an order names it, of ours or not."""
        ...

    def mark(self, kind: str, text: str) -> int:
        """The number that stands for a fingerprint of a kind, 63 bits; the same for the same fingerprint."""
        ...


class Veiled(NamedTuple):
    """What of an order is stored beside its row.

    Attributes:
        codes: (digest, ciphertext) of each code it names, once.
        prints: (kind, number) of each fingerprint.
    """

    codes: tuple[tuple[bytes, bytes], ...] = ()
    prints: tuple[tuple[str, int], ...] = ()


NOTHING_VEILED: Final = Veiled()


def veiled_order(order: OrderState, veil: Veil) -> tuple[dict[str, Any], Veiled]:
    """The fields of an order that name codes or fingerprints as its row says them, and what stands beside.

    Args:
        order: as sent.
        veil: hides texts.

    Returns:
        Field → value to store instead of the one sent (None: nothing), for those that change.
    """
    texts = [*(order.codes or ()), *(part.code for part in order.discounts or () if part.code is not None)]
    sealed = {text: veil.code(text) for text in dict.fromkeys(texts)}
    instead: dict[str, Any] = {}
    if order.codes:
        instead["codes"] = [shown_code(sealed[text].digest) for text in order.codes]
    if any(part.code is not None for part in order.discounts or ()):
        instead["discounts"] = [_part(part, sealed) for part in order.discounts or ()]
    prints: list[tuple[str, int]] = []
    if order.fingerprints is not None:
        instead["fingerprints"] = None
        sent = ((kind, getattr(order.fingerprints, kind)) for kind in PRINT_KINDS)
        prints = [(kind, veil.mark(kind, text)) for kind, text in sent if text is not None]
    codes = {one.digest: one.ciphertext for one in sealed.values()}
    return instead, Veiled(tuple(codes.items()), tuple(prints))


def shown_code(digest: bytes) -> str:
    """How a row's JSON names a code.

    >>> shown_code(bytes(32))
    '~00000000000000000000000000000000'
    """
    return f"~{digest.hex()[:_SHOWN_DIGITS]}"


def _part(part: Discount, sealed: dict[str, SealedCode]) -> dict[str, Any]:
    """A discount without the fields that are null."""
    said = {"amount_minor": part.amount_minor, "offer": part.offer, "other": part.other}
    if part.code is not None:
        said["code"] = shown_code(sealed[part.code].digest)
    return {name: value for name, value in said.items() if value is not None}
