"""Sources of webhooks: set, listed, and held in memory by every process."""

import base64
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlmodel import Session, col, select

from app.audit.service import record
from app.clock import isoformat
from app.database import Database
from app.errors import Conflict, Invalid, NotFound
from app.serving.config import bump, lock
from app.settings import Settings
from app.sources.tables import SourceRow

MOST_SECRETS = 2
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Source:
    """One source, ready to check a call.

    Attributes:
        key: its name.
        kind: shopify, woocommerce or standard.
        secrets: any of them signs a call; the newest first.
    """

    key: str
    kind: str
    secrets: tuple[str, ...]


class SourceBook:
    """All sources in memory, reloaded together with the snapshot.

    Args:
        settings: the key of the ciphertexts is derived from their secret.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: dict[str, Source] = {}

    def load(self, rows: Iterable[SourceRow]) -> None:
        """Take these sources (of the database, or of the snapshot on disk)."""
        rows = list(rows)
        cipher = _cipher(self._settings) if rows else None
        found = {row.key: _open(row, cipher) for row in rows if cipher is not None}
        self._held = {key: source for key, source in found.items() if source is not None}

    def get(self, kind: str, key: str) -> Source:
        """The source at an address.

        Raises:
            NotFound: there is none of this kind and name.
        """
        source = self._held.get(key)
        if source is None or source.kind != kind:
            raise NotFound("there is no such source; set it with PUT /api/v1/sources", "unknown_source")
        return source


def put_source(  # noqa: PLR0913, PLR0917 - the fields of the body and who sends it
    database: Database,
    settings: Settings,
    key: str,
    kind: str,
    secrets: Sequence[str],
    actor: str,
    now_us: int,
) -> dict[str, Any]:
    """Make a source, or change its secrets: give the new one first and the old one second while it lasts.

    Returns:
        The source without its secrets.

    Raises:
        Conflict: it exists with another kind.
        Invalid: the secrets of a Standard Webhooks source are no base64.
    """
    if kind == "standard":
        _check_standard(secrets)
    cipher = _cipher(settings)
    sealed = [_seal(cipher, key, secret) for secret in secrets]
    with database.write() as session:
        lock(session)
        row = session.get(SourceRow, key)
        before = None if row is None else source_shown(row)
        if row is None:
            row = SourceRow(key=key, kind=kind, secrets=sealed, created_at_us=now_us, changed_at_us=now_us)
            session.add(row)
        elif row.kind != kind:
            raise Conflict(f"this source is a {row.kind} one; give the other a name of its own", "other_kind")
        else:
            row.secrets, row.changed_at_us = sealed, now_us
        session.flush()
        bump(session)
        record(session, actor, "source.put", key, before, source_shown(row), now_us)
        return source_shown(row)


def source_rows(session: Session, limit: int | None = None, after: str = "") -> list[SourceRow]:
    """Sources by key."""
    query = select(SourceRow).where(col(SourceRow.key) > after).order_by(col(SourceRow.key)).limit(limit)
    return list(session.exec(query).all())


def source_shown(row: SourceRow) -> dict[str, Any]:
    """The public fields: how many secrets, never which."""
    return {
        "key": row.key,
        "kind": row.kind,
        "secrets": len(row.secrets),
        "address": f"/webhooks/{row.kind}/{row.key}",
        "created_at": isoformat(row.created_at_us),
        "changed_at": isoformat(row.changed_at_us),
    }


def _check_standard(secrets: Sequence[str]) -> None:
    for place, secret in enumerate(secrets):
        try:
            material = base64.b64decode(secret.removeprefix("whsec_") + "==", validate=False)
        except ValueError:
            material = b""
        if not material:
            raise Invalid("must be whsec_ and base64", "invalid_field", f"secrets.{place}")


def _cipher(settings: Settings) -> AESGCM:
    return AESGCM(settings.derived_key("sources"))


def _seal(cipher: AESGCM, key: str, secret: str) -> str:
    """Bound to the source's name: a ciphertext moved to another source opens nothing."""
    nonce = os.urandom(_NONCE_BYTES)
    return base64.b64encode(nonce + cipher.encrypt(nonce, secret.encode(), key.encode())).decode()


def _open(row: SourceRow, cipher: AESGCM) -> Source | None:
    """None where the secret of the service has changed: the source must be set again."""
    try:
        return Source(row.key, row.kind, tuple(_unseal(cipher, row.key, sealed) for sealed in row.secrets))
    except (InvalidTag, ValueError):
        return None


def _unseal(cipher: AESGCM, key: str, sealed: str) -> str:
    raw = base64.b64decode(sealed)
    return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], key.encode()).decode()
