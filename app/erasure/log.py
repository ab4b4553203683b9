"""The sealed list of erasures: read by every replica, which drops the ids from its own files."""

import hashlib
import hmac
import os
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import func, update
from sqlmodel import Session, col, select

from app.clock import MICROSECONDS
from app.erasure.tables import ErasureRow
from app.settings import Settings

SEALED_SECONDS = 7 * 24 * 3600
_NONCE_BYTES = 12


class Ids(msgspec.Struct, frozen=True, array_like=True):
    """The ids of one person."""

    visitors: list[str]
    customers: list[str]


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure as a replica needs it.

    Attributes:
        number: of the erasure.
        seq: last row of the ledger at that moment.
        ids: what to drop; None when it is no longer kept, so that whoever missed it has to begin anew.
    """

    number: int
    seq: int
    ids: Ids | None


class ErasureLog:
    """Seals and opens the ids of erasures.

    Args:
        settings: keys are derived from its secret.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def seal(self, number: int, ids: Ids) -> bytes:
        """Ciphertext that belongs to this erasure."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, msgspec.msgpack.encode(ids), b"%d" % number)

    def mark(self, kind: str, text: str) -> bytes:
        """What is kept of an id for ever: its HMAC."""
        content = f"{kind}\n{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._settings.derived_key("tombstones"), content, hashlib.sha256).digest()

    def opened(self, row: ErasureRow) -> Erasure:
        """A row, its ids unsealed."""
        return Erasure(row.id, row.seq, None if row.sealed is None else self._open(row.id, bytes(row.sealed)))

    def after(self, session: Session, number: int) -> list[Erasure]:
        """Erasures behind this one, oldest first."""
        query = select(ErasureRow).where(col(ErasureRow.id) > number).order_by(col(ErasureRow.id))
        return [self.opened(row) for row in session.exec(query).all()]

    def _open(self, number: int, sealed: bytes) -> Ids | None:
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            written = self._cipher().decrypt(nonce, rest, b"%d" % number)
        except InvalidTag:  # the secret was changed meanwhile
            return None
        return msgspec.msgpack.decode(written, type=Ids)

    def _cipher(self) -> AESGCM:
        return AESGCM(self._settings.derived_key("erasures"))


def last_number(session: Session) -> int:
    """Number of the last erasure, 0 when there was none."""
    return int(session.exec(select(func.coalesce(func.max(ErasureRow.id), 0))).one())


def forget_sealed(session: Session, now_us: int) -> None:
    """Remove the sealed ids of erasures that every replica had a week to follow."""
    old = col(ErasureRow.at_us) <= now_us - SEALED_SECONDS * MICROSECONDS
    is_done = col(ErasureRow.scrubbed).is_(True)
    session.execute(
        update(ErasureRow).where(old, is_done, col(ErasureRow.sealed).is_not(None)).values(sealed=None)
    )
