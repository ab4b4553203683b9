"""Experiments whose variants give codes, and a shop's server that claims and uses them."""

import copy
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.inprocess import InProcess, definition

PUBLIC_MESSAGE = "This code cannot be applied to this order."


def offer(**fields: Any) -> dict[str, Any]:
    """5.00 off from 10.00 on; single-use codes per visitor; fields replace its terms."""
    plain = {
        "kind": "amount_off",
        "amount_minor": 500,
        "currency": "RUB",
        "min_order_minor": 1000,
        "code": {"issue": "per_visitor", "uses_per_customer": 1},
    }
    return plain | fields


def code(**fields: Any) -> dict[str, Any]:
    """A code policy: per visitor, single use."""
    return {"issue": "per_visitor", "uses_per_customer": 1} | fields


def both(terms: dict[str, Any]) -> list[dict[str, Any]]:
    """Two variants with the same offer."""
    return [
        {"key": "control", "weight": 0.5, "control": True, "offer": copy.deepcopy(terms)},
        {"key": "treatment", "weight": 0.5, "offer": copy.deepcopy(terms)},
    ]


def with_codes(key: str = "codes", terms: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A definition in which everybody gets a code."""
    return definition(key=key, variants=both(terms or offer()), **fields)


@dataclass
class Shop:
    """The shop's server; the experiment runs."""

    service: InProcess
    key: str = "codes"

    def post(self, door: str, **body: Any) -> httpx.Response:
        """One call of a code door; None takes a field away."""
        sent = {name: value for name, value in body.items() if value is not None}
        return self.service.call("POST", f"/api/v1/codes/{door}", sent, "srv")

    def claim(self, visitor_id: str = "v-1", **fields: Any) -> str:
        """The code of a visitor; it must be given."""
        answer = self.post("claim", experiment=self.key, visitor_id=visitor_id, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["code"])

    def redeem(
        self, typed: str, order_id: str = "o-1", visitor_id: str | None = "v-1", **fields: Any
    ) -> httpx.Response:
        """One redemption of 5.00."""
        body = {"discount_minor": 500} | fields
        return self.post("redeem", code=typed, order_id=order_id, visitor_id=visitor_id, **body)

    def send(self, *events: dict[str, Any]) -> None:
        """Events of the shop; all must be accepted."""
        answer = self.service.call("POST", "/api/v1/events", {"events": list(events)}, "srv")
        assert answer.json()["accepted"] == len(events), answer.text

    def status(self) -> str:
        """State of the experiment."""
        return str(self.service.call("GET", f"/api/v1/experiments/{self.key}").json()["status"])

    def ledger(self, kind: str) -> list[tuple[Any, ...]]:
        """Ledger rows of a type: variant, order, discount, rest, visitor, customer."""
        connection = self.service.services.database.raw_connection()
        columns = "variant, order_id, discount_minor, rest, visitor, customer"
        statement = f"SELECT {columns} FROM events WHERE type = '{kind}' ORDER BY seq"  # noqa: S608 - a test's own word
        try:
            rows = connection.execute(statement).fetchall()
        finally:
            connection.close()
        return [tuple(row) for row in rows]


def open_shop(service: InProcess, terms: dict[str, Any] | None = None, **fields: Any) -> Shop:
    """A shop whose experiment runs."""
    made = with_codes(terms=terms, **fields)
    service.running(**made)
    return Shop(service, made["key"])


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, which must carry the public message."""
    body = answer.json()
    assert body["public_message"] == PUBLIC_MESSAGE, body
    return answer.status_code, str(body["code"])
