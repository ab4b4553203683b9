"""Doors of forced variants (mgr; ro may read)."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.access.dependencies import needs, operation
from app.access.keyring import Principal
from app.bootstrap import Services
from app.dependencies import services
from app.experiments import forced
from app.experiments.queries import get_row
from app.experiments.schemas import ForcedUnits

router = APIRouter(tags=["experiments"])
Wired = Annotated[Services, Depends(services)]
Manager = Annotated[Principal, Depends(needs("put_forced"))]


@router.put("/api/v1/experiments/{key}/forced", **operation("put_forced", 400, 404, 409, 413, 415, 422))
def put_forced(key: str, body: ForcedUnits, wired: Wired, manager: Manager) -> ForcedUnits:
    """Pin units of quality assurance to variants, in place of those pinned before."""
    actor, now_us = f"key:{manager.key_id}", wired.clock.now_us()
    units = forced.put_forced(wired.database, key, body.units, actor, now_us)
    wired.snapshots.refresh()
    return ForcedUnits(units=units)


@router.get("/api/v1/experiments/{key}/forced", **operation("get_forced", 404))
def get_forced(key: str, wired: Wired) -> ForcedUnits:
    """Units pinned to variants."""
    with wired.database.read() as session:
        return ForcedUnits(units=forced.forced_units(session, get_row(session, key).key))
