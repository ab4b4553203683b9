"""Health probes and Prometheus metrics."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError

from app.bootstrap import Services
from app.database import current_revision, head_revision
from app.dependencies import services
from app.errors import Forbidden

router = APIRouter(tags=["health"])
OPEN = {"x-key-kinds": ["none"]}
LOOPBACK = {"127.0.0.1", "::1"}
Wired = Annotated[Services, Depends(services)]


@router.get("/livez", operation_id="livez", openapi_extra=OPEN)
async def livez() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get(
    "/readyz", operation_id="readyz", openapi_extra=OPEN, responses={503: {"description": "not ready"}}
)
def readyz(wired: Wired, response: Response) -> dict[str, object]:
    """The database is reachable and its schema at the head; otherwise 503 with the reasons."""
    reasons = _why_not_ready(wired)
    if reasons:
        response.status_code = 503
    return {"status": "not ready" if reasons else "ok", "reasons": reasons}


def _why_not_ready(wired: Services) -> list[str]:
    try:
        current, head = current_revision(wired.database), head_revision()
    except DBAPIError:
        return ["the database cannot be reached"]
    if current == head:
        return []
    return [f"the schema is at {current or 'nothing'}, this version needs {head}"]


@router.get("/metrics", operation_id="metrics", openapi_extra=OPEN, response_class=Response)
def metrics(request: Request, wired: Wired) -> Response:
    """Prometheus text; in production from the loopback address only."""
    client = request.client.host if request.client else ""
    if wired.settings.mode == "production" and client not in LOOPBACK:
        raise Forbidden("metrics are for the loopback address in production", "loopback_only")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
