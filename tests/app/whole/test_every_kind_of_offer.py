"""Every kind of offer from its definition to the metric that decides it. Oracles: docs/offers.md, hand sums.

In each arm four visitors are exposed. Goods earn 40 % before discounts, delivery costs 350 ₽, a cart
is 1000 ₽, so a plain order earns 400 ₽: 40,000 minor units.
"""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest

from app.clock import isoformat
from app.offers.schemas import AnyOffer
from tests.support.inprocess import InProcess, definition, in_process

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "offers.md").read_text(encoding="utf-8")
ROWS = {
    kind: (json.loads(terms), metric)
    for kind, terms, metric in re.findall(
        r"^\| `(\w+)` \| [^|]+ \| `(\{.+\})` \| `([\w:]+)`[^|]* \|$", PAGE, re.MULTILINE
    )
}
DAY = 86_400
DELIVERY = 35_000
LINES = [
    {"sku": "coffee", "quantity": 2, "price_minor": 40_000},
    {"sku": "juice", "quantity": 1, "price_minor": 20_000},
]
ITEMS = 100_000
MARGIN = 40_000
_numbers = itertools.count(1)
Means = dict[str, tuple[Fraction | int, Fraction | int]]


@dataclass(frozen=True)
class Case:
    """What is expected of one kind, worked out by hand.

    Attributes:
        means: metric → mean per unit in control and in treatment.
        discount: what the quote takes off the items; `delivery` likewise.
        attributes: what the storefront says of the shopper.
        gifts: sku → pieces; `points` earned.
        reward: type of what comes later.
        debt: what the shop owes after each order, minor units.
        blocked: why the quote gives nothing now.
        is_later: the exposure is at a first order, and the offer is for the next one, a day later.
        after: what else happens, by name.
    """

    means: Means
    discount: int = 0
    delivery: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)
    gifts: dict[str, int] = field(default_factory=dict)
    points: int | None = None
    reward: str | None = None
    debt: int = 0
    blocked: str | None = None
    is_later: bool = False
    after: str = ""


QUARTER, HALF = Fraction(1, 4), Fraction(1, 2)
PLAIN = MARGIN * QUARTER
"""Profit per unit of control: one order of four units."""


def two_orders(cost_each: int) -> tuple[Fraction, Fraction]:
    """Profit per unit: one plain order in control, two in treatment that cost the shop so much each."""
    return PLAIN, Fraction(2 * (MARGIN - cost_each), 4)


