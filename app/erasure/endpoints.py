"""The door of erasure (adm)."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from app.access.dependencies import needs, operation
from app.access.keyring import Principal
from app.bootstrap import Services
from app.clock import isoformat
from app.dependencies import services
from app.erasure.service import erase
from app.errors import Invalid
from app.ledger.events import MAX_ID_LENGTH

router = APIRouter(tags=["erasure"])
log = logging.getLogger("offerlab")
Wired = Annotated[Services, Depends(services)]


class ErasureShown(BaseModel):
    """What was erased, without naming anybody."""

    erasure: int
    ids: int
    erased_at: str
    finished: bool


@router.delete("/api/v1/visitors/{id:path}", **operation("erase_visitor", 422))
def erase_visitor(
    id: Annotated[str, Path(min_length=1, max_length=MAX_ID_LENGTH)],  # noqa: A002 - the contract names it so
    wired: Wired,
    principal: Annotated[Principal, Depends(needs("erase_visitor"))],
) -> ErasureShown:
    """Erase a visitor, its customer and all aliases; figures stay. Unknown, or erased before: 0 ids."""
    if "\0" in id:
        raise Invalid("holds a NUL", "invalid_id", "id")
    now_us = wired.clock.now_us()
    erased = erase(wired.database, wired.erasures, id, f"key:{principal.key_id}", now_us)
    wired.snapshots.refresh()
    wired.snapshots.drop_erased()
    return ErasureShown(
        erasure=erased.number, ids=erased.ids, erased_at=isoformat(now_us), finished=erased.is_finished
    )
