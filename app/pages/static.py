"""Static files: of the pages (stylesheet, chart script, plotly.js), and the scripts of storefronts."""

from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import dashboards

FOLDER = Path(dashboards.__file__).parent / "static"
CLIENTS = Path(__file__).parents[1] / "clients" / "web"


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


def client_files() -> CachedStaticFiles:
    """What storefronts load or copy: the snippet and the OpenFeature hook."""
    return CachedStaticFiles(directory=CLIENTS)