CASES: dict[str, Case] = {
    "none": Case({"conversion_rate": (QUARTER, HALF), "profit_per_unit": two_orders(0)}),
    # half of the 1250 ₽ paid for one of the orders goes back, and half of what it earned with it
    "percent_off": Case(
        {"profit_per_unit": (PLAIN, Fraction(30_000 + 15_000, 4)), "discount_per_unit": (0, 5_000)},
        discount=10_000,
        after="refund",
    ),
    "amount_off": Case({"profit_per_unit": two_orders(7_000)}, discount=7_000, after="cancelled"),
    "free_delivery": Case({"profit_per_unit": two_orders(DELIVERY)}, delivery=DELIVERY),
    "gift": Case({"profit_per_unit": two_orders(4_000)}, gifts={"coffee-sample": 1}),
    "bundle": Case(
        {"sku_orders_per_unit": (QUARTER, HALF), "profit_per_unit": two_orders(6_000)}, discount=6_000
    ),
    "next_order_discount": Case(
        {"repeat_purchase_rate": (QUARTER, HALF), "profit_per_unit": two_orders(15_000)},
        discount=15_000,
        reward="next_order_percent",
        is_later=True,
    ),
    "spend_reward": Case(
        {"profit_per_unit": two_orders(7_000)}, discount=7_000, reward="next_order_amount", is_later=True
    ),
    "points": Case({"profit_per_unit": two_orders(5_000)}, points=50, debt=5_000),
    "cashback": Case({"profit_per_unit": two_orders(3_000)}, reward="cashback", debt=3_000),
    # one of the two has a free order, and another one that is paid in full
    "stamp_card": Case(
        {
            "orders_per_customer": (QUARTER, Fraction(3, 4)),
            "profit_per_unit": (PLAIN, Fraction(2 * (MARGIN - ITEMS) + MARGIN, 4)),
        },
        discount=ITEMS,
        attributes={"orders_count": 4},
        is_later=True,
        after="another",
    ),
    "cumulative_discount": Case(
        {"orders_per_customer": (QUARTER, HALF), "profit_per_unit": two_orders(5_000)},
        discount=5_000,
        attributes={"purchases_minor": 600_000},
        is_later=True,
    ),
    "referral": Case(
        {"new_customers_per_unit": (QUARTER, HALF), "profit_per_unit": two_orders(20_000)},
        discount=20_000,
        reward="referrer",
        attributes={"invited": True},
        after="referral",
    ),
    "partner_voucher": Case(
        {"conversion_rate": (QUARTER, HALF), "profit_per_unit": two_orders(0)}, reward="partner_voucher"
    ),
    "content": Case(
        {"custom:subscribe": (0, Fraction(3, 4)), "profit_per_unit": two_orders(0)},
        reward="content",
        after="subscribed",
    ),
    # 5 ₽ for each of four letters
    "reminder": Case(
        {"orders_per_unit": (QUARTER, HALF), "profit_per_unit": (PLAIN, Fraction(2 * MARGIN - 4 * 500, 4))},
        blocked="not_on_carts",
        after="messages",
    ),
    "pre_order": Case({"profit_per_unit": two_orders(10_000)}, discount=10_000),
    "member_only": Case(
        {"profit_per_unit": two_orders(5_000)}, discount=5_000, attributes={"memberships": ["card"]}
    ),
    "custom": Case({"conversion_rate": (QUARTER, HALF), "profit_per_unit": two_orders(0)}, reward="custom"),
}


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "offerlab.sqlite3").write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{folder / 'offerlab.sqlite3'}", folder) as running:
        yield running


