"""Doors of experiments (mgr; ro may read)."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from pydantic import ValidationError

from app.access.dependencies import needs, operation
from app.access.keyring import Principal
from app.bootstrap import Services
from app.dependencies import services
from app.errors import Invalid
from app.experiments import service
from app.experiments.allotment_endpoints import router as allotment_router
from app.experiments.schemas import (
    ConflictPage,
    DecideBody,
    Definition,
    ExperimentPage,
    ExperimentShown,
    NoFields,
    RampBody,
    StartBody,
)
from app.experiments.tables import ExperimentRow
from app.problems import invalid_fields
from app.strict import cursor_number

router = APIRouter(tags=["experiments"])
Wired = Annotated[Services, Depends(services)]
Manager = Annotated[Principal, Depends(needs("change_experiment"))]
Status = Literal["draft", "running", "paused", "frozen", "stopped", "decided", "archived"]
ONE = "/api/v1/experiments/{key}"
CHANGES = (400, 404, 409, 413, 415, 422)


def _shown(row: ExperimentRow) -> ExperimentShown:
    return ExperimentShown.model_validate(service.describe(row))


def _changed(wired: Services, row: ExperimentRow) -> ExperimentShown:
    """Serve the change from this process at once; others notice within a second."""
    wired.snapshots.refresh()
    return _shown(row)


@router.post(
    "/api/v1/experiments", status_code=201, **operation("create_experiment", 400, 409, 413, 415, 422)
)
def create_experiment(definition: Definition, wired: Wired, manager: Manager) -> ExperimentShown:
    """Define an experiment; it is a draft until it is started."""
    document = service.normalised(definition, wired.settings.timezone)
    row = service.create(wired.database, document, _actor(manager), wired.clock.now_us())
    return _changed(wired, row)


@router.get("/api/v1/experiments", **operation("list_experiments", 422))
def list_experiments(
    wired: Wired,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str | None = None,
) -> ExperimentPage:
    """Experiments, newest first."""
    with wired.database.read() as session:
        rows = service.list_rows(session, status, limit, cursor_number(cursor))
        items = [_shown(row) for row in rows]
    return ExperimentPage(items=items, next=str(rows[-1].id) if len(rows) == limit else None)


@router.get(ONE, **operation("get_experiment", 404))
def get_experiment(key: str, wired: Wired) -> ExperimentShown:
    """One experiment: definition, state, timeline."""
    with wired.database.read() as session:
        return _shown(service.get_row(session, key))


@router.patch(ONE, **operation("change_experiment", *CHANGES))
def change_experiment(
    key: str,
    fields: Annotated[dict[str, Any], Body(description="fields of the definition; drafts only")],
    wired: Wired,
    manager: Manager,
) -> ExperimentShown:
    """Change fields of a draft. After the start: 409, naming the field."""
    zone = wired.settings.timezone

    def merge(row: ExperimentRow) -> dict[str, Any]:
        return service.normalised(_merged(row, fields), zone)

    now_us = wired.clock.now_us()
    row = service.change(wired.database, key, list(fields), merge, _actor(manager), now_us)
    return _changed(wired, row) if fields else _shown(row)


def _merged(row: ExperimentRow, fields: dict[str, Any]) -> Definition:
    """The whole definition with these fields replaced, validated.

    Raises:
        Invalid: a field is unknown or breaks its rule.
        Conflict: the experiment was started.
    """
    unknown = next((field for field in fields if field not in Definition.model_fields), None)
    if unknown is not None:
        finding = {"loc": (unknown,), "type": "extra_forbidden", "msg": "there is no such field"}
        raise invalid_fields([finding], fields)
    changed = [field for field in fields if fields[field] != row.definition[field]]
    service.require_draft(row, changed or list(fields))
    if fields.get("key", row.key) != row.key:
        raise Invalid("a key cannot be changed; make another experiment", "immutable", "key")
    document = {**row.definition, **fields}
    try:
        return Definition.model_validate(document)
    except ValidationError as error:
        raise invalid_fields(error.errors(), document) from None


@router.post(f"{ONE}/start", **operation("start_experiment", *CHANGES))
def start_experiment(
    key: str, wired: Wired, manager: Manager, body: StartBody | None = None
) -> ExperimentShown:
    """Start a draft; its definition is fixed from now on."""
    reason = None if body is None else body.override_conflicts
    row = service.start(wired.database, key, reason, _actor(manager), wired.clock.now_us())
    return _changed(wired, row)


@router.post(f"{ONE}/pause", **operation("pause_experiment", *CHANGES))
def pause_experiment(
    key: str, wired: Wired, manager: Manager, _body: Annotated[NoFields | None, Body()] = None
) -> ExperimentShown:
    """Assign nobody until it is resumed."""
    return _act(wired, key, "pause", manager)


@router.post(f"{ONE}/resume", **operation("resume_experiment", *CHANGES))
def resume_experiment(
    key: str, wired: Wired, manager: Manager, _body: Annotated[NoFields | None, Body()] = None
) -> ExperimentShown:
    """Go on after a pause."""
    return _act(wired, key, "resume", manager)


@router.post(f"{ONE}/ramp", **operation("ramp_experiment", *CHANGES))
def ramp_experiment(key: str, body: RampBody, wired: Wired, manager: Manager) -> ExperimentShown:
    """Widen the coverage; nobody who has a variant gets another."""
    row = service.ramp(wired.database, key, body.coverage, _actor(manager), wired.clock.now_us())
    return _changed(wired, row)


@router.post(f"{ONE}/freeze", **operation("freeze_experiment", *CHANGES))
def freeze_experiment(
    key: str, wired: Wired, manager: Manager, _body: Annotated[NoFields | None, Body()] = None
) -> ExperimentShown:
    """Take no new units; enrolled ones keep their variant and are measured."""
    return _act(wired, key, "freeze", manager)


@router.post(f"{ONE}/stop", **operation("stop_experiment", *CHANGES))
def stop_experiment(
    key: str, wired: Wired, manager: Manager, _body: Annotated[NoFields | None, Body()] = None
) -> ExperimentShown:
    """End it: nobody is assigned, later exposures are not analysed."""
    return _act(wired, key, "stop", manager)


@router.post(f"{ONE}/decide", **operation("decide_experiment", *CHANGES))
def decide_experiment(key: str, body: DecideBody, wired: Wired, manager: Manager) -> ExperimentShown:
    """Give one variant's offer to the whole audience."""
    row = service.decide(wired.database, key, body, _actor(manager), wired.clock.now_us())
    return _changed(wired, row)


@router.post(f"{ONE}/archive", **operation("archive_experiment", *CHANGES))
def archive_experiment(
    key: str, wired: Wired, manager: Manager, _body: Annotated[NoFields | None, Body()] = None
) -> ExperimentShown:
    """Put it away; nothing of it is served."""
    return _act(wired, key, "archive", manager)


def _act(wired: Services, key: str, action: str, manager: Principal) -> ExperimentShown:
    row = service.act(wired.database, key, action, _actor(manager), wired.clock.now_us())
    return _changed(wired, row)


@router.get(f"{ONE}/conflicts", **operation("get_conflicts", 404))
def get_conflicts(key: str, wired: Wired) -> ConflictPage:
    """Experiments in progress that a start would meet, and a layer that would avoid it."""
    with wired.database.read() as session:
        row = service.get_row(session, key)
        return ConflictPage.model_validate(service.conflict_page(session, row, wired.clock.now_us()))


def _actor(principal: Principal) -> str:
    return f"key:{principal.key_id}"


router.include_router(allotment_router)
