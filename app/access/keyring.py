"""All keys in memory: looked up by hash on every request, reloaded when the config version changes."""

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from app.access.operations import OPERATIONS, Kind
from app.access.tables import ApiKeyRow
from app.clock import MICROSECONDS
from app.errors import Forbidden, Unauthorized

LAST_USE_US = 60 * MICROSECONDS  # last use is exact to a minute: no request writes for it
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        key_id: id of the key.
        kind: what it may do.
        name: who uses it.
    """

    key_id: str
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class _Held:
    principal: Principal
    expires_us: int | None
    revoked: bool


def hash_key(token: str) -> str:
    """Hex SHA-256 of a key's text. Keys are random, so a fast hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class KeyRing:
    """Keys by hash. A look-up by SHA-256 leaks nothing of use through its timing."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._used: dict[str, int] = {}
        self._unwritten: dict[str, int] = {}

    def authenticate(self, token: str | None, now_us: int) -> Principal:
        """Whose key this is.

        Args:
            token: the key's text, or None.
            now_us: the present moment.

        Raises:
            Unauthorized: there is none, or it is unknown, expired or revoked.
        """
        if not token:
            raise Unauthorized("a key is needed: Authorization: Bearer KEY, or X-API-Key: KEY", "missing_key")
        held = self._held.get(hash_key(token)) if len(token) <= _LONGEST_KEY else None
        if held is None:
            raise Unauthorized("this key is not known", "unknown_key")
        if held.revoked:
            raise Unauthorized("this key was revoked", "revoked_key")
        if held.expires_us is not None and now_us >= held.expires_us:
            raise Unauthorized("this key has expired", "expired_key")
        principal = held.principal
        if now_us - self._used.get(principal.key_id, -LAST_USE_US) >= LAST_USE_US:
            self._used[principal.key_id] = self._unwritten[principal.key_id] = now_us
        return principal

    def reload(self, session: Session) -> None:
        """Take the keys of the database."""
        self.load([document(row) for row in session.exec(select(ApiKeyRow)).all()])

    def load(self, documents: list[dict[str, Any]]) -> None:
        """Take these keys (of the database, or of the snapshot on disk)."""
        self._held = {
            item["sha256"]: _Held(
                Principal(item["id"], item["kind"], item["name"]),
                item["expires_us"],
                item["revoked_us"] is not None,
            )
            for item in documents
        }

    def write_last_used(self, session: Session) -> None:
        """Write down the last uses of which the database does not know yet."""
        written = dict(self._unwritten)
        for key_id, used_us in written.items():
            newer = or_(col(ApiKeyRow.last_used_us).is_(None), col(ApiKeyRow.last_used_us) < used_us)
            session.execute(
                update(ApiKeyRow).where(col(ApiKeyRow.id) == key_id, newer).values(last_used_us=used_us)
            )
        for key_id, used_us in written.items():
            if self._unwritten.get(key_id) == used_us:
                del self._unwritten[key_id]

    @property
    def has_unwritten_uses(self) -> bool:
        """Whether `write_last_used` has something to do."""
        return bool(self._unwritten)


def document(row: ApiKeyRow) -> dict[str, Any]:
    """What a key ring needs of a row."""
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "sha256": row.sha256,
        "expires_us": row.expires_us,
        "revoked_us": row.revoked_us,
    }


def allow(principal: Principal, operation: str) -> None:
    """Let the principal do the operation.

    Raises:
        Forbidden: the kind of its key does not admit it.
    """
    if principal.kind not in OPERATIONS[operation]:
        raise Forbidden(f"a {principal.kind} key may not do this", "wrong_key_kind")
