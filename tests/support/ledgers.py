"""Small ledgers for engine tests: builders for hand-made rows and hypothesis strategies for random ones."""

from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from app.engine import tables
from app.engine.port import AnalysisData, AnalysisRequest, Economics, OfferQuestion
from stats.plan import AnalysisPlan, Kind, Metric

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
KINDS: dict[str, Kind] = {
    "conversion_rate": "proportion",
    "orders_per_unit": "mean",
    "discount_per_unit": "mean",
    "revenue_per_unit": "mean",
    "profit_per_unit": "mean",
    "repeat_buyers_per_unit": "proportion",
    "average_order_value": "ratio",
    "repeat_purchase_rate": "survival",
    "orders_per_customer": "recurrent",
    "new_customers_per_unit": "mean",
    "redemption_rate": "proportion",
    "unsubscribe_rate": "proportion",
    "custom:opened": "proportion",
    "sku_orders_per_unit": "mean",
    "redemptions_per_redeemer": "ratio",
    "full_price_share": "ratio",
    "refund_rate": "ratio",
    "threshold_bunching": "ratio",
}
ABOUT = {"sku_orders_per_unit": "tea", "threshold_bunching": "1000"}


def at(day: int, seconds: int = 0) -> int:
    """Microseconds of a second of a shop day (the shop's zone is UTC here)."""
    return day * DAY_US + seconds * SECOND_US


def metric(key: str, window_days: int, about: str | None = None) -> Metric:
    kind = "mean" if key.startswith("custom:") and about else KINDS[key]
    return Metric(key, "secondary", kind, window_days, about=about or ABOUT.get(key))


def request(
    *metrics: Metric,
    as_of_day: int = 100,
    settle_days: int = 2,
    economics: Economics | None = None,
    caps: dict[str, int] | None = None,
) -> AnalysisRequest:
    plan = AnalysisPlan(
        experiment="threshold",
        version=1,
        variants=("control", "low"),
        control="control",
        weights=(0.5, 0.5),
        metrics=metrics,
        settle_days=settle_days,
        currency="RUB",
    )
    return AnalysisRequest(plan=plan, economics=economics, as_of_day=as_of_day, caps=caps or {})


