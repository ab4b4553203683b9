"""The veil over orders: codes by the same digest as in the table of codes, fingerprints as numbers."""

import hashlib
import hmac

from app.codes.vault import Sealed, Vault
from app.settings import Settings

_MARK_BYTES = 8


class Veil:
    """Hides codes and fingerprints of orders (see `app.ledger.veiled`).

    Args:
        settings: keys are derived from their secret.
    """

    def __init__(self, settings: Settings) -> None:
        self._vault = Vault(settings)
        self._key = settings.derived_key("orders:fingerprints")

    def code(self, text: str) -> Sealed:
        """A code as an order names it; a text that can be no code of ours is sealed all the same."""
        return self._vault.seal_any(text)

    def mark(self, kind: str, text: str) -> int:
        """The number of a fingerprint, 1 … 2^63 − 1."""
        digest = hmac.new(self._key, f"{kind}\0{text}".encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:_MARK_BYTES]) >> 1 or 1
