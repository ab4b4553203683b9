"""The same fifty experiments in unleash-server with PostgreSQL, evaluated for one person by its frontend API.

Its packages are installed from `unleash/package-lock.json` on the first run.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.edge.over_http import OFREP, shop
from benchmarks.edge.processes import halves, pinned, started, tree
from benchmarks.edge.shop import EXPERIMENTS, definition, people
from benchmarks.edge.table import Figure, Plan, spread
from benchmarks.edge.wrk import Load, Run
from tests.support.live import free_port
from tests.support.postgres import folder_of, running_server

HERE = Path(__file__).resolve().parent / "unleash"
PEOPLE = 2_000
LEAST = 30.0
ADMIN, FRONTEND = "*:*.bench-admin-token", "default:development.bench-frontend-token"
PATH = "/api/frontend"


def _is(name: str, operator: str, wanted: list[str] | str, *, inverted: bool = False) -> dict[str, Any]:
    given = {"values": wanted} if isinstance(wanted, list) else {"value": wanted}
    return {"contextName": name, "operator": operator, "inverted": inverted, **given}


AUDIENCES: tuple[tuple[list[dict[str, Any]], ...], ...] = (
    ([_is("country", "IN", ["RU"])],),
    ([_is("country", "IN", ["RU", "KZ", "AM"]), _is("orders_count", "NUM_GTE", "1")],),
    ([_is("device", "IN", ["phone"])], [_is("orders_count", "NUM_GT", "5")]),
    ([_is("app_version", "SEMVER_LT", "2.10.0", inverted=True)],),
    ([_is("tags", "STR_CONTAINS", ["loyal"])],),
    ([_is("country", "NOT_IN", ["KZ"]), _is("last_order_days", "NUM_LTE", "90")],),
    ([_is("email", "STR_ENDS_WITH", ["@example.org", "@example.com"])],),
    ([_is("basket_minor", "NUM_GTE", "100000"), _is("basket_minor", "NUM_LT", "5000000")],),
    ([_is("language", "NOT_IN", ["he", "hy"])],),
    ([],),
)
"""`shop.AUDIENCES` in its words: constraints that must all hold; one list or another."""


def _install() -> str:
    """Install what the lock says, once; returns the version."""
    stamp, lock = HERE / "node_modules" / ".installed", HERE / "package-lock.json"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        print("  installing benchmarks/edge/unleash/package-lock.json (npm ci, hash-checked)", flush=True)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=HERE, check=True)
        stamp.write_text(digest)
    package = HERE / "node_modules" / "unleash-server" / "package.json"
    return str(json.loads(package.read_text())["version"])


@contextmanager
def _unleash(plan: Plan) -> Iterator[tuple[str, list[int]]]:
    """Its address, and its processes with PostgreSQL's."""
    with pinned(halves()[0]):
        database = running_server()
        url = database.__enter__()
    try:
        port = free_port()
        environment = {
            "NODE_ENV": "production",
            "DATABASE_HOST": str(folder_of(url)),
            "DATABASE_NAME": "postgres",
            "DATABASE_USERNAME": "offerlab",
            "DATABASE_PASSWORD": "",
            "DATABASE_SSL": "false",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(port),
            "INIT_ADMIN_API_TOKENS": ADMIN,
            "INIT_FRONTEND_API_TOKENS": FRONTEND,
            "CHECK_VERSION": "false",
            "SEND_TELEMETRY": "false",
            "LOG_LEVEL": "error",
        }
        program: list[str | Path] = ["node", HERE / "node_modules" / "unleash-server" / "dist" / "server.js"]
        address = f"http://127.0.0.1:{port}"
        with started(program, f"{address}/health", plan.folder / "unleash.log", environment) as process:
            server = int((folder_of(url) / "data" / "postmaster.pid").read_text().split()[0])
            yield address, tree(process.pid) + tree(server)
    finally:
        database.__exit__(None, None, None)


