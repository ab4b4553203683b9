"""Doors of layers, holdouts and segments (mgr; ro may read)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.access.dependencies import needs, operation
from app.access.keyring import Principal
from app.bootstrap import Services
from app.dependencies import services
from app.experiments import allotment, segments
from app.experiments.queries import holdout_rows, layer_rows, segment_rows
from app.experiments.schemas import (
    HoldoutBody,
    HoldoutPage,
    HoldoutShown,
    LayerBody,
    LayerPage,
    LayerShown,
    SegmentBody,
    SegmentPage,
    SegmentShown,
)
from app.strict import Cursor, checked_key

router = APIRouter(tags=["layers"])
Wired = Annotated[Services, Depends(services)]
Manager = Annotated[Principal, Depends(needs("put_layer"))]
Limit = Annotated[int, Query(ge=1, le=1000)]
CHANGES = (400, 409, 413, 415, 422)


@router.put("/api/v1/layers/{key}", **operation("put_layer", *CHANGES))
def put_layer(key: str, wired: Wired, manager: Manager, body: LayerBody | None = None) -> LayerShown:
    """Make a layer, or leave it as it is."""
    seed = None if body is None else body.seed
    actor = f"key:{manager.key_id}"
    shown = allotment.put_layer(wired.database, checked_key(key, "key"), seed, actor, wired.clock.now_us())
    wired.snapshots.refresh()
    return LayerShown(**shown)


@router.get("/api/v1/layers", **operation("list_layers", 422))
def list_layers(wired: Wired, limit: Limit = 100, cursor: Cursor | None = None) -> LayerPage:
    """Layers by key."""
    with wired.database.read() as session:
        items = [LayerShown(**allotment.layer_shown(row)) for row in layer_rows(session, limit, cursor or "")]
    return LayerPage(items=items, next=items[-1].key if len(items) == limit else None)


@router.put("/api/v1/holdouts/{key}", **operation("put_holdout", *CHANGES))
def put_holdout(key: str, body: HoldoutBody, wired: Wired, manager: Manager) -> HoldoutShown:
    """Make a holdout for experiments started from now on, or leave it as it is."""
    actor = f"key:{manager.key_id}"
    shown = allotment.put_holdout(
        wired.database, checked_key(key, "key"), body.share, body.seed, actor, wired.clock.now_us()
    )
    wired.snapshots.refresh()
    return HoldoutShown(**shown)


@router.get("/api/v1/holdouts", **operation("list_holdouts", 422))
def list_holdouts(wired: Wired, limit: Limit = 100, cursor: Cursor | None = None) -> HoldoutPage:
    """Holdouts by key."""
    with wired.database.read() as session:
        items = [
            HoldoutShown(**allotment.holdout_shown(row)) for row in holdout_rows(session, limit, cursor or "")
        ]
    return HoldoutPage(items=items, next=items[-1].key if len(items) == limit else None)


@router.put("/api/v1/segments/{key}", **operation("put_segment", *CHANGES))
def put_segment(key: str, body: SegmentBody, wired: Wired, manager: Manager) -> SegmentShown:
    """Make a segment, or change one that no experiment in progress relies on."""
    actor = f"key:{manager.key_id}"
    shown = segments.put_segment(
        wired.database, checked_key(key, "key"), body.model_dump(), actor, wired.clock.now_us()
    )
    wired.snapshots.refresh()
    return SegmentShown(**shown)


@router.get("/api/v1/segments", **operation("list_segments", 422))
def list_segments(wired: Wired, limit: Limit = 100, cursor: Cursor | None = None) -> SegmentPage:
    """Segments by key."""
    with wired.database.read() as session:
        items = [
            SegmentShown(**segments.segment_shown(row)) for row in segment_rows(session, limit, cursor or "")
        ]
    return SegmentPage(items=items, next=items[-1].key if len(items) == limit else None)
