"""Doors of the API keys (adm)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.access.dependencies import needs, operation
from app.access.keyring import Principal
from app.access.schemas import IdentitySecret, KeyMade, KeyPage, KeyShown, NewKey
from app.access.service import create_key as make_key
from app.access.service import identity_secret
from app.access.service import list_keys as all_keys
from app.access.service import revoke_key as withdraw_key
from app.bootstrap import Services
from app.dependencies import services
from app.strict import Cursor, moment_us

router = APIRouter(tags=["keys"])
Wired = Annotated[Services, Depends(services)]


@router.post("/api/v1/keys", status_code=201, **operation("create_key", 400, 413, 415, 422))
def create_key(
    new: NewKey, wired: Wired, principal: Annotated[Principal, Depends(needs("create_key"))]
) -> KeyMade:
    """Make a key. Its text is in this answer and nowhere else."""
    made = make_key(
        wired.database,
        new.kind,
        new.name,
        wired.clock.now_us(),
        actor=f"key:{principal.key_id}",
        expires_at_us=None if new.expires_at is None else moment_us(new.expires_at),
    )
    wired.snapshots.refresh()
    return KeyMade(**made)


@router.get("/api/v1/keys", **operation("list_keys", 422))
def list_keys(
    wired: Wired, limit: Annotated[int, Query(ge=1, le=1000)] = 100, cursor: Cursor | None = None
) -> KeyPage:
    """All keys, revoked ones too, without their text."""
    found = all_keys(wired.database, limit, cursor)
    return KeyPage(
        items=[KeyShown(**key) for key in found], next=found[-1]["id"] if len(found) == limit else None
    )


@router.delete("/api/v1/keys/{id}", **operation("revoke_key", 404))
def revoke_key(
    id: str,  # noqa: A002 - the contract names it so
    wired: Wired,
    principal: Annotated[Principal, Depends(needs("revoke_key"))],
) -> KeyShown:
    """Refuse a key from now on; every replica knows within 2 seconds."""
    shown = withdraw_key(wired.database, id, wired.clock.now_us(), actor=f"key:{principal.key_id}")
    wired.snapshots.refresh()
    return KeyShown(**shown)


@router.get("/api/v1/identity-secret", **operation("get_identity_secret"))
def get_identity_secret(wired: Wired) -> IdentitySecret:
    """The secret of `customer_signature`; give it to the shop's server only."""
    return IdentitySecret(secret=identity_secret(wired.settings))
