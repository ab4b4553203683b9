"""Doors of looks and results."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from app.access.dependencies import operation
from app.bootstrap import Services
from app.clock import day_iso, day_number
from app.dependencies import services
from app.errors import Invalid
from app.results.service import close_looks as close_days
from app.results.service import results
from app.results.units import Policy
from app.strict import Strict
from stats.results import Result

router = APIRouter(tags=["results"])
Wired = Annotated[Services, Depends(services)]


class CloseLooks(Strict):
    """Which shop days to close: all that have ended, up to this one."""

    through: str


class LooksClosed(BaseModel):
    """How far the looks are written now, and how many this call wrote."""

    closed_through: str | None
    looks_written: int


@router.post("/api/v1/experiments/{key}/looks", **operation("close_looks", 400, 404, 409, 413, 415, 422))
def close_looks(key: str, body: CloseLooks, wired: Wired) -> LooksClosed:
    """Close shop days in order and write their looks, once; repeating it writes nothing."""
    try:
        through_day = day_number(body.through)
    except ValueError:
        raise Invalid("must be a date, for example 2026-03-01", "invalid_date", "through") from None
    done = close_days(wired, key, through_day)
    closed_through = None if done.closed_through is None else day_iso(done.closed_through)
    return LooksClosed(closed_through=closed_through, looks_written=done.looks_written)


@router.get(
    "/api/v1/experiments/{key}/results",
    response_model=Result,
    **operation("get_results", 404, 422),
)
def get_results(
    key: str,
    wired: Wired,
    as_of: Annotated[str | None, Query(max_length=40)] = None,
    through_seq: Annotated[int | None, Query(ge=0)] = None,
    policy: Policy = "first_touch",
) -> Response:
    """What the ledger says; the same bytes for the same data, version and `as_of`.

    `as_of`: RFC 3339 with an offset, or a date, which means the end of that shop day; a moment to come means
    now.
    """
    return Response(results(wired, key, as_of, through_seq, policy), media_type="application/json")