@dataclass
class LedgerRows:
    """Rows by hand; every field not named takes a plain value. The day follows from the time unless given."""

    exposures: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    costs: list[dict[str, Any]] = field(default_factory=list)
    redeemed: list[dict[str, Any]] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)
    uses: list[dict[str, Any]] = field(default_factory=list)
    customs: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    persons: list[dict[str, Any]] = field(default_factory=list)

    def expose(self, unit: int, variant: str, occurred_us: int, **more: Any) -> "LedgerRows":
        row = {"event_id": f"x{len(self.exposures):04}", "unit": unit, "origin": unit, "variant": variant}
        self.exposures.append(row | {"occurred_us": occurred_us, "day": occurred_us // DAY_US} | more)
        return self

    def order(self, unit: int, occurred_us: int, items_minor: int = 1000, **more: Any) -> "LedgerRows":
        number = len(self.orders)
        row = dict.fromkeys(tables.ORDERS.names) | {
            "event_id": f"e{number:04}",
            "order_id": f"o{number}",
            "unit": unit,
            "occurred_us": occurred_us,
            "day": occurred_us // DAY_US,
            "currency": "RUB",
            "paid": True,
            "items_minor": items_minor,
            "discount_minor": 0,
            "shipping_minor": 0,
        }
        self.orders.append(row | more)
        return self

    def refund(
        self, order_id: str, day: int, amount_minor: int, margin_minor: int | None = None
    ) -> "LedgerRows":
        row = {"refund_id": f"r{len(self.refunds)}", "order_id": order_id, "day": day}
        self.refunds.append(row | {"amount_minor": amount_minor, "margin_minor": margin_minor})
        return self

    def cost(self, unit: int, occurred_us: int, amount_minor: int, kind: str = "message") -> "LedgerRows":
        row = {"unit": unit, "occurred_us": occurred_us, "day": occurred_us // DAY_US, "kind": kind}
        self.costs.append(row | {"amount_minor": amount_minor})
        return self

    def redeem(self, order_id: str) -> "LedgerRows":
        self.redeemed.append({"order_id": order_id})
        return self

    def claim(self, unit: int, occurred_us: int) -> "LedgerRows":
        self.claims.append({"unit": unit, "occurred_us": occurred_us, "day": occurred_us // DAY_US})
        return self

    def use(self, order_id: str, day: int, reversed_day: int | None = None) -> "LedgerRows":
        self.uses.append({"order_id": order_id, "day": day, "reversed_day": reversed_day})
        return self

    def custom(self, unit: int, occurred_us: int, name: str = "opened", **more: Any) -> "LedgerRows":
        row = {"event_id": f"c{len(self.customs):04}", "unit": unit, "name": name, "occurred_us": occurred_us}
        values = {"day": occurred_us // DAY_US, "value": None, "value_minor": None, "trusted": True}
        self.customs.append(row | values | more)
        return self

    def holds(self, order_id: str, *skus: str | None) -> "LedgerRows":
        self.lines += [{"order_id": order_id, "sku": sku} for sku in skus]
        return self

    def by(self, order_id: str, person: int) -> "LedgerRows":
        self.persons.append({"order_id": order_id, "person": person})
        return self

    def data(self) -> AnalysisData:
        return AnalysisData(
            exposures=pa.Table.from_pylist(self.exposures, schema=tables.EXPOSURES),
            orders=pa.Table.from_pylist(self.orders, schema=tables.ORDERS),
            refunds=pa.Table.from_pylist(self.refunds, schema=tables.REFUNDS),
            costs=pa.Table.from_pylist(self.costs, schema=tables.COSTS),
            redeemed=pa.Table.from_pylist(self.redeemed, schema=tables.REDEEMED),
            claims=pa.Table.from_pylist(self.claims, schema=tables.CLAIMS),
            uses=pa.Table.from_pylist(self.uses, schema=tables.USES),
            customs=pa.Table.from_pylist(self.customs, schema=tables.CUSTOMS),
            lines=pa.Table.from_pylist(self.lines, schema=tables.LINES),
            persons=pa.Table.from_pylist(self.persons, schema=tables.PERSONS),
        )


# ---- random ledgers: few units, few instants, so that ties and edges are common

_seconds = st.sampled_from([0, 1, 2, 86_399])
_entries = st.builds(at, st.integers(0, 4), _seconds)
_purchases = st.builds(at, st.integers(0, 9), _seconds)
_money = st.one_of(st.integers(0, 30), st.integers(0, 2_000), st.integers(0, 10**12))
_maybe_money = st.one_of(st.none(), st.integers(-50, 2_000), st.integers(0, 10**12))
_keys = st.sampled_from(sorted(KINDS))


def add_order(draw: st.DrawFn, rows: LedgerRows) -> None:
    """One order, often at the very instant of an exposure, with up to three refunds."""
    seen = draw(st.sampled_from(rows.exposures))
    occurred_us = draw(st.one_of(_purchases, st.just(seen["occurred_us"])))
    day = occurred_us // DAY_US
    with_lines = draw(st.booleans())
    rows.order(
        draw(st.sampled_from([seen["unit"], seen["unit"], seen["unit"], 1, 4])),
        occurred_us,
        draw(_money),
        event_id=f"e{draw(st.integers(0, 9))}{len(rows.orders):03}",
        currency=draw(st.sampled_from(["RUB", "RUB", "RUB", "RUB", "USD", "JPY", "EUR"])),
        paid=draw(st.sampled_from([True, True, True, True, False])),
        discount_minor=draw(_money),
        shipping_minor=draw(st.integers(0, 300)),
        shipping_cost_minor=draw(_maybe_money),
        tax_minor=draw(st.one_of(st.none(), st.integers(0, 400))),
        margin_minor=draw(st.one_of(st.none(), _maybe_money)),
        gift_cost_minor=draw(_maybe_money),
        lines_price_minor=draw(_money) if with_lines else None,
        lines_cost_minor=draw(_money) if with_lines else None,
        cancelled_day=draw(st.one_of(st.none(), st.none(), st.integers(day - 1, day + 7))),
    )
    order_id = f"o{len(rows.orders) - 1}"
    for _ in range(draw(st.sampled_from([0, 0, 1, 2, 3]))):
        rows.refund(order_id, draw(st.integers(day, day + 7)), draw(_money), draw(_maybe_money))


@st.composite
def ledgers(draw: st.DrawFn) -> AnalysisData:
    """Up to three units with crossovers, ties, early orders, foreign money, cancellations and refunds."""
    rows = LedgerRows()
    for _ in range(draw(st.integers(1, 5))):
        unit = draw(st.integers(1, 3))
        rows.expose(
            unit,
            draw(st.sampled_from(["control", "low"])),
            draw(_entries),
            origin=unit + draw(st.sampled_from([0, 0, 100])),
            event_id=f"x{draw(st.integers(0, 9))}{len(rows.exposures):03}",
        )
    for _ in range(draw(st.integers(0, 12))):
        add_order(draw, rows)
    rows.refund("nobody", 3, 100)
    for _ in range(draw(st.integers(0, 4))):
        seen = draw(st.sampled_from(rows.exposures))
        when = draw(st.one_of(_purchases, st.just(seen["occurred_us"])))
        kind = draw(st.sampled_from(["message", "points"]))
        rows.cost(draw(st.sampled_from([seen["unit"], 7])), when, draw(st.integers(-50, 500)), kind)
        rows.claim(draw(st.sampled_from([seen["unit"], 7])), when)
    for order in rows.orders[: draw(st.integers(0, 4))]:
        rows.redeem(order["order_id"])
    add_around(draw, rows)
    return rows.data()


def add_around(draw: st.DrawFn, rows: LedgerRows) -> None:
    """Uses of the offer, products and custom events."""
    for order in rows.orders:
        if draw(st.sampled_from([False, False, True])):
            rows.by(order["order_id"], draw(st.sampled_from([1, 8, 9])))
        for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
            day = draw(st.integers(order["day"], order["day"] + 7))
            rows.use(order["order_id"], day, draw(st.one_of(st.none(), st.integers(day, day + 7))))
        held: list[str | None] = draw(st.sampled_from([[], [], ["tea"], ["jam", "tea"], ["jam"], [None]]))
        rows.holds(order["order_id"], *held)
    for _ in range(draw(st.integers(0, 6))):
        seen = draw(st.sampled_from(rows.exposures))
        rows.custom(
            draw(st.sampled_from([seen["unit"], seen["unit"], 7])),
            draw(st.one_of(_purchases, st.just(seen["occurred_us"]))),
            draw(st.sampled_from(["opened", "opened", "unsubscribe", "closed"])),
            value=draw(st.one_of(st.integers(-5, 50), st.integers(-5, 50), st.none())),
            value_minor=draw(st.one_of(st.integers(-(10**12), 10**12), st.none())),
            trusted=draw(st.sampled_from([True, True, False])),
        )


@st.composite
def repeat_ledgers(draw: st.DrawFn) -> AnalysisData:
    """Units exposed at their first order, with many later orders and cancellations."""
    rows = LedgerRows()
    for unit in range(1, draw(st.integers(2, 4))):
        entry = draw(st.integers(0, 1))
        rows.expose(unit, "low", at(entry)).order(unit, at(entry))
        for day in draw(st.lists(st.integers(entry, 8), min_size=2, max_size=6)):
            cancelled = draw(st.one_of(st.none(), st.integers(day + 1, day + 4)))
            rows.order(
                unit, at(day, 5), cancelled_day=cancelled, paid=draw(st.sampled_from([True, True, False]))
            )
    return rows.data()


@st.composite
def all_economics(draw: st.DrawFn) -> Economics:
    low, high = sorted((draw(st.integers(0, 1_000_000)), draw(st.integers(0, 1_000_000))))
    return Economics(
        currency="RUB",
        margin_ppm=draw(st.sampled_from([None, (low, high), (low, low)])),
        vat_ppm=draw(st.sampled_from([0, 100_000, 200_000])),
        cost_per_exposure_minor=draw(st.sampled_from([0, 0, 7])),
        rates={"USD": (draw(st.integers(1, 200)), draw(st.integers(1, 7))), "JPY": (1, 3), "RUB": (5, 1)},
        needs_delivery_cost=draw(st.booleans()),
    )


@st.composite
def requests(draw: st.DrawFn) -> AnalysisRequest:
    """All metrics, most at one window and one of them at a second, some capped."""
    window_days = draw(st.integers(0, 5))
    metrics = [metric(key, window_days) for key in sorted(KINDS)]
    metrics += [metric("custom:opened", window_days, about) for about in ("count", "sum", "sum_minor")]
    metrics.append(metric(draw(_keys), window_days + draw(st.integers(1, 4))))
    capped = draw(st.lists(st.sampled_from([m.label for m in metrics]), max_size=4))
    as_of_day = draw(st.one_of(st.integers(0, 18), st.integers(8, 18)))
    asked = request(
        *metrics,
        as_of_day=as_of_day,
        settle_days=draw(st.integers(0, 3)),
        economics=draw(st.one_of(st.none(), all_economics(), all_economics())),
        caps={label: draw(st.integers(0, 1_500)) for label in capped},
    )
    curve_days = metrics[-1].window_days if not metrics[-1].is_followed else window_days
    offers = OfferQuestion(window_days, curve_days, as_of_day - draw(st.integers(0, 1)))
    return replace(asked, offers=offers)


def as_of(asked: AnalysisRequest, day: int) -> AnalysisRequest:
    """The same question on another day."""
    return replace(asked, as_of_day=day)
