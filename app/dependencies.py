"""What FastAPI endpoints ask for."""

from typing import TYPE_CHECKING, cast

from fastapi import Request

if TYPE_CHECKING:
    from app.bootstrap import Services


def services(request: Request) -> "Services":
    """The wired services of this process."""
    return cast("Services", request.app.state.services)
