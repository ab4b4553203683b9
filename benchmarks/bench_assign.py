"""One assignment request against a static ASGI answer of the same size, both without a socket."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx

from app.edge.http import read_body, send_bytes
from app.main import create_app
from app.settings import Settings
from benchmarks.side_by_side import compare, machine, report

ADMIN_KEY = "olk_adm_" + "b" * 43
REQUESTS = 2_000
REASON = {"override_conflicts": "a bench"}


def _definition(number: int) -> dict[str, Any]:
    offer = {"kind": "percent_off", "percent": 10, "min_order_minor": 100_000, "currency": "RUB"}
    return {
        "key": f"experiment-{number:02d}",
        "name": f"Experiment {number}",
        "unit": "visitor",
        "variants": [
            {"key": "control", "weight": 0.5, "control": True, "offer": None},
            {"key": "treatment", "weight": 0.5, "offer": offer},
        ],
        "economics": {"currency": "RUB", "margin_share": 0.35},
        "plan": {
            "primary": "conversion_rate",
            "window_days": 14,
            "alpha": 0.05,
            "power": 0.8,
            "mde": 0.1,
            "planned_units": 10_000,
        },
        "timezone": "Europe/Moscow",
    }


async def _static(scope: Any, receive: Any, send: Any, body: bytes) -> None:
    await read_body(receive, scope)
    await send_bytes(send, 200, body)


class Call:
    """One ASGI call without a socket."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.answer = b""
        headers = [(b"x-api-key", ADMIN_KEY.encode()), (b"content-type", b"application/json")]
        path = "/api/v1/assignments"
        self.scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}

    async def receive(self) -> dict[str, Any]:
        """The whole body at once."""
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Any) -> None:
        """Keep the answer."""
        if message["type"] == "http.response.body":
            self.answer = message["body"]


async def _make(edge: Any, count: int) -> None:
    headers = {"x-api-key": ADMIN_KEY}
    transport = httpx.ASGITransport(app=edge)
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", headers=headers) as http:
        for number in range(count):
            (await http.post("/api/v1/experiments", json=_definition(number))).raise_for_status()
            (
                await http.post(f"/api/v1/experiments/experiment-{number:02d}/start", json=REASON)
            ).raise_for_status()


async def _measure(folder: Path, count: int) -> None:
    edge: Any = create_app(Settings(data_dir=folder, admin_key=ADMIN_KEY, secret="b" * 32))
    async with edge.slow_app.router.lifespan_context(edge.slow_app):
        await _make(edge, count)
        call = Call(json.dumps({"visitor_id": "visitor-123", "attributes": {"country": "RU"}}).encode())
        await edge(call.scope, call.receive, call.send)
        answer = call.answer

        async def ours() -> None:
            for _ in range(REQUESTS):
                await edge(call.scope, call.receive, call.send)

        async def static() -> None:
            for _ in range(REQUESTS):
                await _static(call.scope, call.receive, call.send, answer)

        pair = await asyncio.to_thread(_compare, ours, static)
        report(f"assign, {count} experiments, {len(answer)} bytes", pair, REQUESTS)


def _compare(ours: Any, static: Any) -> Any:
    with asyncio.Runner() as runner:
        return compare(lambda: runner.run(ours()), lambda: runner.run(static()))


def main() -> None:
    """Measure with 1 and with 50 running experiments."""
    print(machine())
    for count in (1, 50):
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_measure(Path(folder), count))


if __name__ == "__main__":
    main()
