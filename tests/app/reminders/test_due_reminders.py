"""Whom to message now. Oracle: docs/reminders.md, and a walk over all events that knows no index."""

import random
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from app.identity.resolve import Link, resolve
from tests.app.reminders.conftest import Post, reminder

HOUR = 3600
LATE_HOURS = 24


def test_a_left_basket_is_listed_from_the_delay_on_for_a_day(post: Post) -> None:
    post.open()
    soon, later = post.visitors("v0")[0], post.visitors("v1")[0]
    post.go_to(1)
    post.send(post.exposure(1, soon, "v0"), post.exposure(1, later, "v1"))
    listed = {}
    for hours in (1.99, 2, 24.9, 25, 25.99, 26, 48.9, 49.01):
        post.go_to(hours)
        listed[hours] = post.units()
    assert listed == {
        1.99: [],
        2: [soon],
        24.9: [soon],
        25: [soon, later],
        25.99: [soon, later],
        26: [later],
        48.9: [later],
        49.01: [],
    }


def test_an_item_says_whom_how_and_when_and_shows_public_terms_only(post: Post) -> None:
    terms = reminder(1) | {"budget": {"uses": 10_000}, "max_discount_minor": 500}
    post.open({"kind": "none"}, terms)
    (visitor,) = post.visitors("v1")
    post.go_to(3)
    post.send(
        post.exposure(0.5, visitor, "v1"),
        post.event("identify", 0.6, visitor, customer_id=post.id("anna")),
    )
    (item,) = post.due()
    assert item.pop("event_id").startswith("reminder-")
    assert item == {
        "experiment": post.key,
        "version": 1,
        "variant": "v1",
        "unit_id": visitor,
        "visitor_id": visitor,
        "customer_id": post.id("anna"),
        "channel": "email",
        "exposed_at": post.at(0.5),
        "due_at": post.at(1.5),
        "too_late_at": post.at(25.5),
        "offer": {
            "kind": "reminder",
            "channel": "email",
            "delay_hours": 1.0,
            "occasion": "abandoned_cart",
            "stacking": "exclusive",
            "currency": "RUB",
            "max_discount_minor": 500,
        },
    }


SILENCING: dict[str, tuple[bool, list[dict[str, Any]]]] = {
    "an order since": (True, [{"type": "order", "hours": 2}]),
    "an order before": (False, [{"type": "order", "hours": 0.5}]),
    "an unpaid order": (False, [{"type": "order", "hours": 2, "paid": False}]),
    "an order that was paid later": (
        True,
        [
            {"type": "order", "hours": 2, "order_id": "later", "paid": False},
            {"type": "order_updated", "hours": 3, "order_id": "later"},
        ],
    ),
    "an order of before that is updated since": (
        False,
        [
            {"type": "order", "hours": 0.5, "order_id": "before"},
            {"type": "order_updated", "hours": 3, "order_id": "before"},
        ],
    ),
    "an order since that was cancelled": (
        True,
        [
            {"type": "order", "hours": 2, "order_id": "gone"},
            {"type": "order_cancelled", "hours": 3, "order_id": "gone"},
        ],
    ),
    "a message of another experiment": (False, [{"type": "message_sent", "hours": 2, "experiment": "other"}]),
    "a message of no experiment": (False, [{"type": "message_sent", "hours": 2}]),
    "the message": (True, [{"type": "message_sent", "hours": 2, "experiment": "KEY"}]),
    "the message on another device": (
        True,
        [
            {"type": "identify", "hours": 1.5, "customer_id": "anna"},
            {"type": "message_sent", "hours": 2, "experiment": "KEY", "alone": "anna"},
        ],
    ),
    "an order that names the customer only": (
        True,
        [
            {"type": "identify", "hours": 3, "customer_id": "anna"},
            {"type": "order", "hours": 2, "alone": "anna"},
        ],
    ),
    "unsubscribing before": (True, [{"type": "custom", "hours": 0.2, "name": "unsubscribe"}]),
    "another custom event": (False, [{"type": "custom", "hours": 2, "name": "subscribe"}]),
}


