"""Appending to the audit chain, reading it, and proving that nobody changed it."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from app.audit.tables import AuditRow
from app.clock import isoformat

GENESIS = "0" * 64
CHAIN_LOCK = (
    0x61756469  # "audi": one writer of the chain at a time on PostgreSQL; SQLite has one writer anyway
)
_BATCH = 1000


def record(  # noqa: PLR0913, PLR0917 - an entry has six things to say
    session: Session,
    actor: str,
    action: str,
    subject: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    now_us: int,
) -> AuditRow:
    """Append one entry in the caller's transaction.

    Args:
        session: an open writing transaction; the entry is as durable as the change it tells of.
        actor: who, for example `key:k_1`.
        action: what was done, for example `experiment.start`.
        subject: to what, for example the experiment's key.
        before: the changed fields as they were, JSON-ready; None when new.
        after: the changed fields as they are; None when gone.
        now_us: when, microseconds since 1970 UTC.

    Returns:
        The entry.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": CHAIN_LOCK})
    row = sealed_row(count_and_head(session), actor, action, subject, before, after, now_us)
    session.add(row)
    session.flush()
    return row


def sealed_row(  # noqa: PLR0913, PLR0917 - an entry has six things to say
    last: tuple[int, str],
    actor: str,
    action: str,
    subject: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    now_us: int,
) -> AuditRow:
    """The entry after the last one, not stored yet; `last` is its number and hash (`count_and_head`)."""
    row = AuditRow(
        id=last[0] + 1,
        at_us=now_us,
        actor=actor,
        action=action,
        subject=subject,
        before=before,
        after=after,
        previous=last[1],
        hash="",
    )
    row.hash = digest(row)
    return row


def digest(row: AuditRow) -> str:
    """SHA-256 over a row's content and the hash before it, in hex."""
    content = [row.previous, row.id, row.at_us, row.actor, row.action, row.subject, row.before, row.after]
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
    ).hexdigest()


def verify(session: Session) -> AuditRow | None:
    """The first row that was changed, or that follows a removed or inserted one; None when the chain holds.

    Rows cut off at the end leave a shorter chain that holds: keep the newest hash elsewhere to notice that.
    """
    previous = GENESIS
    for number, row in enumerate(_rows(session), start=1):
        if row.id != number or row.previous != previous or row.hash != digest(row):
            return row
        previous = row.hash
    return None


def proof(session: Session, known: str | None = None) -> dict[str, Any]:
    """Whether the chain holds, its length, its newest hash, and the first row that does not fit.

    Args:
        session: to read with.
        known: a hash noted earlier, or None; a chain that does not hold it any more was cut off.
    """
    entries, head = count_and_head(session)
    row = verify(session)
    is_cut = known is not None and not _holds(session, known)
    return {
        "ok": row is None and not is_cut,
        "entries": entries,
        "head": head,
        "broken": None if row is None else document(row),
    }


def _holds(session: Session, known: str) -> bool:
    return session.exec(select(AuditRow.id).where(AuditRow.hash == known)).first() is not None


def _rows(session: Session) -> Iterator[AuditRow]:
    last = 0
    while True:
        rows = session.exec(
            select(AuditRow).where(col(AuditRow.id) > last).order_by(col(AuditRow.id)).limit(_BATCH)
        ).all()
        if not rows:
            return
        yield from rows
        last = rows[-1].id
        session.expunge_all()


def count_and_head(session: Session) -> tuple[int, str]:
    """Number of entries and the newest hash."""
    last = session.exec(select(AuditRow).order_by(col(AuditRow.id).desc()).limit(1)).first()
    return (0, GENESIS) if last is None else (last.id, last.hash)


def page(session: Session, limit: int, before_id: int | None) -> list[AuditRow]:
    """Entries, newest first.

    Args:
        session: to read with.
        limit: how many, 1 or more.
        before_id: only entries with a smaller id, or None.
    """
    query = select(AuditRow).order_by(col(AuditRow.id).desc()).limit(limit)
    if before_id is not None:
        query = query.where(col(AuditRow.id) < before_id)
    return list(session.exec(query).all())


def document(row: AuditRow) -> dict[str, Any]:
    """An entry as the API shows it."""
    return {
        "id": row.id,
        "at": isoformat(row.at_us),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "before": row.before,
        "after": row.after,
        "previous": row.previous,
        "hash": row.hash,
    }