class Trial:
    """One kind against nothing, in a shop of its own."""

    def __init__(self, service: InProcess, kind: str) -> None:
        self.service, self.kind, self.case = service, kind, CASES[kind]
        self.terms, self.metric = ROWS[kind]
        self.key = kind.replace("_", "-")
        self.attributes = {"shop": kind, **self.case.attributes}
        arms: dict[str, Any] = {"control": {"kind": "none"}, "treatment": self.terms}
        variants = [
            {"key": name, "weight": 0.5, "control": name == "control", "offer": offer}
            for name, offer in arms.items()
        ]
        others = [self.named(metric) for metric in self.case.means if metric != self.metric]
        plan = definition()["plan"] | {"primary": self.named(self.metric), "secondary": others}
        plan |= {"guardrails": [], "window_days": 3, "settle_days": 0, "window_override": "a trial"}
        service.running(
            key=self.key,
            variants=variants,
            plan=plan,
            audience={"shop": kind},
            economics={"currency": "RUB", "margin_share": 0.4},
        )
        service.clock.advance(60)

    def named(self, metric: str) -> Any:
        """A metric as a plan names it."""
        more = {"sku": "juice"} if metric == "sku_orders_per_unit" else {}
        is_timed = metric in {"repeat_purchase_rate", "orders_per_customer"}
        return {"key": metric, "days": 3, **more} if more or is_timed else metric

    def people(self) -> dict[str, list[str]]:
        """Four visitors of each arm, as the assignments door deals them."""
        found: dict[str, list[str]] = {"control": [], "treatment": []}
        for place in itertools.count():
            visitor_id = f"{self.key}-{place}"
            asked = {"attributes": self.attributes, "experiments": [self.key]}
            body = {"visitor_id": visitor_id, **asked}
            (said,) = self.service.call("POST", "/api/v1/assignments", body, "srv").json()["assignments"]
            assert said["offer"]["kind"] == ("none" if said["variant"] == "control" else self.kind)
            found[said["variant"]].append(visitor_id)
            if min(map(len, found.values())) >= 4:
                return {variant: ids[:4] for variant, ids in found.items()}
        raise AssertionError

    def event(self, kind: str, visitor_id: str, **fields: Any) -> dict[str, Any]:
        """An event now."""
        when = isoformat(self.service.clock.now_us())
        common = {"event_id": f"k-{next(_numbers)}", "type": kind, "occurred_at": when}
        return common | {"visitor_id": visitor_id} | fields

    def order(self, order_id: str, visitor_id: str, **fields: Any) -> dict[str, Any]:
        """An order of the cart; the shopper pays the delivery unless it is said otherwise."""
        money = {"currency": "RUB", "items_minor": ITEMS, "discount_minor": 0, "lines": LINES}
        delivery = {"shipping_minor": DELIVERY, "shipping_cost_minor": DELIVERY}
        return self.event(
            "order", visitor_id, order_id=f"{self.key}-{order_id}", **(money | delivery | fields)
        )

    def send(self, *events: dict[str, Any]) -> None:
        """Events of the shop; all must be accepted."""
        answer = self.service.call("POST", "/api/v1/events", {"events": list(events)}, "srv").json()
        assert answer["accepted"] == len(events), answer
        self.service.services.snapshots.follow()

    def quote(self, visitor_id: str, code: str | None) -> dict[str, Any]:
        """The quote of the cart, its sums checked."""
        lines = [{**line, "pack_size": 500} for line in LINES]
        cart = {"currency": "RUB", "lines": lines, "shipping_minor": DELIVERY}
        body = {"visitor_id": visitor_id, "attributes": self.attributes, "cart": cart}
        body |= {"codes": [code]} if code else {}
        answer = self.service.call("POST", "/api/v1/quote", body, "srv")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        assert sum(line["discount_minor"] for line in found["lines"]) == found["discount_minor"]
        paid = ITEMS - found["discount_minor"] + DELIVERY - found["shipping_discount_minor"]
        assert found["total_minor"] == paid
        return found

    def code(self, visitor_id: str) -> str | None:
        """The visitor's code, where the offer has one."""
        if "code" not in self.terms:
            return None
        body = {"experiment": self.key, "visitor_id": visitor_id, "attributes": self.attributes}
        answer = self.service.call("POST", "/api/v1/codes/claim", body, "srv")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["code"])

    def checked(self, quoted: dict[str, Any]) -> dict[str, Any]:
        """What the order is like that follows this quote, which must say what the case expects."""
        case = self.case
        assert (quoted["discount_minor"], quoted["shipping_discount_minor"]) == (case.discount, case.delivery)
        if self.kind == "none":
            assert quoted["applied"] == quoted["blocked"] == []
            return {}
        if case.blocked is not None:
            assert [one["reason"] for one in quoted["blocked"]] == [case.blocked]
            return {}
        (applied,) = quoted["applied"]
        assert {gift["sku"]: gift["quantity"] for gift in applied["gifts"]} == case.gifts
        assert (applied["points"] or {}).get("points") == case.points
        assert [reward["type"] for reward in applied["rewards"]] == ([case.reward] if case.reward else [])
        gifts = sum(gift["cost_minor"] for gift in applied["gifts"])
        parts = [{"offer": f"{self.key}:treatment", "amount_minor": case.discount}] if case.discount else []
        return {
            "discount_minor": case.discount,
            "shipping_minor": DELIVERY - case.delivery,
            **({"gift_cost_minor": gifts} if gifts else {}),
            **({"discounts": parts} if parts else {}),
        }

    def buy(self, order_id: str, visitor_id: str) -> None:
        """Quote, code, order, and what the shop owes afterwards."""
        code = self.code(visitor_id)
        made = self.checked(self.quote(visitor_id, code))
        if code is not None:
            named = {"code": code, "visitor_id": visitor_id, "order_id": f"{self.key}-{order_id}"}
            body: dict[str, Any] = named | {"discount_minor": self.case.discount}
            used = self.service.call("POST", "/api/v1/codes/redeem", body, "srv")
            assert (used.status_code, used.json()["variant"]) == (200, "treatment"), used.text
            made["codes"] = [code]
            made.pop("discounts", None)
        self.send(self.order(order_id, visitor_id, **made))
        if self.case.debt:
            owed = {"points": self.case.points or self.case.debt, "value_minor": self.case.debt}
            self.send(self.event("points_earned", visitor_id, **owed))

    def means(self) -> Means:
        """Metric → means of both arms, and that every unit is mature."""
        answer = self.service.call("GET", f"/api/v1/experiments/{self.key}/results", kind="ro")
        found: Means = {}
        for metric in answer.json()["metrics"]:
            arms = {one["variant"]: one for one in metric["variants"]}
            assert {one["n"] for one in arms.values()} == {4}, metric
            found[metric["key"]] = (arms["control"]["mean"], arms["treatment"]["mean"])
        return found


