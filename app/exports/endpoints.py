"""The door of exports."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from app.access.dependencies import operation
from app.bootstrap import Services
from app.dependencies import services
from app.exports.service import export

router = APIRouter(tags=["exports"])
Wired = Annotated[Services, Depends(services)]


@router.get(
    "/api/v1/experiments/{key}/export/{name}",
    response_class=StreamingResponse,
    **operation("export_data", 404, 422),
)
def export_data(
    key: str,
    name: str,
    wired: Wired,
    as_of: Annotated[str | None, Query(max_length=40)] = None,
    through_seq: Annotated[int | None, Query(ge=0)] = None,
) -> StreamingResponse:
    """A file of an experiment, or plan.toml.

    units, exposures, orders, refunds, redemptions, referrals, suspects, events (messages, points and codes
    issued), cells or looks, each as .csv, .parquet or .arrow.

    Unit ids are pseudonyms, stable for this installation. In CSV, text that a spreadsheet would run as a
    formula is led by an apostrophe; `offerlab analyze` takes it away again.
    """
    made = export(wired, key, name, as_of, through_seq)
    disposition = {"content-disposition": f'attachment; filename="{made.name}"'}
    return StreamingResponse(made.parts, media_type=made.media_type, headers=disposition)
