"""A running shop for real clients: the service, a page on another origin, keys, experiments."""

import csv
import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.support.browser import chromium_page
from tests.support.inprocess import SIDE_BY_SIDE, definition
from tests.support.live import ROOT, Live, free_port, live_service

CLIENTS = Path(__file__).resolve().parent
HOOK = ROOT / "app" / "clients" / "web" / "openfeature-hook.js"
DEADLINE_SECONDS = 20.0
KINDS = ("pub", "srv", "mgr", "ro")
FALLBACK = {"kind": "percent_off", "percent": 3, "currency": "RUB"}
HEAD = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>A shop</title>'
PAGE = HEAD + '<script src="/%s.js"></script>'


@dataclass(frozen=True)
class Shop:
    """What the tests of clients need.

    Attributes:
        live: the running service.
        site: directory of the shop's own pages.
        origin: where those pages are served: another origin than the service's.
        keys: kind → a key's text.
        http: calls the service.
    """

    live: Live
    site: Path
    origin: str
    keys: Mapping[str, str]
    http: httpx.Client
    counter: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, method: str, path: str, body: Any, kind: str) -> httpx.Response:
        """One request with the key of a kind."""
        headers = {"authorization": f"Bearer {self.keys[kind]}"}
        return self.http.request(method, self.live.url + path, json=body, headers=headers)

    def call(self, method: str, path: str, body: Any = None, kind: str = "adm") -> Any:
        """The same; it must succeed."""
        answer = self.ask(method, path, body, kind)
        assert answer.is_success, answer.text
        return answer.json()

    def experiment(self, name: str, **fields: Any) -> str:
        """The key of a new running experiment that every client may see; served at once."""
        key = f"{name}-{next(self.counter)}"
        wanted = {"local_evaluation": True, "fallback": None, **fields}
        self.call("POST", "/api/v1/experiments", definition(key=key, **wanted))
        self.act(key, "start", SIDE_BY_SIDE)
        body = {"visitor_id": "v-0", "experiments": [key]}
        wait_for(lambda: self.ask("POST", "/api/v1/assignments", body, "pub").is_success)
        return key

    def act(self, key: str, action: str, body: Any = None) -> Any:
        """One action on an experiment."""
        return self.call("POST", f"/api/v1/experiments/{key}/{action}", body, "mgr")

    def assigned(self, key: str, unit: str, **attributes: Any) -> dict[str, Any]:
        """What the assignments door says of a visitor."""
        body = {"visitor_id": unit, "experiments": [key], "attributes": attributes}
        found: dict[str, Any] = self.call("POST", "/api/v1/assignments", body, "pub")["assignments"][0]
        return found

    def variants(self, key: str, units: list[str]) -> list[str]:
        """The variant of each visitor."""
        return [self.assigned(key, unit)["variant"] for unit in units]

    def exported(self, key: str, what: str, at_least: int = 0) -> list[dict[str, str]]:
        """Rows of an export, once there are so many of them."""

        def rows() -> list[dict[str, str]]:
            answer = self.ask("GET", f"/api/v1/experiments/{key}/export/{what}.csv", None, "ro")
            return list(csv.DictReader(answer.text.splitlines()))

        wait_for(lambda: len(rows()) >= at_least)
        return rows()

    def exposed(self, key: str, at_least: int) -> list[str]:
        """Variants of the exposures in the ledger, sorted."""
        return sorted(row["variant"] for row in self.exported(key, "exposures", at_least))

    def given(self, key: str, kind: str = "pub", **more: Any) -> dict[str, Any]:
        """What a script of a client is told."""
        told = {"url": self.live.url, "key": self.keys[kind], "manager": self.keys["mgr"], "experiment": key}
        return {**told, "nowhere": nowhere(), **more}

    @contextmanager
    def browser(self, bundle: str) -> Iterator["Browser"]:
        """A page of the shop in Chromium, with a bundle of `pages/` loaded."""
        (self.site / f"{bundle}.html").write_text(PAGE % bundle, encoding="utf-8")
        with chromium_page() as watched:
            seen: list[tuple[str, str, int]] = []
            watched.page.on(
                "response",
                lambda answer: seen.append((answer.request.method, answer.url, answer.status)),
            )
            watched.page.goto(f"{self.origin}/{bundle}.html")
            yield Browser(watched.page, watched.complaints, seen)


@dataclass(frozen=True)
class Browser:
    """A page with a client in it.

    Attributes:
        page: Playwright's page.
        complaints: console errors and warnings, uncaught exceptions.
        answers: (method, address, status) of every response.
    """

    page: Any
    complaints: list[str]
    answers: list[tuple[str, str, int]]

    def run(self, task: str, told: Mapping[str, Any]) -> Any:
        """Run one task of the bundle: its result."""
        return self.page.evaluate("([task, told]) => window.tasks[task](told)", [task, dict(told)])

    def statuses(self, door: str) -> list[int]:
        """Statuses of the answers of a door to the page itself, not to preflights."""
        return [status for method, url, status in self.answers if door in url and method != "OPTIONS"]

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """As `wait_for`, while the browser goes on."""
        wait_for(is_so, self.page.wait_for_timeout)


def _sleep(milliseconds: float) -> None:
    time.sleep(milliseconds / 1000)


def wait_for(is_so: Callable[[], bool], rest: Callable[[float], object] = _sleep) -> None:
    """Look again and again until something is so; the test fails where it does not come."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {DEADLINE_SECONDS:.0f} s")
        rest(50)  # between two looks at another process


def nowhere() -> str:
    """An address where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


def node(script: str, task: str, told: Mapping[str, Any], *more: str) -> Any:
    """Run one task of a script under Node.

    Args:
        script: its file in this directory.
        task: which of its tasks.
        told: what it is told, as JSON.
        more: further arguments of the command.
    """
    assert (CLIENTS / "node_modules" / ".installed").exists(), "run ./dev setup: npm packages are missing"
    done = subprocess.run(
        ["node", CLIENTS / script, task, json.dumps(told), *more],
        cwd=CLIENTS,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{script} {task}: {done.stderr[-3000:]}{done.stdout[-1000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def bundle(site: Path) -> None:
    """Bundle `pages/*.mjs` for a browser; there `openfeature-hook` is the hook that we ship."""
    pages = sorted((CLIENTS / "pages").glob("*.mjs"))
    told = {"pages": list(map(str, pages)), "site": str(site), "aliases": {"openfeature-hook": str(HOOK)}}
    assert node("bundle.mjs", "bundle", told) == {"errors": [], "warnings": []}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Quiet."""


@contextmanager
def _served(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_shop(directory: Path) -> Iterator[Shop]:
    """Start the service and the shop's own web server; both end with the block."""
    site = directory / "site"
    site.mkdir()
    data_dir = directory / "data"
    data_dir.mkdir()
    with _served(site) as origin, live_service(data_dir, {"OFFERLAB_PUBLIC_ORIGINS": origin}) as live:
        keys = {"adm": live.admin_key}
        with httpx.Client(timeout=60) as http:
            shop = Shop(live, site, origin, keys, http)
            for kind in KINDS:
                keys[kind] = str(shop.call("POST", "/api/v1/keys", {"kind": kind, "name": kind})["key"])
            body = {"visitor_id": "v-0"}
            wait_for(lambda: shop.ask("POST", "/api/v1/assignments", body, "srv").is_success)
            yield shop
