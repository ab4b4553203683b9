"""The ASGI application: FastAPI with every domain's door, behind the hot-path edge."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app.access.endpoints import router as access_router
from app.access.service import ensure_admin_key
from app.audit.endpoints import router as audit_router
from app.bootstrap import Services, running, wire
from app.clock import Clock
from app.codes.endpoints import router as codes_router
from app.database import prepare
from app.edge.code_files import CODE_FILES_OPENAPI, code_files_handler
from app.edge.code_files import PATTERN as CODE_FILES
from app.edge.codes import CODES_OPENAPI, code_handlers
from app.edge.configuration import CONFIGURATION_OPENAPI, configuration_handler
from app.edge.configuration import PATH as CONFIGURATION
from app.edge.evaluate import EVALUATE_OPENAPI, assignments_handler, ofrep_handler
from app.edge.growthbook import EVAL, FEATURES, SUB, eval_handler, features_handler, sub_handler
from app.edge.growthbook_openapi import GROWTHBOOK_OPENAPI
from app.edge.growthbook_track import PATH as TRACK
from app.edge.growthbook_track import track_handler
from app.edge.ingest import INGEST_OPENAPI, events_handler
from app.edge.limits import BodyLimit
from app.edge.ofrep import EVENTS
from app.edge.ofrep import events_handler as ofrep_events_handler
from app.edge.quote import PATH as QUOTE
from app.edge.quote import quote_handler
from app.edge.quote_openapi import QUOTE_OPENAPI
from app.edge.router import Edge
from app.edge.segment import PATHS as SEGMENT_PATHS
from app.edge.segment import segment_handler
from app.edge.segment_openapi import SEGMENT_OPENAPI
from app.edge.streams import Streams
from app.edge.webhooks import PREFIX as WEBHOOKS
from app.edge.webhooks import webhooks_handler
from app.edge.webhooks_openapi import WEBHOOKS_OPENAPI
from app.erasure.endpoints import router as erasure_router
from app.experiments.endpoints import router as experiments_router
from app.experiments.forced_endpoints import router as forced_router
from app.exports.endpoints import router as exports_router
from app.health.endpoints import router as health_router
from app.idempotency.door import Once, describe
from app.pages.endpoints import router as pages_router
from app.pages.static import client_files, static_files
from app.problems import install_problem_handlers
from app.reminders.endpoints import router as reminders_router
from app.results.endpoints import router as results_router
from app.settings import Settings
from app.sources.endpoints import router as sources_router

if TYPE_CHECKING:
    from app.edge.http import Handler

YOUNG_OBJECTS = 20_000
"""New objects after which the collector looks for unreachable ones."""
HOT_PATHS = (
    EVALUATE_OPENAPI,
    CONFIGURATION_OPENAPI,
    CODES_OPENAPI,
    CODE_FILES_OPENAPI,
    GROWTHBOOK_OPENAPI,
    INGEST_OPENAPI,
    QUOTE_OPENAPI,
    SEGMENT_OPENAPI,
    WEBHOOKS_OPENAPI,
)
CORS_HEADERS = ["authorization", "content-type", "if-none-match", "x-api-key"]
CORS_EXPOSED = ["ETag", "Retry-After", "X-SSE-Support"]


def create_app(settings: Settings, clock: Clock | None = None) -> Edge:
    """The whole service as one ASGI callable; its services start with the lifespan.

    Args:
        settings: where the database is, which mode, and so on.
        clock: time; the machine's unless a test gives its own.
    """
    services = wire(settings, clock)
    slow = _slow_app(services)
    return _edge(services, slow)


def application_factory() -> Any:
    """The application for uvicorn workers, settings read from the environment."""
    settings = Settings()
    edge = create_app(settings)
    _settle_memory()
    if not settings.origins:
        return edge
    return CORSMiddleware(
        cast("Any", edge),
        allow_origins=list(settings.origins),
        allow_methods=["GET", "POST"],
        allow_headers=CORS_HEADERS,
        expose_headers=CORS_EXPOSED,
    )


def _settle_memory() -> None:
    """What is loaded by now stays: the collector need not walk through it again and again.

    A request makes hundreds of objects and drops them at once; with the collector's usual thresholds it
    would look at all of memory for them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


def _slow_app(services: Services) -> FastAPI:
    settings = services.settings

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        prepare(services.database, services.settings)
        if settings.admin_key:
            ensure_admin_key(services.database, settings, services.clock.now_us())
        async with running(services):
            yield

    app = FastAPI(title="Offerlab", version="0.1.0", lifespan=lifespan)
    app.state.services = services
    for router in (
        health_router,
        access_router,
        experiments_router,
        codes_router,
        forced_router,
        results_router,
        exports_router,
        reminders_router,
        audit_router,
        erasure_router,
        sources_router,
        pages_router,
    ):
        app.include_router(router)
    app.mount("/static/clients", client_files())
    app.mount("/static", static_files())
    install_problem_handlers(app)
    _describe_hot_paths(app)
    return app


def _describe_hot_paths(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            for fragment in map(deepcopy, HOT_PATHS):  # described further: the modules keep theirs
                for path, operations in fragment.get("paths", {}).items():
                    document["paths"].setdefault(path, {}).update(operations)
                components = document.setdefault("components", {}).setdefault("schemas", {})
                components.update(fragment.get("components", {}).get("schemas", {}))
            describe(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _edge(services: Services, slow: FastAPI) -> Edge:
    ofrep, streams = ofrep_handler(services), Streams()
    return Edge(
        cast("Handler", BodyLimit(cast("Handler", slow))),
        exact={
            ("POST", "/api/v1/assignments"): assignments_handler(services),
            ("POST", "/api/v1/events"): events_handler(services),
            ("POST", QUOTE): quote_handler(services),
            ("POST", "/ofrep/v1/evaluate/flags"): ofrep,
            **code_handlers(services),
            ("GET", CONFIGURATION): configuration_handler(services),
            ("GET", EVENTS): ofrep_events_handler(services, streams),
            ("POST", TRACK): track_handler(services),
            **dict.fromkeys((("POST", path) for path in SEGMENT_PATHS), segment_handler(services)),
        },
        prefixes={
            ("POST", "/ofrep/v1/evaluate/flags/"): ofrep,
            ("GET", FEATURES): features_handler(services),
            ("GET", SUB): sub_handler(services, streams),
            ("POST", EVAL): eval_handler(services),
            ("POST", WEBHOOKS): webhooks_handler(services),
        },
        patterns={("POST", CODE_FILES): code_files_handler(services)},
        slow_app=slow,
        once=Once(services),
    )
