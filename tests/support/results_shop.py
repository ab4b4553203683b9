"""A small shop with one experiment in a real database: deterministic shoppers, real rows, real doors."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from app.bootstrap import Services
from app.clock import FixedClock, to_us
from app.database import Database
from app.experiments.schemas import Definition
from app.experiments.service import act, create, normalised, start
from app.ledger.batch import record
from app.ledger.exposures import split_variant
from app.ledger.stores import open_store
from app.settings import Settings
from assignment.decision import Experiment
from tests.support.ledger import Known, parsed, sender, statuses

KEY = "threshold"
START = datetime(2026, 1, 5, tzinfo=UTC)
CONTROL, TREATMENT = "from-3000", "from-1000"
RULES = Experiment(KEY, 1, "visitor", "0123456789abcdef", (CONTROL, TREATMENT), ((0.0, 0.5), (0.5, 1.0)))
CLOSED = "2026-02-15"


def definition(**changes: Any) -> dict[str, Any]:
    """Threshold against threshold, seven days, the primary is conversion."""
    offer = {"kind": "amount_off", "amount_minor": 40_000, "currency": "RUB"}
    plan = {
        "primary": "conversion_rate",
        "secondary": ["revenue_per_unit", "average_order_value", {"key": "repeat_purchase_rate", "days": 7}],
        "guardrails": [{"metric": "orders_per_unit", "non_inferiority_margin": 0.2}],
        "window_days": 7,
        "settle_days": 2,
        "alpha": 0.05,
        "power": 0.8,
        "mde": 0.1,
        "planned_units": 300,
        "min_days": 7,
    }
    document = {
        "key": KEY,
        "name": "1000 or 3000",
        "unit": "visitor",
        "seed": RULES.seed,
        "variants": [
            {"key": CONTROL, "weight": 0.5, "control": True, "offer": offer | {"min_order_minor": 300_000}},
            {"key": TREATMENT, "weight": 0.5, "offer": offer | {"min_order_minor": 100_000}},
        ],
        "economics": {"currency": "RUB", "margin_share": 0.35, "rates": {"USD": 90.5}},
        "plan": plan | changes.pop("plan", {}),
        "starts_at": START.isoformat(),
        "timezone": "Europe/Moscow",
    }
    return document | changes


def variant_of(visitor: str) -> str:
    """The variant the hash gives."""
    found = split_variant(RULES, visitor)
    assert found is not None
    return found


def exposure(visitor: str, at: datetime, **more: Any) -> dict[str, Any]:
    """An exposure to the variant of the hash."""
    event = {"event_id": f"x-{visitor}-{at.timestamp():.0f}", "type": "exposure", "experiment": KEY}
    shown = {"visitor_id": visitor, "variant": variant_of(visitor), "occurred_at": at.isoformat()}
    return event | shown | more


def order(order_id: str, at: datetime, visitor: str | None, **more: Any) -> dict[str, Any]:
    """A paid order of 1500.00 RUB."""
    event: dict[str, Any] = {"event_id": f"e-{order_id}", "type": "order", "order_id": order_id}
    money = {"currency": "RUB", "items_minor": 150_000, "discount_minor": 0, "shipping_minor": 0}
    who = {} if visitor is None else {"visitor_id": visitor}
    return event | {"occurred_at": at.isoformat()} | money | who | more


def refund(order_id: str, at: datetime, amount_minor: int) -> dict[str, Any]:
    """Money that went back."""
    event = {"event_id": f"r-{order_id}", "type": "refund", "refund_id": f"r-{order_id}"}
    return event | {"order_id": order_id, "amount_minor": amount_minor, "occurred_at": at.isoformat()}


def shopper(number: int) -> list[dict[str, Any]]:
    """Every third buys under control, every second under treatment; some come back, cancel or send back."""
    visitor = f"v-{number}"
    seen = START + timedelta(days=number % 14, hours=9, minutes=number % 60)
    events = [exposure(visitor, seen)]
    if number % 4 == 0:
        events.append(order(f"o-{number}-before", seen - timedelta(days=1), visitor))
    buys = number % (3 if variant_of(visitor) == CONTROL else 2) == 0
    for nth in range(1 + (number % 5 == 0) if buys else 0):
        at = seen + timedelta(days=2 * nth, minutes=5)
        name = f"o-{number}-{nth}"
        discount = 0 if variant_of(visitor) == CONTROL else 40_000
        events.append(order(name, at, visitor, items_minor=150_000 + 997 * number, discount_minor=discount))
        if number % 20 == 0:
            events.append(refund(name, at + timedelta(days=1), 50_000))
        if number % 22 == 0:
            cancelled = {"event_id": f"c-{name}", "type": "order_cancelled", "order_id": name}
            events.append(cancelled | {"occurred_at": (at + timedelta(days=1)).isoformat()})
    return events


def shoppers(count: int) -> list[dict[str, Any]]:
    """The events of that many shoppers."""
    return [event for number in range(count) for event in shopper(number)]


@dataclass
class Shop:
    """A database with the experiment in it, and a clock that stands."""

    services: Services

    @property
    def clock(self) -> FixedClock:
        return cast("FixedClock", self.services.clock)

    @property
    def database(self) -> Database:
        return self.services.database

    def set_time(self, moment: datetime) -> None:
        self.clock.at_us = to_us(moment)

    def define(self, document: dict[str, Any] | None = None) -> None:
        body = Definition.model_validate(document or definition())
        create(self.database, normalised(body, "UTC"), "test", self.clock.now_us())
        start(self.database, KEY, None, "test", self.clock.now_us())

    def act(self, action: str) -> None:
        act(self.database, KEY, action, "test", self.clock.now_us())

    def send(self, events: Iterable[dict[str, Any]], *, state: str = "running") -> list[str]:
        """Through the real intake and the real store, in one transaction per call."""
        known = {KEY: Known(RULES, state, "visitor", frozenset({CONTROL, TREATMENT}))}
        found = parsed(*events, by=sender(now_us=self.clock.now_us(), experiments=known))
        assert not found.rejected, found.rejected
        store = open_store(self.database)
        store.begin()
        done = record(store, found.items, {}, self.clock.now_us())
        store.commit()
        store.close()
        return statuses(done.outcomes)


def open_shop(database: Database, data_dir: Path, now: datetime = START + timedelta(days=90)) -> Shop:
    """A shop that reads and writes this database."""
    settings = Settings(secret="s" * 32, data_dir=data_dir, database_url=database.url)
    services = SimpleNamespace(settings=settings, database=database, clock=FixedClock(to_us(now)))
    return Shop(cast("Services", services))