def _silencing(post: Post, visitor: str, **fields: Any) -> dict[str, Any]:
    """An event of the table: ids made this test's own, and the visitor's unless the customer stands alone."""
    kind, hours, alone = fields.pop("type"), fields.pop("hours"), fields.pop("alone", None)
    for name in ("order_id", "customer_id"):
        fields |= {name: post.id(fields[name])} if name in fields else {}
    fields |= {"experiment": post.key} if fields.get("experiment") == "KEY" else {}
    if alone is not None:
        fields["customer_id"] = post.id(alone)
    who = None if alone else visitor
    if kind in {"order", "order_updated"}:
        return post.order(hours, who, type=kind, **fields)
    return post.event(kind, hours, who, **fields)


@pytest.mark.parametrize("name", SILENCING)
def test_what_silences_a_reminder_and_what_does_not(post: Post, name: str) -> None:
    is_silent, given = SILENCING[name]
    post.open(reminder(1), reminder(1))
    (visitor,) = post.visitors("v0")
    post.go_to(5)
    events = [post.exposure(1, visitor, "v0")]
    events += [_silencing(post, visitor, **one) for one in given]
    assert post.send(*events)["rejected"] == []
    assert post.units() == ([] if is_silent else [visitor])


def test_a_unit_is_listed_once_with_its_first_basket_and_its_own_variant(post: Post) -> None:
    post.open(reminder(1), reminder(1))
    first, other = post.visitors("v0")[0], post.visitors("v1")[0]
    post.go_to(6)
    post.send(
        post.exposure(1, first, "v0"),
        post.exposure(2, first, "v0"),
        post.exposure(3, other, "v1"),  # the same person on a second device, before the login
        *(post.event("identify", 4, one, customer_id=post.id("anna")) for one in (first, other)),
    )
    (item,) = post.due()
    assert (item["unit_id"], item["variant"], item["due_at"]) == (first, "v0", post.at(2))
    assert post.due(limit=1) == [item]


def test_where_customers_are_randomised_the_unit_is_the_customer(post: Post) -> None:
    post.open(reminder(1), reminder(1), unit="customer")
    anna, phone = post.id("anna"), post.id("phone")
    answer = post.service.assign(customer_id=anna, visitor_id=phone, experiments=[post.key]).json()
    variant = answer["assignments"][0]["variant"]
    post.go_to(3)
    post.send(
        post.exposure(1, None, variant, customer_id=anna),
        post.exposure(1, post.id("stranger"), variant),  # nobody knows whose visitor that is
    )
    (item,) = post.due()
    assert (item["unit_id"], item["customer_id"], item["visitor_id"]) == (anna, anna, None)


def test_a_crawler_and_a_person_who_was_erased_are_not_listed(post: Post) -> None:
    post.open(reminder(1), reminder(1))
    robot, gone, here = post.visitors("v0", 3)
    post.go_to(3)
    post.send(
        post.exposure(1, robot, "v0", attributes={"bot": True}),
        post.exposure(1, gone, "v0"),
        post.exposure(1, here, "v0"),
    )
    assert post.service.call("DELETE", f"/api/v1/visitors/{gone}", kind="adm").status_code == 200
    assert post.units() == [here]


class Happened(NamedTuple):
    """One event of the walk: hours since the start, type, ids, and what matters of the rest."""

    hours: float
    kind: str
    visitor: str | None
    customer: str | None
    detail: Any
    seq: int


KINDS = ["exposure"] * 14 + ["order"] * 5 + ["identify"] * 3 + ["message_sent", "unsubscribe"]


