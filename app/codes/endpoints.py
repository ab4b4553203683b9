"""Lists and pools of codes (mgr; ro may list). Codes in an order are raw ASGI: `app.edge.codes`."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from app.access.dependencies import needs, operation
from app.access.keyring import Principal
from app.bootstrap import Services
from app.clock import isoformat
from app.codes.batches import Batch, batch_terms, note
from app.codes.listing import Listed, counted, listed
from app.codes.pools import batch_size, check_pool, fill_pool, written_pool
from app.codes.schemas import CodePage, CodeShown, CountsShown, PoolBody, PoolShown, State
from app.codes.terms import terms_of
from app.codes.vault import Vault
from app.dependencies import services
from app.errors import Invalid
from app.experiments.service import get_row
from app.strict import KEY_PATTERN, cursor_number, moment_us

router = APIRouter(tags=["codes"])
Wired = Annotated[Services, Depends(services)]
Manager = Annotated[Principal, Depends(needs("export_codes"))]
CODES = "/api/v1/experiments/{key}/codes"
Name = Annotated[str | None, Query(pattern=KEY_PATTERN)]


@router.get(CODES, **operation("list_codes", 404, 422))
def list_codes(  # noqa: PLR0913, PLR0917 - what a list may be asked for
    key: str,
    wired: Wired,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str | None = None,
    state: State | None = None,
    batch: Name = None,
    variant: Name = None,
) -> CodePage:
    """Codes without their texts: variant, kind, batch, uses, end, state; the first page counts them."""
    now_us, after = wired.clock.now_us(), cursor_number(cursor)
    with wired.database.read() as session:
        row = get_row(session, key)
        keys = [one["key"] for one in row.definition["variants"]]
        wanted = {"variant": variant, "batch": batch, "state": state}
        over = [one for one in keys if _has_ended(row.definition, one, now_us)]
        found = listed(session, key, now_us, limit=limit, after=after or 0, over=over, **wanted)  # type: ignore[arg-type]  # one by one as above
        counts = counted(session, key, keys, now_us) if after is None else None
    shown = None if counts is None else [CountsShown(**one._asdict()) for one in counts]
    following = str(found[-1].id) if len(found) == limit else None
    return CodePage(items=[_shown(one) for one in found], next=following, variants=shown)


def _has_ended(definition: Mapping[str, Any], variant: str, now_us: int) -> bool:
    terms = terms_of(definition, variant)
    return terms is not None and terms.ends_at_us is not None and terms.ends_at_us <= now_us


def _shown(one: Listed) -> CodeShown:
    fields = {name: getattr(one, name) for name in CodeShown.model_fields if hasattr(one, name)}
    until = None if one.valid_until_us is None else isoformat(one.valid_until_us)
    return CodeShown(**fields, valid_until=until, created_at=isoformat(one.created_at_us))


@router.post(CODES, include_in_schema=False)
def import_codes() -> None:
    """Stands here so that `Allow` names it; `app.edge.code_files` answers before a request comes so far."""


@router.post(f"{CODES}/pool", **operation("fill_code_pool", 400, 404, 409, 413, 415, 422))
async def fill_code_pool(key: str, body: PoolBody, wired: Wired, manager: Manager) -> PoolShown:
    """Make codes for a mailing until the pool has `count`; the same call again makes no more, or goes on."""
    terms, _ = await asyncio.to_thread(batch_terms, wired.database, key, body.variant)
    check_pool(terms)
    until_us = None if body.valid_until is None else moment_us(body.valid_until)
    if until_us is not None and until_us <= wired.clock.now_us():
        raise Invalid("has passed", "over_already", "valid_until")
    batch = Batch(body.batch, "pool", terms, until_us)
    filled = await fill_pool(wired.ledger, Vault(wired.settings), batch, body.count)
    until = None if until_us is None else isoformat(until_us)
    made = PoolShown(
        batch=body.batch, variant=body.variant, codes=filled.codes, added=filled.added, valid_until=until
    )
    if filled.added:
        actor, now_us = f"key:{manager.key_id}", wired.clock.now_us()
        told = made.model_dump()
        await asyncio.to_thread(note, wired.database, actor, "codes.pool", key, told, now_us)
    return made


@router.get(
    "/api/v1/experiments/{key}/codes.csv",
    response_class=StreamingResponse,
    **operation("export_codes", 404, 409, 422),
)
def export_codes(
    key: str, wired: Wired, manager: Manager, batch: Annotated[str, Query(pattern=KEY_PATTERN)]
) -> StreamingResponse:
    """The codes of a batch for a mailing, streamed: code, variant, valid_until. Who took it is on record."""
    codes, variant = batch_size(wired.database, key, batch)
    terms, _ = batch_terms(wired.database, key, variant)
    told = {"batch": batch, "variant": variant, "codes": codes}
    note(wired.database, f"key:{manager.key_id}", "codes.export", key, told, wired.clock.now_us())
    parts = written_pool(wired.database, Vault(wired.settings), terms, batch)
    disposition = {"content-disposition": 'attachment; filename="codes.csv"'}
    return StreamingResponse(parts, media_type="text/csv; charset=utf-8", headers=disposition)
