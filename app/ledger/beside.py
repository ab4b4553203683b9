"""What stands beside the rows of orders: the codes and fingerprints they name."""

from typing import Any, Final

from app.ledger.stores import Store
from app.ledger.veiled import NOTHING_VEILED, Veiled

_ADD_CODE: Final = (
    "INSERT INTO order_codes (seq, digest, ciphertext) VALUES (:seq, :digest, :ciphertext)"
    " ON CONFLICT (seq, digest) DO NOTHING"
)
_ADD_PRINT: Final = (
    "INSERT INTO order_prints (seq, kind, mark) VALUES (:seq, :kind, :mark)"
    " ON CONFLICT (seq, kind) DO NOTHING"
)


class Beside:
    """Gathers what stands beside the rows of one batch and writes it in the same transaction."""

    def __init__(self) -> None:
        self._codes: list[dict[str, Any]] = []
        self._prints: list[dict[str, Any]] = []

    def add(self, seq: int, veiled: Veiled) -> None:
        """What belongs to a row."""
        if veiled is NOTHING_VEILED:
            return
        self._codes += [
            {"seq": seq, "digest": digest, "ciphertext": ciphertext} for digest, ciphertext in veiled.codes
        ]
        self._prints += [{"seq": seq, "kind": kind, "mark": mark} for kind, mark in veiled.prints]

    def write(self, store: Store) -> None:
        """Write it."""
        if self._codes:
            store.run_many(_ADD_CODE, self._codes)
        if self._prints:
            store.run_many(_ADD_PRINT, self._prints)
