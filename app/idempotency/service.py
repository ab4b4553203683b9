"""Claiming a call, keeping its answer, giving it again. One row per call; the database decides."""

import hashlib
import hmac
import logging
import os
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import TextClause, text
from sqlmodel import Session

from app.clock import MICROSECONDS, Clock
from app.database import Database
from app.errors import Conflict, Invalid
from app.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Row

log = logging.getLogger("offerlab")
KEPT_SECONDS = 24 * 3600
ABANDONED_SECONDS = 60
"""After so long without an answer the process that carried a call out is taken for dead."""

_NONCE_BYTES = 12
_INSERT = text(
    "INSERT INTO kept_answers (key_id, name, fingerprint, owner, claimed_at_us)"
    " VALUES (:key_id, :name, :fingerprint, :owner, :claimed_at_us) ON CONFLICT DO NOTHING"
)
_FIND = text(
    "SELECT fingerprint, owner, claimed_at_us, sealed FROM kept_answers"
    " WHERE key_id = :key_id AND name = :name"
)
_MINE = "key_id = :key_id AND name = :name AND owner = :owner"
_TAKE_OVER = text(
    "UPDATE kept_answers SET fingerprint = :fingerprint, owner = :new_owner,"  # noqa: S608 - a constant of ours
    f" claimed_at_us = :claimed_at_us, sealed = NULL WHERE {_MINE}"
)
_KEEP = text(f"UPDATE kept_answers SET sealed = :sealed WHERE {_MINE}")  # noqa: S608 - as above
_RELEASE = text(f"DELETE FROM kept_answers WHERE {_MINE} AND sealed IS NULL")  # noqa: S608 - as above
_SWEEP = text("DELETE FROM kept_answers WHERE claimed_at_us <= :before")


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What was answered: status, headers and body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry one call out.

    Attributes:
        key_id: API key of the sender.
        name: HMAC of the `Idempotency-Key`; `fingerprint` of the request.
        owner: random mark of this attempt.
        claimed_at_us: when it began.
    """

    key_id: str
    name: bytes
    fingerprint: bytes
    owner: str
    claimed_at_us: int


class AnswerBook:
    """The answers of one database; blocks, so call it from a thread.

    Args:
        database: where they are kept.
        settings: keys are derived from its secret.
        clock: for the 24 hours.
    """

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    def claim(self, key_id: str, name: str, request: bytes) -> Claim | Answer:
        """Leave to carry a call out, or the answer it was given before.

        Args:
            key_id: API key of the sender; names of one key mean nothing to another.
            name: the `Idempotency-Key`.
            request: everything that makes it the same call: method, path, query, body.

        Raises:
            Invalid: the name was used for another request.
            Conflict: the same call is being carried out at this moment.
        """
        wanted = Claim(
            key_id,
            self._hmac(f"{key_id}\n{name}".encode()),
            self._hmac(request),
            secrets.token_hex(16),
            self._clock.now_us(),
        )
        found: Claim | Answer | None = None
        while found is None:  # again only if the row went away between two statements
            with self._database.write() as session:
                found = self._claimed(session, wanted)
        return found

    def keep(self, claim: Claim, answer: Answer) -> None:
        """Keep the answer of a call that was carried out."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher().encrypt(nonce, msgspec.msgpack.encode(answer), _context(claim))
        self._run(_KEEP, claim, sealed=sealed)

    def release(self, claim: Claim) -> None:
        """Let the call be made again: it was not carried out."""
        self._run(_RELEASE, claim)

    def sweep(self) -> None:
        """Remove what is older than a day."""
        before = self._clock.now_us() - KEPT_SECONDS * MICROSECONDS
        with self._database.write() as session:
            session.execute(_SWEEP, {"before": before})

    def _claimed(self, session: Session, wanted: Claim) -> Claim | Answer | None:
        values: dict[str, Any] = {"key_id": wanted.key_id, "name": wanted.name, "owner": wanted.owner}
        values |= {"fingerprint": wanted.fingerprint, "claimed_at_us": wanted.claimed_at_us}
        if session.execute(_INSERT, values).rowcount:  # type: ignore[attr-defined]  # a cursor result: it has one
            return wanted
        row = session.execute(_FIND, values).one_or_none()
        if row is None:
            return None
        kept = self._kept(row, wanted)
        if kept is not None:
            return kept
        values |= {"owner": row.owner, "new_owner": wanted.owner}
        return wanted if session.execute(_TAKE_OVER, values).rowcount else None  # type: ignore[attr-defined]  # as above

    def _kept(self, row: "Row[tuple[bytes, str, int, bytes | None]]", wanted: Claim) -> Answer | None:
        """The answer that stands; None when the row may be taken over."""
        age_us = wanted.claimed_at_us - row.claimed_at_us
        if age_us >= KEPT_SECONDS * MICROSECONDS:
            return None
        if not hmac.compare_digest(bytes(row.fingerprint), wanted.fingerprint):
            raise Invalid("was used for another request", "idempotency_key_reused", "idempotency-key")
        if row.sealed is not None:
            return self._opened(bytes(row.sealed), replace(wanted, owner=row.owner))
        if age_us >= ABANDONED_SECONDS * MICROSECONDS:
            return None
        raise Conflict(
            "the same call is in progress",
            "idempotency_in_progress",
            "idempotency-key",
            retry_after_seconds=1,
        )

    def _opened(self, sealed: bytes, claim: Claim) -> Answer | None:
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            written = self._cipher().decrypt(nonce, rest, _context(claim))
        except InvalidTag:
            log.warning("a kept answer cannot be opened: OFFERLAB_SECRET was changed")
            return None
        return msgspec.msgpack.decode(written, type=Answer)

    def _run(self, statement: TextClause, claim: Claim, **more: bytes) -> None:
        values = {"key_id": claim.key_id, "name": claim.name, "owner": claim.owner, **more}
        with self._database.write() as session:
            session.execute(statement, values)

    def _hmac(self, content: bytes) -> bytes:
        return hmac.new(self._settings.derived_key("idempotency-name"), content, hashlib.sha256).digest()

    def _cipher(self) -> AESGCM:
        return AESGCM(self._settings.derived_key("idempotency"))


def _context(claim: Claim) -> bytes:
    """What a ciphertext belongs to: it opens in no other row."""
    return claim.key_id.encode() + claim.name + claim.fingerprint
