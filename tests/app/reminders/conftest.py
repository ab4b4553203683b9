"""One running service on each database for all tests of reminders; each test has an experiment of its own."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.clock import isoformat
from tests.support.inprocess import InProcess, on_each_database

HOUR_US = 3_600_000_000
PATH = "/api/v1/reminders/due"
_numbers = itertools.count(1)


def reminder(hours: float) -> dict[str, Any]:
    """A letter some hours after the basket was left."""
    return {"kind": "reminder", "channel": "email", "delay_hours": hours, "occasion": "abandoned_cart"}


@dataclass
class Post:
    """A shop that reminds: an experiment that runs, and what happens to it.

    Attributes:
        service: shared by the tests of a module; its clock only goes on.
        key: of the experiment.
        began_us: moment of its start.
    """

    service: InProcess
    key: str = ""
    began_us: int = 0
    number: int = field(default_factory=lambda: next(_numbers))

    def open(self, *offers: Any, **fields: Any) -> "Post":
        """Start an experiment with these offers, of equal weight; without any: 1 h against 24 h."""
        given = offers or (reminder(1), reminder(24))
        variants = [
            {"key": f"v{place}", "weight": 1 / len(given), "control": place == 0, "offer": one}
            for place, one in enumerate(given)
        ]
        self.service.clock.advance(3600)
        self.key = self.service.running(key=f"remind-{self.number}", variants=variants, **fields)
        self.began_us = self.service.clock.at_us
        return self

    def id(self, name: str) -> str:
        """An id that no other test uses."""
        return f"{name}-{self.number}"

    def visitors(self, variant: str, count: int = 1) -> list[str]:
        """Ids of visitors whom the hash gives a variant."""
        names = (self.id(f"{variant}-{place}") for place in itertools.count())
        found = (name for name in names if self.variant(name) == variant)
        return list(itertools.islice(found, count))

    def variant(self, visitor_id: str) -> str:
        """What the assignments door says."""
        answer = self.service.assign(visitor_id=visitor_id, experiments=[self.key]).json()
        return str(answer["assignments"][0]["variant"])

    def at(self, hours: float) -> str:
        """A moment after the start."""
        return isoformat(self.began_us + round(hours * HOUR_US))

    def event(self, kind: str, hours: float, visitor_id: str | None, **fields: Any) -> dict[str, Any]:
        """An event so many hours after the start."""
        common = {"event_id": f"r-{next(_numbers)}", "type": kind, "occurred_at": self.at(hours)}
        named = {"visitor_id": visitor_id, **fields}
        return common | {name: value for name, value in named.items() if value is not None}

    def exposure(self, hours: float, visitor_id: str | None, variant: str, **fields: Any) -> dict[str, Any]:
        """A basket is left."""
        return self.event("exposure", hours, visitor_id, experiment=self.key, variant=variant, **fields)

    def order(self, hours: float, visitor_id: str | None, **fields: Any) -> dict[str, Any]:
        """An order of 10.00."""
        money = {"currency": "RUB", "items_minor": 1000, "discount_minor": 0, "shipping_minor": 0}
        fields = {"order_id": f"o-{next(_numbers)}", **money, **fields}
        return self.event(fields.pop("type", "order"), hours, visitor_id, **fields)

    def message(self, hours: float, visitor_id: str | None, **fields: Any) -> dict[str, Any]:
        """A message was sent."""
        return self.event("message_sent", hours, visitor_id, **({"experiment": self.key} | fields))

    def go_to(self, hours: float) -> None:
        """Let it be so many hours after the start."""
        self.service.clock.at_us = self.began_us + round(hours * HOUR_US)

    def send(self, *events: dict[str, Any]) -> Any:
        """Send events; follow the ledger, as every worker does each second."""
        answer = self.service.call("POST", "/api/v1/events", {"events": list(events)}, "srv").json()
        self.service.services.snapshots.follow()
        return answer

    def page(self, **query: Any) -> Any:
        """One page of due reminders."""
        given = {"experiment": self.key} | query
        text = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
        return self.service.call("GET", f"{PATH}?{text}", kind="srv")

    def due(self, **query: Any) -> list[dict[str, Any]]:
        """All due reminders, page after page."""
        items, cursor = [], None
        while True:
            answer = self.page(cursor=cursor, **query)
            assert answer.status_code == 200, answer.text
            items += answer.json()["items"]
            cursor = answer.json()["next"]
            if cursor is None:
                return items

    def units(self, **query: Any) -> list[str]:
        """Units that are due."""
        return [item["unit_id"] for item in self.due(**query)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with on_each_database(request, tmp_path_factory.mktemp("reminders")) as running:
        yield running


@pytest.fixture
def post(service: InProcess) -> Post:
    return Post(service)
