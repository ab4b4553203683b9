"""Counting changes, so that every worker and replica notices one. Imports no other domain."""

from sqlalchemy import text
from sqlmodel import Session, select

from app.serving.tables import ConfigRow

CHANNEL = "offerlab_config"
"""Where PostgreSQL tells listeners of a change, as soon as it is committed."""

_NOTIFY = text(f"NOTIFY {CHANNEL}")
_BUMP = text(
    "INSERT INTO config (id, version) VALUES (1, 1) "
    "ON CONFLICT (id) DO UPDATE SET version = config.version + 1 RETURNING version"
)
_LOCK = text(
    "INSERT INTO config (id, version) VALUES (1, 0) "
    "ON CONFLICT (id) DO UPDATE SET version = config.version RETURNING version"
)


def bump(session: Session) -> int:
    """Count one change, in the same transaction as the change itself, before its audit entry.

    Always in this order: the config row is locked first, then the audit chain, so no two changes wait for
    each other.

    Returns:
        The new version.
    """
    version = int(session.execute(_BUMP).scalar_one())
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_NOTIFY)
    return version


def lock(session: Session) -> int:
    """Let one process at a time change what is served, until the transaction ends.

    Returns:
        The version in force.
    """
    return int(session.execute(_LOCK).scalar_one())


def current_version(session: Session) -> int:
    """The version now; 0 when nothing was ever changed."""
    return session.exec(select(ConfigRow.version).where(ConfigRow.id == 1)).first() or 0
