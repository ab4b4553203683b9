"""Doors of the sources (adm)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from app.access.dependencies import needs, operation
from app.access.keyring import Principal
from app.bootstrap import Services
from app.dependencies import services
from app.sources.service import MOST_SECRETS, put_source, source_rows, source_shown
from app.strict import Cursor, Strict, checked_key

router = APIRouter(tags=["sources"])
Wired = Annotated[Services, Depends(services)]
Secret = Annotated[str, Field(min_length=1, max_length=200)]


class SourceBody(Strict):
    """What a source is and by which secrets its calls are signed: the newest first."""

    kind: Literal["shopify", "woocommerce", "standard"]
    secrets: Annotated[list[Secret], Field(min_length=1, max_length=MOST_SECRETS)]


class SourceShown(BaseModel):
    """A source without its secrets."""

    key: str
    kind: str
    secrets: int
    address: str
    created_at: str
    changed_at: str


class SourcePage(BaseModel):
    """One page of sources."""

    items: list[SourceShown]
    next: str | None


@router.put("/api/v1/sources/{source}", **operation("put_source", 400, 409, 413, 415, 422))
def put(
    source: str, body: SourceBody, wired: Wired, admin: Annotated[Principal, Depends(needs("put_source"))]
) -> SourceShown:
    """Set a source's secrets; two are valid at once while one is being changed."""
    shown = put_source(
        wired.database,
        wired.settings,
        checked_key(source, "source"),
        body.kind,
        body.secrets,
        f"key:{admin.key_id}",
        wired.clock.now_us(),
    )
    wired.snapshots.refresh()
    return SourceShown(**shown)


@router.get("/api/v1/sources", **operation("list_sources", 422))
def list_sources(
    wired: Wired, limit: Annotated[int, Query(ge=1, le=1000)] = 100, cursor: Cursor | None = None
) -> SourcePage:
    """Sources by key, without their secrets."""
    with wired.database.read() as session:
        items = [SourceShown(**source_shown(row)) for row in source_rows(session, limit, cursor or "")]
    return SourcePage(items=items, next=items[-1].key if len(items) == limit else None)
