"""Earlier orders in quotes. Oracle: a walk over all events, and the pure `quote`."""

import itertools
import random
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import event as listening

from app.edge import past_orders
from app.edge.past_orders import PastOrders
from app.identity.resolve import Link, resolve
from app.ledger.histories import Purchase
from app.offers.carts import Cart, History
from app.offers.quoting import quote
from tests.support.inprocess import InProcess, closed, in_process, on_each_database
from tests.support.past import CART, OFFERS, Past

COMPARED = [name for name in OFFERS if name not in {"friend", "plain"}]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with on_each_database(request, tmp_path_factory.mktemp("history")) as running:
        yield running


def _happened(shop: Past, rng: random.Random) -> list[dict[str, Any]]:
    """Orders, what became of them, and who turned out to be whom, in no order."""
    visitors, customers = (
        [f"v{n}-{shop.number}" for n in range(12)],
        [f"c{n}-{shop.number}" for n in range(5)],
    )
    events = []
    for place in range(40):
        visitor, customer = rng.choice([None, *visitors]), rng.choice([None, None, *customers])
        who = {"visitor_id": visitor or (None if customer else visitors[0]), "customer_id": customer}
        who = {name: value for name, value in who.items() if value}
        days = rng.randrange(-3 * 24, 26 * 24) / 24
        for update in range(rng.choice([1, 1, 1, 2, 3])):
            discount = rng.choice([0, 0, 200])
            parts = [{"amount_minor": 50, "other": True}, {"amount_minor": 150, "offer": "x"}]
            events.append(
                shop.order(
                    days + update * rng.choice([-1, 0, 1]),
                    f"o{place}",
                    rng.randrange(300, 3000),
                    type="order_updated" if update else "order",
                    currency=rng.choice(["RUB"] * 6 + ["EUR"]),
                    paid=rng.random() < 0.8,
                    discount_minor=discount,
                    lines=[
                        {"sku": rng.choice(["tea", "jam"]), "quantity": rng.randrange(1, 4), "price_minor": 1}
                    ],
                    **({"discounts": parts} if discount and rng.random() < 0.5 else {}),
                    **who,
                )
            )
        if rng.random() < 0.15:
            events.append(shop.event("order_cancelled", days + 1, order_id=f"o{place}-{shop.number}"))
        for part in range(rng.choice([0, 0, 0, 1, 2])):
            refund = {"refund_id": f"r{place}-{part}-{shop.number}", "amount_minor": rng.randrange(1, 1500)}
            events.append(shop.event("refund", days + 2, order_id=f"o{place}-{shop.number}", **refund))
    for visitor in visitors:
        if rng.random() < 0.6:
            linked = {"visitor_id": visitor, "customer_id": rng.choice(customers)}
            events.append(shop.event("identify", rng.randrange(0, 20), **linked))
    rng.shuffle(events)
    return events


class Walk:
    """The oracle: a person's orders by comparing everything with everything."""

    def __init__(self, events: list[dict[str, Any]], now_us: int) -> None:
        self.events, self.now_us = events, now_us
        links = [
            (one["visitor_id"], one["customer_id"], one["occurred_at"], one["event_id"])
            for one in events
            if one.get("visitor_id") and one.get("customer_id")
        ]
        names = {name: place for place, name in enumerate({n for link in links for n in link[:2]}, 1)}
        texts = {place: name for name, place in names.items()}
        made = [Link(names[v], names[c], _us(when), event_id) for v, c, when, event_id in links]
        self.owner = {texts[a]: texts[b] for a, b in resolve(made, "customer").unit_of.items()}

    def person(self, visitor_id: str | None, customer_id: str | None) -> str:
        return customer_id or self.owner.get(str(visitor_id), str(visitor_id))

    def history(self, visitor_id: str | None, customer_id: str | None) -> History:
        me = self.person(visitor_id, customer_id)
        mine = sorted(filter(None, (self.counted(one, me) for one in self.placed())))
        last = mine[-1] if mine else None
        pieces: dict[str, int] = {}
        for one in mine:
            for line in one[4]:
                pieces[line["sku"]] = pieces.get(line["sku"], 0) + line["quantity"]
        return History(
            orders_count=len(mine),
            purchases_minor=sum(one[2] for one in mine),
            last_order_at_us=None if last is None else min(last[0], self.now_us),
            last_order_minor=None if last is None else last[3],
            pieces=pieces,
        )

    def placed(self) -> list[dict[str, Any]]:
        return [one for one in self.events if one["type"] == "order"]

    def counted(self, placed: dict[str, Any], me: str) -> Any:
        same = [one for one in self.events if one.get("order_id") == placed["order_id"]]
        states = [one for one in same if one["type"] in {"order", "order_updated"}]
        now = max(states, key=lambda one: (_us(one["occurred_at"]), one["event_id"]))
        back = sum(one["amount_minor"] for one in same if one["type"] == "refund")
        paid = now["items_minor"] - now["discount_minor"]
        is_gone = any(one["type"] == "order_cancelled" for one in same) or 0 < back >= paid
        who = [now.get(name, placed.get(name)) for name in ("visitor_id", "customer_id")]
        if self.person(*who) != me or is_gone or not now["paid"]:
            return None
        parts = now.get("discounts")
        own = (
            now["discount_minor"] if parts is None else sum(p["amount_minor"] for p in parts if "other" in p)
        )
        is_ours = now["currency"] == "RUB"
        after = max(0, now["items_minor"] - own - back) if is_ours else None
        key = (_us(placed["occurred_at"]), placed["order_id"])
        return (*key, max(0, paid - back) if is_ours else 0, after, now["lines"])


