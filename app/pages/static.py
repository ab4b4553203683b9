"""The stylesheet, the chart script and the vendored plotly.js, served from this host only."""

from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import dashboards

FOLDER = Path(dashboards.__file__).parent / "static"


class CachedStaticFiles(StaticFiles):
    """Static files that browsers may keep for an hour."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with caching and no sniffing."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=3600"
        response.headers["x-content-type-options"] = "nosniff"
        return response


def static_files() -> CachedStaticFiles:
    """The folder of static files of the page room."""
    return CachedStaticFiles(directory=FOLDER)
