"""The whole service in this process, called through ASGI; its clock stands still."""

import asyncio
import copy
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import httpx

from app.access.operations import KINDS
from app.access.service import create_key, ensure_admin_key
from app.bootstrap import Services
from app.clock import FixedClock
from app.database import Database
from app.edge import past_orders
from app.main import create_app
from app.settings import Settings
from tests.support.postgres import administer

if TYPE_CHECKING:
    from fastapi import FastAPI

    from app.edge.limits import BodyLimit

NOW_US = 1_780_000_000_000_000  # 2026-05-28
_databases = itertools.count()
ADMIN_KEY = "olk_adm_" + "a" * 43
PATIENT_SECONDS = 60.0
SIDE_BY_SIDE = {"override_conflicts": "tests run side by side"}

DEFINITION: dict[str, Any] = {
    "key": "promo-code-reuse",
    "name": "Single-use or reusable code",
    "hypothesis": "A code that may be used again brings buyers back.",
    "unit": "visitor",
    "coverage": 1.0,
    "seed": "0123456789abcdef",
    "audience": {},
    "variants": [
        {
            "key": "single-use",
            "weight": 0.5,
            "control": True,
            "offer": {
                "kind": "percent_off",
                "percent": 10,
                "min_order_minor": 100000,
                "currency": "RUB",
                "max_discount_minor": 50000,
                "code": {"issue": "per_visitor", "uses_per_customer": 1, "valid_days": 7, "bound": False},
                "budget": {"money_minor": 5000000, "uses": None},
                "stacking": "exclusive",
                "occasion": "loyalty",
            },
        },
        {
            "key": "reusable",
            "weight": 0.5,
            "offer": {"kind": "percent_off", "percent": 15, "min_order_minor": 100000, "currency": "RUB"},
        },
    ],
    "economics": {"currency": "RUB", "margin_share": 0.35},
    "plan": {
        "primary": {"key": "repeat_buyers_per_unit", "days": 30},
        "window_days": 30,
        "secondary": ["conversion_rate", "average_order_value"],
        "guardrails": [{"metric": "profit_per_unit", "non_inferiority_margin": 0.02}],
        "mde": 0.1,
        "planned_units": 56000,
        "spending": "kim-demets:2",
    },
    "timezone": "Europe/Moscow",
}


def definition(**fields: Any) -> dict[str, Any]:
    """A valid definition with some top-level fields replaced."""
    return copy.deepcopy(DEFINITION) | fields


class InProcess:
    """A running service and a way to call it.

    Attributes:
        services: its wiring, for tests that look inside.
        fastapi: the FastAPI application behind the edge.
        clock: stands still until moved.
        keys: kind → text of a key.
    """

    def __init__(self, settings: Settings) -> None:
        self.clock = FixedClock(NOW_US)
        self.edge = create_app(settings, self.clock)
        self.fastapi = cast("FastAPI", cast("BodyLimit", self.edge.slow).app)
        self.services: Services = self.fastapi.state.services
        self.keys: dict[str, str] = {}
        self.runner = asyncio.Runner()

    def make_keys(self) -> None:
        """One key of each kind."""
        database = self.services.database
        ensure_admin_key(database, self.services.settings, NOW_US)
        self.keys = {
            kind: str(create_key(database, kind, f"test {kind}", NOW_US, actor="test")["key"])
            for kind in KINDS
        }

    def call(  # noqa: PLR0913 - what a request can carry
        self,
        method: str,
        path: str,
        body: Any = None,
        kind: str | None = "mgr",
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One request with the key of a kind (None: no key)."""
        fields = {} if kind is None else {"authorization": f"Bearer {self.keys.get(kind, kind)}"}
        fields |= {"content-type": "application/json"} if content is not None else {}
        return self.runner.run(
            self._call(method, path, body, content, fields | (headers or {})),
        )

    def open_stream(self, path: str, kind: str | None, query: str = "") -> tuple[int, bytes]:
        """Status and first bytes of a stream whose client leaves at once."""
        token = "" if kind is None else self.keys.get(kind, kind)
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "headers": headers}
        scope["query_string"] = query.encode()
        said: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)

        self.runner.run(cast("Any", self.edge)(scope, receive, send))
        return said[0]["status"], b"".join(message.get("body", b"") for message in said[1:])

    async def _call(
        self, method: str, path: str, body: Any, content: bytes | None, headers: dict[str, str]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(app=cast("Any", self.edge), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
            return await client.request(method, path, json=body, content=content, headers=headers)

    def create(self, **fields: Any) -> dict[str, Any]:
        """Define an experiment; it must succeed."""
        answer = self.call("POST", "/api/v1/experiments", definition(**fields))
        assert answer.status_code == 201, answer.text
        return cast("dict[str, Any]", answer.json())

    def act(self, key: str, action: str, body: Any = None) -> httpx.Response:
        """One action; a start without a body gives the reason that tests run side by side."""
        if action == "start" and body is None:
            body = SIDE_BY_SIDE
        return self.call("POST", f"/api/v1/experiments/{key}/{action}", body)

    def running(self, **fields: Any) -> str:
        """The key of a new experiment that runs."""
        key = str(self.create(**fields)["key"])
        answer = self.act(key, "start")
        assert answer.status_code == 200, answer.text
        return key

    def assign(self, kind: str = "srv", **fields: Any) -> httpx.Response:
        """One assignments request."""
        return self.call("POST", "/api/v1/assignments", fields, kind)


@contextmanager
def in_process(url: str, data_dir: Path) -> Iterator[InProcess]:
    """A service on a migrated database; a busy machine is not taken for a database that is away."""
    settings = Settings(database_url=url, data_dir=data_dir, admin_key=ADMIN_KEY, secret="s" * 32)
    service = InProcess(settings)
    service.make_keys()

    async def start() -> None:
        service.services.start()

    with service.runner, patch.object(past_orders, "PATIENCE_SECONDS", PATIENT_SECONDS):
        service.runner.run(start())
        try:
            yield service
        finally:
            service.runner.run(service.services.stop())


@contextmanager
def on_each_database(request: Any, folder: Path) -> Iterator[InProcess]:
    """A service on a new database of the kind that a fixture's parameter names: sqlite or postgresql."""
    if request.param == "sqlite":
        path = folder / "offerlab.sqlite3"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        url = f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgres_template")
        name = f"module_{next(_databases)}"
        administer(server, f"CREATE DATABASE {name} TEMPLATE template_offerlab")
        url = server.replace("/postgres?", f"/{name}?")
    with in_process(url, folder) as running:
        yield running


def second_replica(service: InProcess, data_dir: Path) -> Services:
    """The wiring of another process on the same database; its loops do not run."""
    from app.bootstrap import wire

    settings = service.services.settings.model_copy(update={"data_dir": data_dir})
    return wire(settings, service.clock)


def closed(database: Database) -> None:
    """Make every further use of a database fail, as if its server were gone."""
    from sqlalchemy import event
    from sqlalchemy.exc import OperationalError

    def refuse(*_arguments: Any) -> None:
        raise OperationalError("connect", {}, Exception("gone"))

    database.close()
    event.listen(database.engine, "do_connect", refuse)
    event.listen(database.engine, "checkout", refuse)
