"""Fifty running experiments with audiences, and people of every kind who ask about them."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

EXPERIMENTS = 50
AUDIENCES: tuple[dict[str, Any], ...] = (
    {"country": "RU"},
    {"country": {"$in": ["RU", "KZ", "AM"]}, "orders_count": {"$gte": 1}},
    {"$or": [{"device": "phone"}, {"orders_count": {"$gt": 5}}]},
    {"app_version": {"$vgte": "2.10.0"}},
    {"tags": {"$elemMatch": {"$eq": "loyal"}}},
    {"$not": {"country": "KZ"}, "last_order_days": {"$lte": 90}},
    {"email": {"$regex": "@example\\.(org|com)$"}},
    {"basket_minor": {"$gte": 100_000, "$lt": 5_000_000}},
    {"language": {"$nin": ["he", "hy"]}},
    {},
)


def definition(number: int) -> dict[str, Any]:
    """The body that creates one of them."""
    offer = {"kind": "percent_off", "percent": 5 + number % 20, "min_order_minor": 100_000, "currency": "RUB"}
    return {
        "key": f"experiment-{number:02d}",
        "name": f"Experiment {number}",
        "unit": "visitor",
        "coverage": (0.5, 0.9, 1.0)[number % 3],
        "seed": f"{(number + 1) * 0x9E3779B97F4A7C15 % 2**64:016x}",
        "local_evaluation": True,
        "audience": AUDIENCES[number % len(AUDIENCES)],
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


def open_shop(http: httpx.Client) -> dict[str, str]:
    """Create and start all experiments; returns a key of each kind that shops use."""
    for number in range(EXPERIMENTS):
        body = definition(number)
        _told(http.post("/api/v1/experiments", json=body))
        _told(http.post(f"/api/v1/experiments/{body['key']}/start", json={"override_conflicts": "a bench"}))
    made = {}
    for kind in ("pub", "srv"):
        answer = http.post("/api/v1/keys", json={"kind": kind, "name": f"bench {kind}", "expires_at": None})
        made[kind] = str(_told(answer)["key"])
    return made


def _told(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise SystemExit(f"{answer.url} answered {answer.status_code}: {answer.text}")
    found: dict[str, Any] = answer.json()
    return found


@dataclass(frozen=True, slots=True)
class Person:
    """One visitor and what the shop says about them."""

    visitor_id: str
    attributes: Mapping[str, Any]

    def assignments(self) -> bytes:
        """Body of `POST /api/v1/assignments`."""
        return json.dumps({"visitor_id": self.visitor_id, "attributes": self.attributes}).encode()

    def ofrep(self) -> bytes:
        """Body of OFREP's bulk evaluation."""
        return json.dumps({"context": {"targetingKey": self.visitor_id, **self.attributes}}).encode()

    def unleash(self) -> bytes:
        """Body of Unleash's `POST /api/frontend`: properties are texts there."""
        properties = {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in self.attributes.items()
        }
        context = {"userId": self.visitor_id, "sessionId": self.visitor_id, "properties": properties}
        return json.dumps({"context": context}).encode()


def people(count: int, seed: int = 11) -> Iterator[Person]:
    """So many different people."""
    random = Random(seed)
    for number in range(count):
        yield Person(
            str(uuid.UUID(int=random.getrandbits(128), version=4)),
            {
                "country": random.choice(["RU", "RU", "KZ", "AM", "BY", "IL"]),
                "language": random.choice(["ru", "ru", "kk", "hy", "he"]),
                "device": random.choice(["phone", "desktop", "tablet"]),
                "orders_count": random.randrange(12),
                "last_order_days": random.randrange(400),
                "basket_minor": random.randrange(10_000, 9_000_000),
                "app_version": f"{random.randrange(1, 4)}.{random.randrange(14)}.{random.randrange(6)}",
                "tags": random.sample(["loyal", "new", "gift", "vip", "returns"], random.randrange(4)),
                "email": f"person-{number}@example.{random.choice(['org', 'com', 'net'])}",
                "city": random.choice(["Москва", "Казань", "Алматы", "Haifa"]),
            },
        )