def _open(address: str) -> None:
    with httpx.Client(base_url=address, headers={"Authorization": ADMIN}, timeout=60) as http:
        for number in range(EXPERIMENTS):
            made = definition(number)
            toggles = "/api/admin/projects/default/features"
            _told(http.post(toggles, json={"name": made["key"], "type": "experiment"}))
            there = f"{toggles}/{made['key']}/environments/development"
            for constraints in AUDIENCES[number % len(AUDIENCES)]:
                _told(http.post(f"{there}/strategies", json=_strategy(made, constraints)))
            _told(http.post(f"{there}/on", json={}))


def _strategy(made: dict[str, Any], constraints: list[dict[str, Any]]) -> dict[str, Any]:
    rollout = {"rollout": str(int(made["coverage"] * 100)), "stickiness": "userId", "groupId": made["key"]}
    variants = [
        {
            "name": variant["key"],
            "weight": int(variant["weight"] * 1000),
            "weightType": "variable",
            "stickiness": "userId",
            "payload": {"type": "json", "value": json.dumps(variant["offer"] or {})},
        }
        for variant in made["variants"]
    ]
    return {
        "name": "flexibleRollout",
        "parameters": rollout,
        "constraints": constraints,
        "variants": variants,
    }


def _told(answer: httpx.Response) -> None:
    if answer.is_error:
        raise SystemExit(f"{answer.url} answered {answer.status_code}: {answer.text}")


def _enrolled(url: str, headers: dict[str, str], bodies: list[bytes], *, is_ours: bool) -> float:
    """How many of the fifty a person is in, on average."""
    with httpx.Client(headers=headers, timeout=60) as http:
        answers = [http.post(url, content=body).raise_for_status().json() for body in bodies]
    if is_ours:
        counts = [sum(flag["variant"] is not None for flag in answer["flags"]) for answer in answers]
    else:
        counts = [len(answer["toggles"]) for answer in answers]
    return sum(counts) / len(counts)


def measure(plan: Plan) -> Iterator[Figure]:
    """Both servers under the same people, in turns."""
    version = _install()
    everybody, seconds = list(people(PEOPLE)), plan.pick(8, 3)
    with shop(plan.folder / "beside") as made, _unleash(plan) as (address, pids):
        _open(address)
        theirs_headers = {"Authorization": FRONTEND, "Content-Type": "application/json"}
        ours_bodies = [person.ofrep() for person in everybody]
        theirs_bodies = [person.unleash() for person in everybody]
        ours_url, theirs_url = f"{made.live.url}{OFREP}", f"{address}{PATH}"
        in_ours = _enrolled(ours_url, made.headers("srv"), ours_bodies[:200], is_ours=True)
        in_theirs = _enrolled(theirs_url, theirs_headers, theirs_bodies[:200], is_ours=False)
        if not 0.9 < in_theirs / in_ours < 1.1:
            raise SystemExit(
                f"not the same experiments: {in_ours:.1f} and {in_theirs:.1f} of them per person"
            )
        folders = [plan.folder / "ours-load", plan.folder / "theirs-load"]
        for folder in folders:
            folder.mkdir()
        ours = Load(folders[0], ours_bodies, made.headers("srv"))
        theirs = Load(folders[1], theirs_bodies, theirs_headers)
        theirs.run(theirs_url, seconds, pids)  # warm: its compiler needs a while
        rounds = [
            (ours.run(ours_url, seconds, made.pids), theirs.run(theirs_url, seconds, pids))
            for _ in range(plan.pick(5, 2))
        ]
    yield _figure(rounds, version, in_ours, in_theirs)


def _figure(rounds: list[tuple[Run, Run]], version: str, in_ours: float, in_theirs: float) -> Figure:
    ratios = [theirs.cpu_each / ours.cpu_each for ours, theirs in rounds]
    ours, theirs = (median(run.cpu_each for run in side) for side in zip(*rounds, strict=True))
    return Figure(
        f"unleash-server {version} with PostgreSQL, {EXPERIMENTS} toggles for one person: CPU per request "
        f"(on average {in_theirs:.1f} of them on, {in_ours:.1f} of ours)",
        f"{ours:.0f} µs against {theirs:,.0f} µs: {spread(ratios, '{:.1f}')} × less",
        f"≥ {LEAST:g} × less",
        median(ratios) >= LEAST,
    )