def _happenings(post: Post, rng: random.Random) -> list[Happened]:
    visitors = [post.id(f"w{place}") for place in range(90)]
    customers = [post.id(f"c{place}") for place in range(30)]
    found = []
    for seq in range(320):
        kind, place = rng.choice(KINDS), rng.randrange(len(visitors))
        visitor: str | None = visitors[place]
        customer = customers[place // 3 if rng.random() < 0.9 else rng.randrange(30)]
        if kind != "identify" and rng.random() < 0.7:
            customer = ""
        elif kind in {"order", "message_sent", "unsubscribe"} and rng.random() < 0.5:
            visitor = None  # named by the customer alone
        detail: Any = None
        if kind == "exposure":
            detail = f"v{(place + (rng.random() < 0.1)) % 2}"
        elif kind == "order":
            detail = rng.random() < 0.7  # paid
        found.append(Happened(rng.randrange(60 * 60) / 60, kind, visitor, customer or None, detail, seq))
    return found


def _sent(post: Post, one: Happened) -> dict[str, Any]:
    named = {"customer_id": one.customer}
    if one.kind == "exposure":
        return post.exposure(one.hours, one.visitor, one.detail, **named)
    if one.kind == "order":
        return post.order(one.hours, one.visitor, paid=one.detail, **named)
    if one.kind == "unsubscribe":
        return post.event("custom", one.hours, one.visitor, name="unsubscribe", **named)
    if one.kind == "message_sent":
        return post.message(one.hours, one.visitor, **named)
    return post.event("identify", one.hours, one.visitor, **named)


class Walk:
    """The oracle: everything is compared with everything."""

    def __init__(self, post: Post, happened: list[Happened], delays: dict[str, float]) -> None:
        self.post, self.happened, self.delays = post, happened, delays
        texts = sorted({name for one in happened for name in (one.visitor, one.customer) if name})
        keys = {name: place for place, name in enumerate(texts, 1)}
        links = [
            Link(keys[one.visitor], keys[one.customer], round(one.hours * HOUR), f"{one.seq:05}")
            for one in happened
            if one.visitor and one.customer
        ]
        names = {place: name for name, place in keys.items()}
        self.owner = {names[a]: names[b] for a, b in resolve(links, "customer").unit_of.items()}
        self.canonical = {names[a]: names[b] for a, b in resolve(links, "visitor").unit_of.items()}

    def group(self, one: Happened) -> set[str]:
        customer = one.customer or self.owner.get(str(one.visitor))
        if customer is None:
            return {str(one.visitor)}
        return {customer} | {visitor for visitor, owner in self.owner.items() if owner == customer}

    def unit(self, one: Happened) -> str:
        customer = one.customer or self.owner.get(str(one.visitor))
        return self.canonical.get(customer, str(one.visitor)) if customer else str(one.visitor)

    def due(self, now: float) -> list[tuple[str, str]]:
        found: dict[str, tuple[float, int]] = {}
        for one in self.happened:
            if one.kind != "exposure" or not self.is_due(one, now):
                continue
            place = (one.hours + self.delays[one.detail], one.seq)
            found[self.unit(one)] = min(found.get(self.unit(one), place), place)
        ordered = sorted(found.items(), key=lambda pair: pair[1])
        return [(unit, self.post.at(place[0])) for unit, place in ordered]

    def is_due(self, one: Happened, now: float) -> bool:
        due = one.hours + self.delays[one.detail]
        if not due <= now < due + LATE_HOURS:
            return False
        group = self.group(one)
        theirs = [other for other in self.happened if {other.visitor, other.customer} & group]
        if any(other.kind in {"message_sent", "unsubscribe"} for other in theirs):
            return False
        if any(other.kind == "order" and other.detail and other.hours >= one.hours for other in theirs):
            return False
        return not any(
            other.kind == "exposure"
            and other.detail != one.detail
            and (one.hours - LATE_HOURS, 0) <= (other.hours, other.seq) < (one.hours, one.seq)
            for other in theirs
        )


@pytest.mark.parametrize("seed", range(2))
def test_what_is_due_is_what_a_walk_over_all_events_finds_on_pages_of_any_size(post: Post, seed: int) -> None:
    post.open(reminder(1), reminder(6.5))
    happened = _happenings(post, random.Random(seed))
    post.go_to(70)
    answer = post.send(*(_sent(post, one) for one in happened))
    assert answer["rejected"] == []
    walk = Walk(post, happened, {"v0": 1, "v1": 6.5})
    hours = (12, 30, 50, 61)
    expected = {now: walk.due(now) for now in hours}
    assert sum(map(len, expected.values())) > 10
    for limit in (1000, 3):
        found = {
            now: [(item["unit_id"], item["due_at"]) for item in post.due(at=post.at(now), limit=limit)]
            for now in hours
        }
        assert found == expected, limit


def test_moments_are_ordered_whatever_the_variant(post: Post) -> None:
    post.open(reminder(1), reminder(6.5))
    slow, fast = post.visitors("v1", 3), post.visitors("v0", 3)
    post.go_to(12)
    post.send(
        *(post.exposure(place, one, "v1") for place, one in enumerate(slow)),
        *(post.exposure(place + 6, one, "v0") for place, one in enumerate(fast)),
    )
    moments = [datetime.fromisoformat(item["due_at"]) for item in post.due(limit=2)]
    assert len(moments) == 6
    assert moments == sorted(moments)