def _us(text: str) -> int:
    from app.strict import moment_us

    return moment_us(text)


def _compared(service: InProcess, seed: int) -> tuple[int, set[str]]:
    """How many quotes differ from what the pure quote says of the walk, and the kinds that gave something."""
    shop = Past(service, *COMPARED)
    events = _happened(shop, random.Random(seed))
    shop.go_to(30)
    shop.send(*events)
    walk, cart = Walk(events, service.clock.at_us), msgspec.convert(CART, Cart)
    served = service.services.snapshots.current.experiments
    visitors, customers = shop.people()
    people = [*((one, None) for one in visitors), *((None, one) for one in customers)]
    different, kinds = 0, set()
    for (visitor_id, customer_id), name in itertools.product(people, COMPARED):
        offers = [served[shop.keys[name]].offers["control"]]
        history = walk.history(visitor_id, customer_id)
        expected = msgspec.to_builtins(quote(cart, offers, service.clock.at_us, history))
        found = shop.quote(visitor_id, customer_id, attributes={"only": name})
        different += _bare(found) != _bare(expected)
        kinds |= {one["kind"] for one in found["applied"] if one["discount_minor"]}
    return different, kinds


def _bare(answer: dict[str, Any]) -> dict[str, Any]:
    """A quote without the variant, which both have alike, and without where its history is from."""
    for one in (*answer["applied"], *answer["blocked"], *([answer["missing"]] if answer["missing"] else [])):
        one.pop("variant", None)
    return {name: value for name, value in answer.items() if name != "history"}


@pytest.mark.parametrize("seed", range(2))
def test_a_quote_is_what_the_pure_quote_says_of_a_walk_over_all_events(service: InProcess, seed: int) -> None:
    different, kinds = _compared(service, seed)
    assert different == 0
    assert len(kinds) > 2, kinds