def _refund(trial: Trial, people: list[str]) -> None:
    named = {"order_id": f"{trial.key}-second", "refund_id": f"{trial.key}-back"}
    trial.send(trial.event("refund", people[1], amount_minor=(ITEMS - 10_000 + DELIVERY) // 2, **named))


def _cancelled(trial: Trial, people: list[str]) -> None:
    trial.buy("third", people[2])
    trial.send(trial.event("order_cancelled", people[2], order_id=f"{trial.key}-third"))


def _another(trial: Trial, people: list[str]) -> None:
    trial.send(trial.order("another", people[0]))


def _referral(trial: Trial, people: list[str]) -> None:
    for invited in people[:2]:
        trial.send(trial.event("referral", invited, referrer=f"{trial.key}-friend", invited=invited))


def _subscribed(trial: Trial, people: list[str]) -> None:
    trial.send(*(trial.event("custom", one, name="subscribe") for one in people[:3]))


def _messages(trial: Trial, people: list[str]) -> None:
    """Whoever is due gets the letter before anybody has bought."""
    trial.service.clock.advance(3600)
    path = f"/api/v1/reminders/due?experiment={trial.key}"
    items = trial.service.call("GET", path, kind="srv").json()["items"]
    assert {item["unit_id"] for item in items} == set(people)
    for item in items:
        sent = trial.event("message_sent", item["visitor_id"], experiment=trial.key, cost_minor=500)
        trial.send(sent | {"event_id": item["event_id"]})


AFTER = {
    "refund": _refund,
    "cancelled": _cancelled,
    "another": _another,
    "referral": _referral,
    "subscribed": _subscribed,
}


def test_the_page_has_a_row_for_every_kind() -> None:
    kinds = {get_args(one.model_fields["kind"].annotation)[0] for one in get_args(AnyOffer)}
    assert set(ROWS) == set(CASES) == kinds


@pytest.mark.parametrize("kind", CASES)
def test_a_kind_from_its_definition_to_the_metric_that_decides(service: InProcess, kind: str) -> None:
    trial = Trial(service, kind)
    people = trial.people()
    everybody = [(one, variant) for variant, ids in people.items() for one in ids]
    if trial.case.is_later:
        trial.send(*(trial.order(f"before-{one}", one) for one, _ in everybody))
        service.clock.advance(60)
    trial.send(
        *(trial.event("exposure", one, experiment=trial.key, variant=variant) for one, variant in everybody)
    )
    service.clock.advance(DAY if trial.case.is_later else 60)
    if trial.case.after == "messages":
        _messages(trial, people["treatment"])
    nothing = trial.quote(people["control"][0], None)
    assert (nothing["applied"], nothing["discount_minor"]) == ([], 0)
    trial.send(trial.order("control", people["control"][0]))
    trial.buy("first", people["treatment"][0])
    trial.buy("second", people["treatment"][1])
    if trial.case.after in AFTER:
        service.clock.advance(60)
        AFTER[trial.case.after](trial, people["treatment"])
    service.clock.advance(6 * DAY)
    found = trial.means()
    assert trial.metric in trial.case.means
    for metric, expected in trial.case.means.items():
        assert found[metric] == pytest.approx(tuple(map(float, expected)), abs=1e-9), metric
