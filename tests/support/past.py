"""A shop with offers that ask for earlier orders, in a service of this process, and what happened in it."""

import itertools
from typing import Any

from app.clock import isoformat
from tests.support.codes import both
from tests.support.inprocess import InProcess

DAY = 86_400
DAY_US = DAY * 1_000_000
CART = {
    "currency": "RUB",
    "lines": [
        {"sku": "tea", "quantity": 3, "price_minor": 500},
        {"sku": "jam", "quantity": 1, "price_minor": 700},
    ],
    "shipping_minor": 200,
}
OFFERS: dict[str, dict[str, Any]] = {
    "stamps": {"kind": "stamp_card", "every": 3},
    "pieces": {"kind": "stamp_card", "every": 4, "counts": "pieces", "products": ["tea"]},
    "tiers": {
        "kind": "cumulative_discount",
        "tiers": [{"from_minor": 500 * step, "percent": step} for step in range(1, 21)],
    },
    "next": {"kind": "next_order_discount", "percent": 15, "valid_days": 7},
    "spend": {"kind": "spend_reward", "spend_minor": 1200, "reward_minor": 300},
    "after": {
        "kind": "amount_off",
        "amount_minor": 400,
        "validity": {"days": 5, "days_after": "order"},
    },
    "friend": {"kind": "referral", "referrer_minor": 100, "invited_minor": 250},
    "plain": {"kind": "percent_off", "percent": 1},
}
_numbers = itertools.count(1)


class Past:
    """A shop with some of the offers, in experiments of its own audience, and what happened in it."""

    def __init__(self, service: InProcess, *names: str, **changes: Any) -> None:
        self.service, self.number = service, next(_numbers)
        self.me = f"me-{self.number}"
        service.clock.advance(DAY)
        self.keys = {}
        for name in names:
            terms = OFFERS[name] | changes
            fields = {
                "variants": both(terms),
                "audience": {"shop": self.number, "only": {"$in": [None, name]}},
            }
            self.keys[name] = service.running(key=f"{name}-{self.number}", **fields)
        self.began_us = service.clock.at_us

    def people(self) -> tuple[list[str], list[str]]:
        """Visitors and customers of its own."""
        return [f"v{n}-{self.number}" for n in range(7)], [f"c{n}-{self.number}" for n in range(4)]

    def refund(self, days: float, order_id: str, amount_minor: int) -> dict[str, Any]:
        """Money that goes back."""
        named = {"order_id": f"{order_id}-{self.number}", "refund_id": f"r-{next(_numbers)}"}
        return self.event("refund", days, amount_minor=amount_minor, **named)

    def event(self, kind: str, days: float, **fields: Any) -> dict[str, Any]:
        """An event so many days after the start."""
        when = isoformat(self.began_us + round(days * DAY_US))
        return {"event_id": f"h-{next(_numbers):07}", "type": kind, "occurred_at": when, **fields}

    def order(self, days: float, order_id: str, items_minor: int = 1000, **fields: Any) -> dict[str, Any]:
        """A paid order."""
        money = {"currency": "RUB", "items_minor": items_minor, "discount_minor": 0, "shipping_minor": 0}
        kind = fields.pop("type", "order")
        return self.event(kind, days, order_id=f"{order_id}-{self.number}", **(money | fields))

    def send(self, *events: dict[str, Any]) -> None:
        """Send events, and follow the ledger as every worker does each second."""
        answer = self.service.call("POST", "/api/v1/events", {"events": list(events)}, "srv").json()
        assert answer["rejected"] == []
        self.service.services.snapshots.follow()

    def go_to(self, days: float) -> None:
        """Let it be so many days after the start."""
        self.service.clock.at_us = self.began_us + round(days * DAY_US)

    def quote(self, visitor_id: str | None = "", customer_id: str | None = None, **fields: Any) -> Any:
        """One quote; for the shop's one visitor unless another one is named."""
        visitor_id = self.me if visitor_id == "" else visitor_id
        attributes = {"shop": self.number} | fields.pop("attributes", {})
        ids = {"visitor_id": visitor_id, "customer_id": customer_id}
        body = {"cart": CART, "attributes": attributes, **ids, **fields}
        answer = self.service.call("POST", "/api/v1/quote", body, "srv")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def applied(self, name: str, **fields: Any) -> int | str:
        """The discount of an offer, or why there is none."""
        found = self.quote(**fields)
        for one in (*found["applied"], *found["blocked"]):
            if one["experiment"] == self.keys[name]:
                reason = one.get("reason")
                return str(reason) if reason else int(one["discount_minor"])
        raise AssertionError(found)

    def post(self, door: str, **body: Any) -> Any:
        """One call of a code door."""
        return self.service.call("POST", f"/api/v1/codes/{door}", body, "srv")