PLANTED = {
    "counts": property(lambda one: one.is_paid),  # cancelled and refunded orders too
    "belongs_to": lambda one, numbers: one.visitor in numbers or one.customer in numbers,
    "net_minor": property(lambda one: one.items_minor - one.discount_minor),  # refunds forgotten
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_walk_sees_a_planted_bug(service: InProcess, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Purchase, name, PLANTED[name])
    assert _compared(service, 1)[0] > 0


def test_of_what_the_shop_says_and_the_ledger_knows_the_larger_counts(service: InProcess) -> None:
    shop = Past(service, "tiers")
    shop.go_to(2)
    shop.send(shop.order(1, "one", 1500, visitor_id=shop.me))
    tiers = {told: shop.applied("tiers", attributes={"purchases_minor": told}) for told in (0, 1000, 4000)}
    assert tiers == {0: 66, 1000: 66, 4000: 176}  # 3 % and 8 % of 22.00


def test_of_two_last_orders_the_later_counts_with_its_own_sum(service: InProcess) -> None:
    shop = Past(service, "spend")
    shop.go_to(10)
    shop.send(shop.order(5, "small", 500, visitor_id=shop.me))
    earlier, later = ({"last_order_at": shop.event("x", days)["occurred_at"]} for days in (1, 6))
    large = {"last_order_minor": 2500}
    assert shop.applied("spend", attributes=earlier | large) == 0
    assert shop.applied("spend", attributes=later | large) == 300


def test_a_cancelled_or_refunded_order_counts_no_more(service: InProcess) -> None:
    shop = Past(service, "stamps")
    shop.go_to(5)
    shop.send(*(shop.order(n, f"o{n}", visitor_id=shop.me) for n in (1, 2)))
    assert shop.applied("stamps") == 2200  # the third is free
    shop.send(shop.refund(3, "o1", 999))
    assert shop.applied("stamps") == 2200
    shop.send(shop.refund(3, "o1", 1))
    assert shop.applied("stamps") == "stamps_missing"
    shop.send(shop.order(4, "o3", visitor_id=shop.me))
    assert shop.applied("stamps") == 2200
    shop.send(shop.event("order_cancelled", 4.5, order_id=f"o3-{shop.number}"))
    assert shop.applied("stamps") == "stamps_missing"


def test_the_orders_of_one_person_count_on_every_device_once_the_link_is_known(service: InProcess) -> None:
    shop = Past(service, "stamps")
    phone, laptop, anna = (f"{name}-{shop.number}" for name in ("phone", "laptop", "anna"))
    shop.go_to(5)
    shop.send(
        shop.order(1, "a", visitor_id=phone),
        shop.order(2, "b", customer_id=anna),
        shop.event("identify", 3, visitor_id=laptop, customer_id=anna),
    )
    assert shop.applied("stamps", visitor_id=laptop) == "stamps_missing"
    shop.send(shop.event("identify", 4, visitor_id=phone, customer_id=anna))
    for ids in ({"visitor_id": laptop}, {"visitor_id": phone}, {"visitor_id": None, "customer_id": anna}):
        assert shop.applied("stamps", **ids) == 2200


def test_validity_counts_from_the_last_order_and_without_one_there_is_none(service: InProcess) -> None:
    shop = Past(service, "after")
    shop.go_to(3)
    assert shop.applied("after") == "no_order"
    shop.send(shop.order(2, "one", visitor_id=shop.me))
    shop.go_to(6.99)
    assert shop.applied("after") == 400
    shop.go_to(7)
    assert shop.applied("after") == "expired"


def test_without_an_offer_that_asks_for_them_nobody_looks_for_orders(service: InProcess) -> None:
    shop = Past(service, "plain")
    asked: list[str] = []

    def watch(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.extend([statement] if "i.kind = " in statement else [])

    engine = service.services.database.engine
    listening.listen(engine, "before_cursor_execute", watch)
    try:
        assert shop.quote()["history"] is None
        assert asked == []
        assert Past(service, "stamps").quote()["history"] == {"source": "ledger", "reason": None}
        assert asked
    finally:
        listening.remove(engine, "before_cursor_execute", watch)


def test_without_the_database_a_quote_goes_by_the_request_and_says_so(
    sqlite_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with in_process(sqlite_url, tmp_path_factory.mktemp("away")) as alone:
        shop = Past(alone, "stamps", "tiers")
        shop.go_to(2)
        shop.send(*(shop.order(1, name, visitor_id=shop.me) for name in ("a", "b")))
        assert shop.applied("stamps") == 2200
        closed(alone.services.database)
        away = shop.quote()
        assert away["history"] == {"source": "request", "reason": "database_away"}
        assert {one["reason"] for one in away["blocked"]} == {"history_unknown"}
        told = shop.quote(attributes={"orders_count": 2})
        assert [one["discount_minor"] for one in told["applied"]] == [2200]


def test_a_ledger_that_does_not_answer_in_time_is_not_waited_for_and_then_left_alone(
    service: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, answers, asked = Past(service, "stamps"), threading.Event(), []

    def never(_past: PastOrders, ids: Any) -> list[Purchase]:
        asked.append(ids)
        answers.wait(30)
        return []

    away = {"source": "request", "reason": "database_away"}
    with monkeypatch.context() as patched:
        patched.setattr(PastOrders, "_read", never)
        patched.setattr(past_orders, "PATIENCE_SECONDS", 0.05)
        try:
            assert [shop.quote()["history"] for _ in range(3)] == [away] * 3
            assert len(asked) == 1
        finally:
            answers.set()
    service.clock.advance(2)
    assert shop.quote()["history"] == {"source": "ledger", "reason": None}
