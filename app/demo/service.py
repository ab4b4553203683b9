"""Seeds the demo through the service's own HTTP API, with progress, and greets the newcomer."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Self

import click
import httpx

from app.demo import cdnow, shoppers
from app.settings import Settings

BATCH = 1000
START_TIMEOUT_SECONDS = 60.0
SIDE_BY_SIDE = "the demo shows its tests side by side, each on shoppers of its own"


class DemoUnavailable(Exception):  # noqa: N818 - reads better where it is caught
    """The demo could not be made; the message says why."""


class Door:
    """The service's HTTP API, as an integrator would call it."""

    def __init__(self, url: str, key: str) -> None:
        self.http = httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=120)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call; anything but success is an error with the service's own words.

        Raises:
            DemoUnavailable: the service refused or is not there.
        """
        answer = self.ask(method, path, body)
        if answer.is_success:
            return answer.json()
        raise DemoUnavailable(f"{method} {path}: {answer.status_code} {answer.text[:300]}")

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """One call and its answer, whatever it is.

        Raises:
            DemoUnavailable: there is no answer.
        """
        try:
            return self.http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise DemoUnavailable(f"{method} {path}: no answer from {self.http.base_url} ({error})") from None

    def experiment(self, definition: dict[str, Any]) -> dict[str, Any]:
        """The experiment with that key, made and started if it is not there."""
        key = definition["key"]
        answer = self.ask("GET", f"/api/v1/experiments/{key}")
        found: dict[str, Any] = (
            answer.json() if answer.is_success else self.call("POST", "/api/v1/experiments", definition)
        )
        if found["status"] == "draft":
            reason = {"override_conflicts": SIDE_BY_SIDE}
            found = self.call("POST", f"/api/v1/experiments/{key}/start", reason)
        return found

    def is_complete(self, experiment: str) -> bool:
        """Whether an earlier start brought it to its last step, the closing of its days."""
        answer = self.ask("GET", f"/api/v1/experiments/{experiment}/results")
        return answer.is_success and answer.json()["looks"] != []

    def variant(self, experiment: str, visitor_id: str) -> str:
        """The variant the service gives a visitor."""
        body = {"visitor_id": visitor_id, "experiments": [experiment]}
        answer = self.call("POST", "/api/v1/assignments", body)
        return str(answer["assignments"][0]["variant"])

    def send(self, events: list[dict[str, Any]]) -> None:
        """One batch of events; a rejected one is an error of the demo.

        Raises:
            DemoUnavailable: an event was rejected.
        """
        answer = self.call("POST", "/api/v1/events", {"events": events})
        if answer["rejected"]:
            raise DemoUnavailable(f"the service rejected an event of the demo: {answer['rejected'][0]}")


def seed(url: str, key: str, now_us: int) -> None:
    """Make the three demo experiments; what is there already stays as it is.

    Args:
        url: address of the running service.
        key: an adm key.
        now_us: the present moment; the simulated tests end yesterday.

    Raises:
        DemoUnavailable: the service refused or is not there.
    """
    today = datetime.fromtimestamp(now_us / 1e6, tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=shoppers.TOTAL_DAYS + 1)
    with Door(url, key) as door:
        seed_cdnow(door)
        for define in (shoppers.reuse_definition, shoppers.threshold_definition):
            _seed_simulated(door, define, start)


def seed_cdnow(door: Door) -> None:
    """Replay the CDNOW log and close its days; what is there already stays as it is."""
    try:
        customers = cdnow.purchases()
    except cdnow.MissingData as missing:
        raise DemoUnavailable(str(missing)) from None
    key = door.experiment(cdnow.definition())["key"]
    if door.is_complete(key):
        return
    sources = [_cdnow_events(door, key, customer, rows) for customer, rows in customers.items()]
    _replay(door, sources, "CDNOW purchase log   ")
    door.call("POST", f"/api/v1/experiments/{key}/looks", {"through": cdnow.LAST_DAY})


def _seed_simulated(door: Door, define: Callable[[str], dict[str, Any]], start: datetime) -> None:
    made = door.experiment(define(start.isoformat()))
    begun = datetime.fromisoformat(made["starts_at"]).astimezone(UTC)
    key = made["key"]
    if door.is_complete(key):
        return
    people = [shoppers.Shopper(key, number, begun) for number in range(shoppers.UNITS)]
    sources = [_simulated_events(door, key, person) for person in people]
    _replay(door, sources, f"{key:21}")
    last = (begun + timedelta(days=shoppers.TOTAL_DAYS)).date().isoformat()
    door.call("POST", f"/api/v1/experiments/{key}/looks", {"through": last})


def _cdnow_events(
    door: Door, key: str, customer: str, rows: list[cdnow.Purchase]
) -> Iterator[dict[str, Any]]:
    yield from cdnow.events(customer, rows, door.variant(key, customer))


def _simulated_events(door: Door, key: str, person: shoppers.Shopper) -> Iterator[dict[str, Any]]:
    yield from person.events(door.variant(key, person.visitor_id))


def _replay(door: Door, sources: Sequence[Iterable[dict[str, Any]]], label: str) -> None:
    with click.progressbar(sources, label=label, file=sys.stderr, show_eta=True) as bar:
        events = (event for source in bar for event in source)
        while batch := list(islice(events, BATCH)):
            door.send(batch)


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise DemoUnavailable(f"the service at {url} was not ready after {START_TIMEOUT_SECONDS:.0f} s")


def seed_and_greet(settings: Settings, admin_key: str | None) -> None:
    """For `serve --demo`: wait for the service, seed on the first start, print where to go.

    Args:
        settings: settings in force.
        admin_key: the admin key made just now, or None when there was one.
    """
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - compared, not bound
    url = f"http://{host}:{settings.port}"
    try:
        _wait_until_ready(url)
        for line in _lines(settings, url, admin_key):
            click.echo(line)
    except (DemoUnavailable, click.ClickException) as error:
        click.echo(f"the demo is not complete: {error}", err=True)


def _lines(settings: Settings, url: str, admin_key: str | None) -> Iterator[str]:
    from app.access.service import create_key
    from app.clock import MICROSECONDS, SystemClock
    from app.database import Database
    from app.pages.service import make_login_link

    now_us = SystemClock().now_us()
    database = Database(settings.url)
    try:
        hour = now_us + 3600 * MICROSECONDS
        key = create_key(database, "adm", "demo", now_us, actor="demo", expires_at_us=hour)["key"]
        time.sleep(2)  # every worker knows a new key within two seconds
        seed(url, key, now_us)
        shop_key = create_key(database, "srv", "demo storefront", now_us, actor="demo", expires_at_us=hour)[
            "key"
        ]
        link = make_login_link(database, settings, "mgr", SystemClock().now_us(), base_url=url)
    finally:
        database.close()
    yield ""
    yield f"  dashboard          {url}/"
    yield f"  log in (once)      {link}"
    if admin_key:
        yield f"  admin key          {admin_key}   (shown once; keep it)"
    yield f"  shop key           {shop_key}   (valid for an hour)"
    yield ""
    yield "  try:"
    yield f"  curl -s {url}/api/v1/assignments -H 'X-API-Key: {shop_key}' \\"
    body = '{"visitor_id":"v-1","experiments":["threshold-1000-3000"]}'
    yield f"    -H 'content-type: application/json' -d '{body}'"
    yield f"  curl -s {url}/api/v1/experiments/cdnow/results -H 'X-API-Key: {admin_key or key}'"
    yield ""
