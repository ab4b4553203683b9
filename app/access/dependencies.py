"""How a FastAPI endpoint names its operation and gets to know who asks."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, Request

from app.access.keyring import Principal, allow
from app.access.openapi import problem_responses
from app.access.operations import OPERATIONS, kinds_of
from app.dependencies import services
from app.edge.http import bearer_token


def needs(operation: str) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency that lets only the kinds of `OPERATIONS[operation]` pass.

    Raises:
        KeyError: the operation is not in the matrix.
    """
    _ = OPERATIONS[operation]

    async def principal(request: Request) -> Principal:
        wired = services(request)
        found = wired.keys.authenticate(bearer_token(request.scope), wired.clock.now_us())
        allow(found, operation)
        return found

    return principal


def operation(name: str, *statuses: int) -> dict[str, Any]:
    """Keywords of a route: its operationId, its key check, `x-key-kinds`, and its refusals documented.

    Args:
        name: operationId, as in the matrix.
        statuses: further statuses it may refuse with; 401, 403 and 503 go without saying.
    """
    return {
        "operation_id": name,
        "dependencies": [Depends(needs(name))],
        "openapi_extra": {"x-key-kinds": kinds_of(name)},
        "responses": problem_responses(401, 403, 503, *statuses),
    }
