"""One invented shopper: when it comes, what it buys and gives back, as the events a shop would send."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import numpy as np

from app.practice.habits import GRAMS, Habit, Shelf, basket, wait_days
from app.practice.trials import Trial

MESSAGE_MINOR: Final = 150  # what one letter costs the shop


@dataclass(frozen=True, slots=True)
class Order:
    """An order about to be paid.

    Attributes:
        order_id: of the order.
        at: when it is placed.
        pieces: of coffee; `price_minor` of one.
        code: a code that is typed in, or None.
        code_variant: whose code it is.
        before: the shopper's earlier order and days since, or None.
    """

    order_id: str
    at: datetime
    pieces: int
    price_minor: int
    code: str | None = None
    before: tuple[int, float] | None = None

    @property
    def items_minor(self) -> int:
        """Before discounts."""
        return self.pieces * self.price_minor

    def cart(self, shelf: Shelf) -> dict[str, Any]:
        """As a quote wants it."""
        line = {"sku": "coffee", "quantity": self.pieces, "price_minor": self.price_minor}
        lines = [{**line, "pack_size": GRAMS}]
        return {"currency": "RUB", "lines": lines, "shipping_minor": shelf.shipping_minor}


@dataclass(frozen=True, slots=True)
class Paid:
    """What the till took off.

    Attributes:
        discount_minor: off the items.
        shipping_discount_minor: off the delivery.
        gift_cost_minor: of gifts on top.
        code: the code that was used, or None.
        offered: whether an offer of the test applied.
    """

    discount_minor: int = 0
    shipping_discount_minor: int = 0
    gift_cost_minor: int = 0
    code: str | None = None
    offered: bool = False


class Till(Protocol):
    """Asks the service what an order costs, and uses its code."""

    def pay(self, shopper: "Shopper", order: Order) -> Paid:
        """Quote the order and redeem its code."""
        ...


@dataclass
class Shopper:
    """One invented shopper of a trial.

    Attributes:
        trial: the test.
        key: of its experiment; what it asks with.
        number: of the shopper, from 0; they come in this order.
        start: first moment of the test.
        seed: of the run.
        variant: what the service gave, once asked.
        code: the code the service gave, or None.
        found: somebody else's code, or None.
        guest: what its id has more than the shoppers of the test: friends have one.
        invited: whether somebody in the test invited it.
    """

    trial: Trial
    key: str
    number: int
    start: datetime
    seed: int
    variant: str | None = None
    code: str | None = None
    found: str | None = None
    guest: str = ""
    invited: bool = False
    rng: np.random.Generator = field(init=False)
    seen_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        name = int.from_bytes(self.trial.name.encode(), "big")
        self.rng = np.random.default_rng([self.seed, name, self.number])
        day = self.number * self.trial.entry_days // self.trial.units
        self.seen_at = self.start + timedelta(days=day, seconds=int(self.rng.integers(9 * 3600, 21 * 3600)))

    @property
    def customer_id(self) -> str:
        """Shoppers are logged in: an experiment on visitors never meets them."""
        return f"{self.key}{self.guest}-{self.number:05d}"

    @property
    def habit(self) -> Habit:
        """Of its arm."""
        return self.trial.habits[str(self.variant)]

    def request(self, **more: Any) -> dict[str, Any]:
        """Who asks, for assignments, claims and quotes."""
        audience = {"invented": self.key if self.invited or not self.guest else None}
        return {"customer_id": self.customer_id, "attributes": {**audience, "invited": self.invited, **more}}

    def story(self, till: Till) -> list[dict[str, Any]]:
        """Everything it does until the test is read, as events in the order in which they happen."""
        until = self.start + timedelta(days=max(self.trial.total_days, self.trial.entry_days))
        told = [event for event in self._story(till, until) if event["occurred_at"] < until.isoformat()]
        return sorted(told, key=lambda event: str(event["occurred_at"]))

    def _story(self, till: Till, until: datetime) -> Iterator[dict[str, Any]]:
        shown = {"experiment": self.key, "variant": self.variant}
        yield self.event("exposure", "exposure", self.seen_at) | shown
        if self.rng.random() >= self.habit.buys:
            return
        first = self.order(1, self._first_at())
        yield from self.bought(first, till, until)
        if self.rng.random() < self.habit.again:
            days = wait_days(self.habit, self.rng)
            at, code = first.at + timedelta(days=days), self._next_code(days)
            yield from self.bought(self.order(2, at, code, (first.items_minor, days)), till, until)
        if self.code is not None and self.rng.random() < self.habit.lends:
            friend = self._friend("-friend")
            friend.code = self.code
            yield from friend.bought(friend.order(1, first.at + timedelta(hours=12)), till, until)
        if self.rng.random() < self.habit.invites:
            yield from self._invites(till, first.at + timedelta(days=1 + 4 * self.rng.random()), until)

    def _first_at(self) -> datetime:
        """Just before the exposure where an order is the decision point, else within three days of it.

        Where baskets are left, those who buy without a letter do so within the hour.
        """
        if self.trial.after_order:
            return self.seen_at - timedelta(seconds=30)
        longest = 45 if self.trial.messages else 4000
        return self.seen_at + timedelta(minutes=float(self.rng.exponential(600)) % longest)

    def _friend(self, guest: str) -> "Shopper":
        """Somebody of the shopper's habits who does not come to the test by itself."""
        friend = Shopper(self.trial, self.key, self.number, self.start, self.seed, self.variant, guest=guest)
        friend.rng = np.random.default_rng([self.seed, len(guest), self.number])
        return friend

    def _invites(self, till: Till, at: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """A friend is invited and buys; then the shopper gets what the terms promise for the first friend."""
        friend = self._friend("-invited")
        friend.invited = True
        sides = {
            "referrer": {"customer_id": self.customer_id},
            "invited": {"customer_id": friend.customer_id},
        }
        told = self.event("invites", "referral", at - timedelta(hours=2)) | sides
        del told["customer_id"]
        yield told
        yield from friend.bought(friend.order(1, at), till, until)
        reward = int((self.trial.offers[str(self.variant)] or {})["referrer_minor"])
        given = {"points": reward // 100, "value_minor": reward}
        yield self.event("reward", "points_earned", at + timedelta(hours=1)) | given

    def answer(self, event_id: str, due_at: datetime, till: Till) -> list[dict[str, Any]]:
        """The message as the shop sends it, and what the shopper does about it.

        Args:
            event_id: of the message, as the service names it.
            due_at: when it is sent.
            till: where the shopper pays.
        """
        until = self.start + timedelta(days=self.trial.total_days)
        sent = self.event(event_id, "message_sent", due_at) | {
            "experiment": self.key,
            "cost_minor": MESSAGE_MINOR,
        }
        told = [sent | {"event_id": event_id}]
        if self.rng.random() < self.habit.returns:
            at = due_at + timedelta(minutes=5 + float(self.rng.exponential(120)) % 1440)
            told += self.bought(self.order(1, at), till, until)
        if self.rng.random() < self.habit.leaves:
            told.append(
                self.event("leaves", "custom", due_at + timedelta(minutes=9)) | {"name": "unsubscribe"}
            )
        return [event for event in told if event["occurred_at"] < until.isoformat()]

    def _next_code(self, days: float) -> str | None:
        """The code typed in again within its week, or one that somebody passed on."""
        if self.rng.random() < self.habit.passes and self.found is not None:
            return self.found
        policy = (self.trial.offers[str(self.variant)] or {}).get("code") or {}
        lives = policy.get("uses_per_customer", 1) is None and days < float(policy.get("valid_days") or 0)
        return self.code if lives else None

    def order(
        self, number: int, at: datetime, code: str | None = None, before: tuple[int, float] | None = None
    ) -> Order:
        """The shopper's n-th order; the first is paid with its own code."""
        pieces, price_minor = basket(self.habit, self.trial.shelf, self.rng)
        typed = self.code if number == 1 else code
        return Order(f"{self.customer_id}-{number}", at, pieces, price_minor, typed, before)

    def bought(self, order: Order, till: Till, until: datetime) -> Iterator[dict[str, Any]]:
        """The order and what becomes of it; after the end of the test nothing happens any more."""
        if order.at >= until:
            return
        shelf = self.trial.shelf
        paid = Paid() if order.at < self.seen_at else till.pay(self, order)
        yield self.event(f"{order.order_id}-order", "order", order.at) | self._money(order, paid)
        fate, days = self.rng.random(), 0.2 + 3.5 * self.rng.random()
        if fate < shelf.cancelled:
            at = order.at + timedelta(hours=2)
            yield self.event(f"{order.order_id}-cancelled", "order_cancelled", at) | {
                "order_id": order.order_id
            }
        elif fate < shelf.cancelled + shelf.refunded:
            refund = {"refund_id": f"{order.order_id}-refund", "order_id": order.order_id}
            amount = {"amount_minor": order.items_minor - paid.discount_minor}
            at = order.at + timedelta(days=days)
            yield self.event(f"{order.order_id}-refund", "refund", at) | refund | amount

    def _money(self, order: Order, paid: Paid) -> dict[str, Any]:
        shelf = self.trial.shelf
        line = {"sku": "coffee", "quantity": order.pieces, "price_minor": order.price_minor}
        money: dict[str, Any] = {
            "order_id": order.order_id,
            "currency": "RUB",
            "items_minor": order.items_minor,
            "discount_minor": paid.discount_minor,
            "shipping_minor": shelf.shipping_minor - paid.shipping_discount_minor,
            "shipping_cost_minor": shelf.shipping_cost_minor,
            "gift_cost_minor": paid.gift_cost_minor,
            "lines": [line],
        }
        if paid.code is not None:
            source: dict[str, Any] = {"code": paid.code}
            money["codes"] = [paid.code]
        else:
            source = {"offer": f"{self.key}:{self.variant}"}
        if paid.offered:
            money["discounts"] = [source | {"amount_minor": paid.discount_minor}]
        return money

    def event(self, suffix: str, kind: str, at: datetime) -> dict[str, Any]:
        """What every event carries; sending it again is harmless."""
        return {
            "event_id": suffix if suffix.startswith(self.customer_id) else f"{self.customer_id}-{suffix}",
            "type": kind,
            "occurred_at": at.isoformat(),
            "customer_id": self.customer_id,
        }
