"""Making, listing and revoking API keys. `KeyRing`, `Principal` and `allow` come from here too."""

import hashlib
import hmac
import secrets
from typing import Any

from sqlmodel import Session, col, select

from app.access.keyring import KeyRing, Principal, allow, hash_key
from app.access.operations import KINDS, OPERATIONS, Kind
from app.access.tables import ApiKeyRow
from app.audit.service import record
from app.clock import isoformat
from app.database import Database
from app.errors import Invalid, NotFound
from app.serving.config import bump, lock
from app.settings import Settings
from app.strict import is_key

__all__ = [
    "KINDS",
    "OPERATIONS",
    "KeyRing",
    "Kind",
    "Principal",
    "allow",
    "create_key",
    "customer_signature",
    "ensure_admin_key",
    "identity_secret",
    "list_keys",
    "revoke_key",
]

RANDOM_BYTES = 32  # 43 url-safe characters
PREFIX_LENGTH = 12
SETTINGS_KEY_ID = "k_settings"


def create_key(  # noqa: PLR0913 - a key has that many properties
    database: Database, kind: str, name: str, now_us: int, *, actor: str, expires_at_us: int | None = None
) -> dict[str, Any]:
    """Make a key; its text is in the answer and nowhere else.

    Args:
        database: where its hash is kept.
        kind: pub, srv, ro, mgr or adm.
        name: who will use it, shown in the audit log.
        now_us: the present moment.
        actor: who makes it, for the audit log.
        expires_at_us: from when on it is refused, or None.

    Returns:
        The public fields of the key and `key`, its text.

    Raises:
        Invalid: unknown kind, or it would be expired at once.
    """
    if kind not in KINDS:
        raise Invalid(f"must be one of {', '.join(KINDS)}", "unknown_kind", "kind")
    if expires_at_us is not None and expires_at_us <= now_us:
        raise Invalid("lies in the past", "already_expired", "expires_at")
    token = f"olk_{kind}_{secrets.token_urlsafe(RANDOM_BYTES)}"
    with database.write() as session:
        row = _insert(session, token, kind, name, now_us, expires_at_us, actor)
        shown = describe(row)
    return {**shown, "key": token}


def _insert(  # noqa: PLR0913, PLR0917 - the columns of the row
    session: Session,
    token: str,
    kind: str,
    name: str,
    now_us: int,
    expires_us: int | None,
    actor: str,
    key_id: str | None = None,
) -> ApiKeyRow:
    row = ApiKeyRow(
        id=key_id or f"k_{secrets.token_hex(8)}",
        kind=kind,
        name=name,
        prefix=token[:PREFIX_LENGTH] if token.startswith("olk_") else token[:3],
        sha256=hash_key(token),
        created_us=now_us,
        expires_us=expires_us,
    )
    session.add(row)
    session.flush()
    bump(session)
    record(session, actor, "key.create", row.id, None, describe(row), now_us)
    return row


def describe(row: ApiKeyRow) -> dict[str, Any]:
    """The public fields of a key, times in RFC 3339."""
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "prefix": row.prefix,
        "created_at": isoformat(row.created_us),
        "expires_at": _when(row.expires_us),
        "revoked_at": _when(row.revoked_us),
        "last_used_at": _when(row.last_used_us),
    }


def _when(at_us: int | None) -> str | None:
    return None if at_us is None else isoformat(at_us)


def list_keys(database: Database, limit: int | None = None, after: str | None = None) -> list[dict[str, Any]]:
    """Keys without their text, revoked ones too, by id.

    Args:
        database: where they are.
        limit: at most so many; None: all.
        after: only ids behind this one.
    """
    query = select(ApiKeyRow).order_by(col(ApiKeyRow.id)).limit(limit)
    if after is not None:
        query = query.where(col(ApiKeyRow.id) > after)
    with database.read() as session:
        return [describe(row) for row in session.exec(query).all()]


def revoke_key(database: Database, key_id: str, now_us: int, *, actor: str) -> dict[str, Any]:
    """Refuse a key from now on; revoking twice changes nothing.

    Raises:
        NotFound: there is no such key.
    """
    with database.write() as session:
        row = session.get(ApiKeyRow, key_id, with_for_update=True) if is_key(key_id) else None
        if row is None:
            raise NotFound("no key has this id", "unknown_key_id", "id")
        if row.revoked_us is None:
            before = describe(row)
            row.revoked_us = now_us
            bump(session)
            record(session, actor, "key.revoke", row.id, before, describe(row), now_us)
        return describe(row)


def ensure_admin_key(database: Database, settings: Settings, now_us: int) -> str | None:
    """Accept the admin key of the settings, or make one when there was never any.

    A changed OFFERLAB_ADMIN_KEY replaces the one before; one that was revoked stays revoked.

    Returns:
        The text of a key made just now, to be printed once; otherwise None.
    """
    with database.write() as session:
        lock(session)  # two replicas starting together make one key, not two
        if settings.admin_key:
            _accept(session, settings.admin_key, now_us)
            return None
        if session.exec(select(ApiKeyRow.id).where(ApiKeyRow.kind == "adm").limit(1)).first() is not None:
            return None
        token = f"olk_adm_{secrets.token_urlsafe(RANDOM_BYTES)}"
        _insert(session, token, "adm", "first start", now_us, None, "first start")
    return token


def _accept(session: Session, token: str, now_us: int) -> None:
    row = session.get(ApiKeyRow, SETTINGS_KEY_ID)
    digest = hash_key(token)
    if row is not None and row.sha256 == digest:
        return
    if session.exec(select(ApiKeyRow.id).where(ApiKeyRow.sha256 == digest)).first() is not None:
        return  # a key made by the service itself
    if row is not None:
        record(session, "settings", "key.replace", row.id, describe(row), None, now_us)
        session.delete(row)
        session.flush()
    _insert(session, token, "adm", "OFFERLAB_ADMIN_KEY", now_us, None, "settings", SETTINGS_KEY_ID)


def identity_secret(settings: Settings) -> str:
    """The text with which the shop's server signs customer ids."""
    return settings.derived_key("identity").hex()


def customer_signature(secret: str, customer_id: str) -> str:
    """HMAC-SHA256(identity secret, customer id) in hex: proof that the shop vouches for this customer.

    Args:
        secret: what `identity_secret` gives, as text.
        customer_id: the id as it will be sent.
    """
    return hmac.new(secret.encode(), customer_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
