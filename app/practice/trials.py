"""The tests of the observed practice: definitions, habits of the arms, what must be seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.practice.habits import Habit, Shelf

ZONE = "Europe/Moscow"


@dataclass(frozen=True)
class Trial:
    """One test.

    Attributes:
        name: of the test; its experiment's key is made from it.
        title: for people.
        planted: the truth in one sentence.
        verdicts: states of which the verdict must be one.
        signs: what else the results must show; see `judging.SIGNS`.
        booked: component of profit in which the treatment must cost more than control.
        units: shoppers that come.
        entry_days: days over which they come.
        read_days: of them, those whose shoppers are mature at the end.
        offers: variant → offer; the first is control.
        habits: variant → how its shoppers behave.
        plan: primary, window and the rest.
        shelf: what is sold.
        margin_share: of the items.
        after_order: the decision point is an order (else a visit).
        stock: the budget of uses runs out on the last day.
        messages: those who left a basket are messaged when the service says that they are due.
    """

    name: str
    title: str
    planted: str
    verdicts: frozenset[str]
    signs: tuple[str, ...]
    booked: str
    units: int
    offers: Mapping[str, dict[str, Any] | None]
    habits: Mapping[str, Habit]
    plan: Mapping[str, Any]
    entry_days: int = 28
    read_days: int = 28
    shelf: Shelf = field(default_factory=Shelf)
    margin_share: float = 0.35
    after_order: bool = False
    stock: bool = False
    messages: bool = False

    @property
    def control(self) -> str:
        """The first variant."""
        return next(iter(self.offers))

    @property
    def total_days(self) -> int:
        """Days from the first entry until the last one that is read is mature."""
        return self.read_days + int(self.plan["window_days"]) + int(self.plan["settle_days"])

    def definition(self, key: str, seed: str, starts_at: str, stock: int | None = None) -> dict[str, Any]:
        """The body of `POST /api/v1/experiments`.

        Args:
            key: of the experiment; only requests that carry it as `invented` are in the audience.
            seed: of the hash, 16 hex characters.
            starts_at: RFC 3339.
            stock: budget of uses, for a trial whose stock runs out.
        """
        variants: list[dict[str, Any]] = [
            {"key": name, "weight": 0.5, "control": name == self.control, "offer": offer}
            for name, offer in self.offers.items()
        ]
        return {
            "key": key,
            "name": f"{self.title} (invented shoppers)",
            "hypothesis": f"Planted: {self.planted}",
            "unit": "customer",
            "seed": seed,
            "audience": {"invented": key},
            "variants": variants,
            "economics": {"currency": "RUB", "margin_share": self.margin_share},
            "budget": None if stock is None else {"uses": stock},
            "plan": {"mde": 0.15, "planned_units": self._planned_units(), **self.plan},
            "starts_at": starts_at,
            "timezone": ZONE,
        }

    def _planned_units(self) -> int:
        return self.units * self.read_days // self.entry_days


def _code(uses: int | None, days: int = 7) -> dict[str, Any]:
    return {"issue": "per_visitor", "uses_per_customer": uses, "valid_days": days}


def _plan(primary: Any, window_days: int, settle_days: int = 7, **more: Any) -> dict[str, Any]:
    return {"primary": primary, "window_days": window_days, "settle_days": settle_days, **more}


THRESHOLD = Trial(
    name="threshold",
    title="500 ₽ off from 3000 ₽ or from 1000 ₽",
    planted="the low threshold sells more and earns less",
    verdicts=frozenset({"keep_control"}),
    signs=("sells_more", "profit_falls"),
    booked="discount",
    units=4600,
    offers={
        "from-3000": {"kind": "amount_off", "amount_minor": 50_000, "min_order_minor": 300_000},
        "from-1000": {"kind": "amount_off", "amount_minor": 50_000, "min_order_minor": 100_000},
    },
    habits={
        "from-3000": Habit(buys=0.30, fills=0.15, threshold_minor=300_000),
        "from-1000": Habit(buys=0.37, fills=0.30, threshold_minor=100_000),
    },
    plan=_plan(
        "conversion_rate", 14, secondary=["orders_per_unit", "revenue_per_unit", "average_order_value"]
    ),
)

CODE_REUSE = Trial(
    name="code-reuse",
    title="Single-use or reusable code",
    planted="the reusable code brings buyers back, and some pass it on to the other arm",
    verdicts=frozenset({"roll_out"}),
    signs=("leakage",),
    booked="discount",
    units=5400,
    offers={
        "single-use": {"kind": "percent_off", "percent": 10, "code": _code(1), "occasion": "loyalty"},
        "reusable": {"kind": "percent_off", "percent": 10, "code": _code(None), "occasion": "loyalty"},
    },
    habits={
        "single-use": Habit(buys=0.32, again=0.25, passes=0.8),
        "reusable": Habit(buys=0.37, again=0.38, lends=0.15),
    },
    plan=_plan(
        {"key": "repeat_buyers_per_unit", "days": 30},
        30,
        secondary=["conversion_rate", "orders_per_unit", "redemption_rate", "redemptions_per_redeemer"],
        guardrails=[{"metric": "profit_per_unit", "non_inferiority_margin": 0.1}],
    ),
)

SECOND_PURCHASE = Trial(
    name="second-purchase",
    title="15 % off the second bouquet within 7 days",
    planted="second orders come earlier, and none is added within 60 days",
    verdicts=frozenset({"keep_control", "no_difference"}),
    signs=("pulls_forward",),
    booked="discount",
    units=5000,
    offers={
        "nothing": {"kind": "none"},
        "seven-days": {"kind": "next_order_discount", "percent": 15, "valid_days": 7},
    },
    habits={
        "nothing": Habit(buys=1.0, again=0.30, again_days=59),
        "seven-days": Habit(buys=1.0, again=0.30, again_days=59, hurried=0.6),
    },
    plan=_plan({"key": "repeat_purchase_rate", "days": 60}, 60, secondary=["orders_per_unit"], max_days=28),
    margin_share=0.5,
    after_order=True,
)

FREE_DELIVERY = Trial(
    name="free-delivery",
    title="Free delivery from 4000 ₽",
    planted="above the break-even free delivery pays for itself: more orders, more profit",
    verdicts=frozenset({"roll_out"}),
    signs=("sells_more",),
    booked="delivery",
    units=4600,
    offers={
        "paid": {"kind": "none"},
        "from-4000": {"kind": "free_delivery", "min_order_minor": 400_000, "break_even_minor": 400_000},
    },
    habits={
        "paid": Habit(buys=0.30),
        "from-4000": Habit(buys=0.43, fills=0.4, threshold_minor=400_000),
    },
    plan=_plan("profit_per_unit", 14, secondary=["conversion_rate", "average_order_value"]),
    shelf=Shelf(basket_minor=250_000, shipping_minor=30_000, shipping_cost_minor=35_000),
)

GIFT = Trial(
    name="gift",
    title="A coffee sample in every order of 1 kg",
    planted="the sample changes nothing, and the last one is given away on the last day",
    verdicts=frozenset({"keep_control", "no_difference"}),
    signs=("budget_cut",),
    booked="gift",
    units=7400,
    offers={
        "no-gift": {"kind": "none"},
        "sample": {
            "kind": "gift",
            "product": "coffee-sample",
            "cost_minor": 4_000,
            "min_pack_size": 1000,
            "code": _code(1),
        },
    },
    habits={"no-gift": Habit(buys=0.42), "sample": Habit(buys=0.42)},
    plan=_plan("conversion_rate", 14, 3, secondary=["orders_per_unit"], max_days=28, alpha=0.01),
    entry_days=45,
    stock=True,
)

REFERRAL = Trial(
    name="referral",
    title="Inviting a friend: growing to 1000 ₽, or 200 ₽ at once",
    planted="a small reward at once brings more friends than a large one later",
    verdicts=frozenset({"roll_out"}),
    signs=(),
    booked="points",
    units=5000,
    offers={
        "large-later": {
            "kind": "referral",
            "referrer_minor": 10_000,
            "invited_minor": 20_000,
            "growth": "growing",
            "step_minor": 10_000,
            "max_reward_minor": 100_000,
        },
        "small-now": {"kind": "referral", "referrer_minor": 20_000, "invited_minor": 20_000},
    },
    habits={
        "large-later": Habit(buys=0.35, invites=0.18),
        "small-now": Habit(buys=0.35, invites=0.62),
    },
    plan=_plan("orders_per_unit", 21, secondary=["conversion_rate", "new_customers_per_unit"]),
)

REMINDER = Trial(
    name="reminder",
    title="A letter 24 h or 1 h after the basket was left",
    planted="the early letter brings more baskets back, and more people unsubscribe",
    verdicts=frozenset({"keep_control"}),
    signs=("sells_more", "guardrail"),
    booked="messages",
    units=5200,
    offers={
        "next-day": {"kind": "reminder", "channel": "email", "delay_hours": 24, "occasion": "abandoned_cart"},
        "one-hour": {"kind": "reminder", "channel": "email", "delay_hours": 1, "occasion": "abandoned_cart"},
    },
    habits={
        "next-day": Habit(buys=0.05, returns=0.10, leaves=0.015),
        "one-hour": Habit(buys=0.05, returns=0.17, leaves=0.06),
    },
    plan=_plan(
        "orders_per_unit",
        7,
        secondary=["conversion_rate"],
        guardrails=[{"metric": "unsubscribe_rate", "non_inferiority_margin": 0.2}],
        max_days=28,
    ),
    messages=True,
)

TRIALS: dict[str, Trial] = {
    trial.name: trial
    for trial in (THRESHOLD, CODE_REUSE, SECOND_PURCHASE, FREE_DELIVERY, GIFT, REFERRAL, REMINDER)
}
