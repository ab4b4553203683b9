"""Reading the audit log (adm)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from app.access.dependencies import operation
from app.audit.service import document, page, proof
from app.bootstrap import Services
from app.dependencies import services
from app.strict import cursor_number

router = APIRouter(tags=["audit"])
Wired = Annotated[Services, Depends(services)]


class AuditEntry(BaseModel):
    """One change that was made."""

    id: int
    at: str
    actor: str
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    previous: str
    hash: str


class AuditPage(BaseModel):
    """Entries, newest first."""

    items: list[AuditEntry]
    next: str | None


class AuditProof(BaseModel):
    """Whether the chain of hashes holds."""

    ok: bool
    entries: int
    head: str
    broken: AuditEntry | None


@router.get("/api/v1/audit", **operation("list_audit", 422))
def list_audit(
    wired: Wired, limit: Annotated[int, Query(ge=1, le=1000)] = 100, cursor: str | None = None
) -> AuditPage:
    """Every change of keys, experiments, layers and holdouts, newest first."""
    with wired.database.read() as session:
        rows = page(session, limit, cursor_number(cursor))
        items = [AuditEntry(**document(row)) for row in rows]
    return AuditPage(items=items, next=str(rows[-1].id) if len(rows) == limit else None)


@router.get("/api/v1/audit/verify", **operation("verify_audit"))
def verify_audit(wired: Wired) -> AuditProof:
    """Recompute the chain; `broken` is the first row that does not fit."""
    with wired.database.read() as session:
        return AuditProof(**proof(session))
