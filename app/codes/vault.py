"""Codes at rest: an HMAC to find one by, a ciphertext to show it again; the keys are not in the database."""

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.codes.alphabet import new_code, read_code
from app.errors import Unavailable
from app.settings import Settings

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Sealed:
    """A code as it is stored.

    Attributes:
        digest: HMAC-SHA256 of its one form, 32 bytes.
        ciphertext: nonce and AES-GCM ciphertext of its text as it is shown, bound to the digest.
    """

    digest: bytes
    ciphertext: bytes


class Vault:
    """Seals and opens codes.

    Args:
        settings: both keys are derived from their secret.
        draw: number of bytes → so many random bytes.
    """

    def __init__(self, settings: Settings, draw: Callable[[int], bytes] = os.urandom) -> None:
        self._settings = settings
        self._draw = draw

    def mint(self) -> Sealed:
        """A new code, sealed at once."""
        code = new_code(self._draw)
        return self._seal(code, self.digest(code) or b"")

    def seal(self, text: str) -> Sealed | None:
        """A code of the shop's own; None when it can be no code."""
        digest = self.digest(text)
        return None if digest is None else self._seal(text.strip(), digest)

    def seal_any(self, text: str) -> Sealed:
        """A text that somebody took for a code; one that can be no code has a digest of its own."""
        digest = self.digest(text) or self._hashed(b"\0" + text.encode())
        return self._seal(text, digest)

    def digest(self, text: str) -> bytes | None:
        """What a code as somebody typed it is looked up by; None when it can be no code."""
        plain = read_code(text)
        return None if plain is None else self._hashed(plain.encode())

    def open(self, sealed: Sealed) -> str:
        """The text of a code.

        Raises:
            Unavailable: it was sealed under another secret, or changed.
        """
        nonce, ciphertext = sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, ciphertext, sealed.digest).decode()
        except InvalidTag:
            raise Unavailable(
                "a code was sealed under another OFFERLAB_SECRET", "sealed_elsewhere", retry_after_seconds=60
            ) from None

    def open_text(self, digest: bytes, ciphertext: bytes) -> str:
        """The text behind a digest and a ciphertext; refusals as of `open`."""
        return self.open(Sealed(digest, ciphertext))

    def _seal(self, text: str, digest: bytes) -> Sealed:
        nonce = self._draw(_NONCE_BYTES)
        return Sealed(digest, nonce + self._cipher.encrypt(nonce, text.encode(), digest))

    def _hashed(self, plain: bytes) -> bytes:
        """A copy of the keyed hash; `hmac.digest` would let other threads run and wait for its turn."""
        mac = self._keyed.copy()
        mac.update(plain)
        return mac.digest()

    @cached_property
    def _keyed(self) -> hmac.HMAC:
        return hmac.new(self._settings.derived_key("codes:look-up"), digestmod=hashlib.sha256)

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._settings.derived_key("codes:show-again"))
