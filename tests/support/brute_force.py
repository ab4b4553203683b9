"""The oracle of the counting engines: every definition row by row, in plain Python integers.

Slow on purpose: it asks each question of each unit anew and shares nothing with the SQL but the port's types.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations_with_replacement
from typing import Any

import pyarrow as pa

from app.engine.port import AnalysisData, AnalysisRequest, Economics
from stats.cells import Cells, EntryCell, EventCell, MomentCell, RecurrenceCell
from stats.offers.cells import OfferCells
from stats.plan import Metric

Row = dict[str, Any]
SURVIVAL = "repeat_purchase_rate"
RECURRENT = "orders_per_customer"
FOLLOWED = (SURVIVAL, RECURRENT)
MONEY = (
    *("discount_per_unit", "revenue_per_unit", "average_order_value", "profit_per_unit"),
    "threshold_bunching",
)
OTHERS = (
    *("conversion_rate", "orders_per_unit", "repeat_buyers_per_unit", "new_customers_per_unit"),
    *("redemption_rate", "redemptions_per_redeemer", "full_price_share", "refund_rate"),
    *("sku_orders_per_unit", "unsubscribe_rate"),
)
RATIOS = (
    *("average_order_value", "redemptions_per_redeemer", "full_price_share", "refund_rate"),
    "threshold_bunching",
)


def rounded(value: Fraction) -> int:
    """The nearest integer, half away from zero."""
    whole = int(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole


@dataclass
class Unit:
    """One unit that entered, with everything that happened to it."""

    key: int
    variant: str
    event_id: str
    t0_us: int
    cohort_day: int
    crossed_over: bool
    merged: bool
    orders: list[Row] = field(default_factory=list)

    @property
    def triggered(self) -> bool:
        return any(order["paid"] and order["occurred_us"] <= self.t0_us for order in self.orders)


class BruteForceEngine:
    """An `Engine` made of loops."""

    def cells(self, request: AnalysisRequest, data: AnalysisData) -> Cells:
        ledger = Ledger(request, data)
        cohorts: dict[tuple[str, int], list[Unit]] = defaultdict(list)
        for unit in ledger.units:
            cohorts[unit.variant, unit.cohort_day].append(unit)
        return Cells(
            entries=sorted(entry_cell(cohort, units) for cohort, units in cohorts.items()),
            moments=sorted(
                ledger.moment_cell(metric, label, cohort, units)
                for metric in ledger.metrics(survival=False)
                for label in ledger.labels(metric)
                for cohort, units in cohorts.items()
                if ledger.mature(metric, cohort[1])
            ),
            events=sorted(
                cell
                for metric in ledger.metrics(survival=True)
                if metric.key == SURVIVAL
                for cell in ledger.event_cells(metric)
            ),
            recurrences=sorted(
                cell
                for metric in ledger.metrics(survival=True)
                if metric.key == RECURRENT
                for cell in ledger.recurrence_cells(metric)
            ),
            notes=ledger.notes(),
            offers=self._offers(ledger, data),
        )

    @staticmethod
    def _offers(ledger: "Ledger", data: AnalysisData) -> OfferCells | None:
        from tests.support.brute_force_offers import OfferLedger

        asked = ledger.request.offers
        return None if asked is None else OfferLedger(ledger, asked, data).cells()

    def first_buyer_values(
        self, request: AnalysisRequest, data: AnalysisData, metric: str, limit: int
    ) -> Sequence[int]:
        ledger = Ledger(request, data)
        found = next(m for m in ledger.metrics(survival=False) if metric.split("#", maxsplit=1)[0] == m.label)
        label = metric if metric in ledger.labels(found) else f"{metric}#hi"
        values = []
        for unit in sorted(ledger.units, key=lambda u: (u.t0_us, u.event_id)):
            x = ledger.value(unit, found, label)
            if ledger.mature(found, unit.cohort_day) and x is not None and x[0] != 0:
                values.append(abs(x[0]))
        return values[:limit]

    def unit_totals(self, request: AnalysisRequest, data: AnalysisData) -> pa.Table:
        ledger = Ledger(request, data)
        rows = []
        for unit in sorted(ledger.units, key=lambda u: u.key):
            row: Row = {"unit": unit.key, "variant": unit.variant, "t0_us": unit.t0_us}
            row["cohort_day"] = unit.cohort_day
            followed = sorted(ledger.metrics(survival=True), key=lambda metric: metric.key == RECURRENT)
            for metric in (*ledger.metrics(survival=False), *followed):
                for label in ledger.labels(metric):
                    row |= ledger.total(unit, metric, label)
            rows.append(row)
        return pa.Table.from_pylist(rows)


def entry_cell(cohort: tuple[str, int], units: list[Unit]) -> EntryCell:
    triggered = sum(unit.triggered for unit in units)
    crossed_over, merged = sum(unit.crossed_over for unit in units), sum(unit.merged for unit in units)
    return EntryCell(*cohort, len(units), triggered, crossed_over, merged)


class Ledger:
    """One request's rows, and every definition as a method."""

    def __init__(self, request: AnalysisRequest, data: AnalysisData) -> None:
        self.request = request
        self.as_of = request.as_of_day
        self.economics = request.economics or Economics(request.plan.currency or "", None)
        for metric in request.plan.metrics:
            if metric.key not in (*MONEY, *OTHERS, *FOLLOWED) and not metric.key.startswith("custom:"):
                raise ValueError(metric.key)
        self.refunds: dict[str, list[Row]] = defaultdict(list)
        for refund in data.refunds.to_pylist():
            self.refunds[refund["order_id"]].append(refund)
        self.costs: dict[int, list[Row]] = defaultdict(list)
        for cost in [] if data.costs is None else data.costs.to_pylist():
            self.costs[cost["unit"]].append(cost)
        self.uses: dict[str, list[Row]] = defaultdict(list)
        for use in [] if data.uses is None else data.uses.to_pylist():
            self.uses[use["order_id"]].append(use)
        self.customs = [] if data.customs is None else data.customs.to_pylist()
        self.skus: dict[str, list[str | None]] = defaultdict(list)
        for line in [] if data.lines is None else data.lines.to_pylist():
            self.skus[line["order_id"]].append(line["sku"])
        rows = [] if data.persons is None else data.persons.to_pylist()
        self.persons: dict[str, int] = {row["order_id"]: row["person"] for row in rows}
        self.units = self.entered(data)

    def entered(self, data: AnalysisData) -> list[Unit]:
        exposures: dict[int, list[Row]] = defaultdict(list)
        for row in data.exposures.to_pylist():
            if row["day"] <= self.as_of:
                exposures[row["unit"]].append(row)
        units = {}
        for key, rows in exposures.items():
            first = min(rows, key=lambda row: (row["occurred_us"], row["event_id"]))
            crossed = any(row["variant"] != first["variant"] for row in rows)
            merged = any(row["origin"] != first["origin"] for row in rows)
            start = (first["variant"], first["event_id"], first["occurred_us"], first["day"])
            units[key] = Unit(key, *start, crossed, merged)
        for order in data.orders.to_pylist():
            if order["unit"] in units:
                units[order["unit"]].orders.append(order)
        return list(units.values())

    def metrics(self, *, survival: bool) -> list[Metric]:
        return [metric for metric in self.request.plan.metrics if (metric.key in FOLLOWED) == survival]

    def labels(self, metric: Metric) -> list[str]:
        margin = self.economics.margin_ppm
        if metric.key == "profit_per_unit" and margin is not None and margin[0] != margin[1]:
            return [metric.label + "#lo", metric.label + "#hi"]
        return [metric.label]

    def matures(self, metric: Metric, cohort_day: int) -> int:
        return cohort_day + metric.window_days + self.request.plan.settle_days

    def mature(self, metric: Metric, cohort_day: int) -> bool:
        return self.matures(metric, cohort_day) <= self.as_of

    # ---- which orders count

    def counted(self, unit: Unit, metric: Metric) -> list[Row]:
        """Paid orders at age 0 … w at or after t0, not cancelled up to maturity (or as_of, when earlier)."""
        last = min(self.matures(metric, unit.cohort_day), self.as_of)
        found = []
        for order in unit.orders:
            age = order["day"] - unit.cohort_day
            cancelled = order["cancelled_day"] is not None and order["cancelled_day"] <= last
            inside = 0 <= age <= metric.window_days and order["day"] <= self.as_of
            if order["paid"] and order["occurred_us"] >= unit.t0_us and inside and not cancelled:
                found.append(order)
        return found

    def refunds_of(self, order: Row, unit: Unit, metric: Metric) -> list[Row]:
        last = min(self.matures(metric, unit.cohort_day), self.as_of)
        return [refund for refund in self.refunds[order["order_id"]] if refund["day"] <= last]

    # ---- money of one order

    def ours(self, amount: int, order: Row) -> int | None:
        """The amount in the plan's currency; None without a rate."""
        if order["currency"] == self.economics.currency:
            return amount
        if order["currency"] not in self.economics.rates:
            return None
        numerator, denominator = self.economics.rates[order["currency"]]
        return rounded(Fraction(amount * numerator, denominator))

    def amount(self, order: Row, name: str) -> int:
        """A converted amount that is known to be there."""
        value = self.ours(order[name], order)
        assert value is not None
        return value

    def has_rate(self, order: Row) -> bool:
        return order["currency"] == self.economics.currency or order["currency"] in self.economics.rates

    def paid_total(self, order: Row) -> int:
        items, discount = self.amount(order, "items_minor"), self.amount(order, "discount_minor")
        return items - discount + self.amount(order, "shipping_minor")

    def net_share(self, order: Row) -> Fraction:
        """What is left of a gross amount without VAT."""
        paid = self.paid_total(order)
        if order["tax_minor"] is not None and paid > 0:
            return Fraction(paid - self.amount(order, "tax_minor"), paid)
        return Fraction(1_000_000, 1_000_000 + self.economics.vat_ppm)

    def margin(self, order: Row, *, lower: bool) -> int | None:
        """Goods margin net of VAT before discounts; None when nobody knows it."""
        if order["margin_minor"] is not None:
            return self.amount(order, "margin_minor")
        if order["lines_price_minor"] is not None and order["lines_cost_minor"] is not None:
            price = rounded(self.amount(order, "lines_price_minor") * self.net_share(order))
            return price - self.amount(order, "lines_cost_minor")
        if self.economics.margin_ppm is None:
            return None
        share = Fraction(self.economics.margin_ppm[0 if lower else 1], 1_000_000)
        return rounded(self.amount(order, "items_minor") * self.net_share(order) * share)

    def delivery_missing(self, order: Row) -> bool:
        return self.economics.needs_delivery_cost and order["shipping_cost_minor"] is None

    def profit(self, order: Row, refunds: list[Row], *, lower: bool) -> int | None:
        """Profit of one order after the refunds given; None when it cannot be known."""
        if not self.has_rate(order) or self.delivery_missing(order):
            return None
        margin = self.margin(order, lower=lower)
        if margin is None:
            return None
        after_discount = margin - rounded(self.amount(order, "discount_minor") * self.net_share(order))
        profit = after_discount
        if order["gift_cost_minor"] is not None:
            profit -= self.amount(order, "gift_cost_minor")
        if order["shipping_cost_minor"] is not None:
            profit -= self.amount(order, "shipping_cost_minor")
            profit += rounded(self.amount(order, "shipping_minor") * self.net_share(order))
        return profit - self.refunded_part(order, refunds, after_discount)

    def refunded_part(self, order: Row, refunds: list[Row], after_discount: int) -> int:
        given, cumulative = 0, 0
        for refund in refunds:
            if refund["margin_minor"] is not None:
                given += self.ours(refund["margin_minor"], order) or 0
            else:
                cumulative += self.ours(refund["amount_minor"], order) or 0
        paid = self.paid_total(order)
        if paid <= 0:
            return given
        return given + rounded(Fraction(after_discount * min(cumulative, paid), paid))

    # ---- one unit's value

    def value(self, unit: Unit, metric: Metric, label: str) -> tuple[int, int] | None:
        """(x, y) of the unit, y 0 but for ratios; None when its money cannot be known."""
        orders = self.counted(unit, metric)
        if metric.key == "unsubscribe_rate" or metric.key.startswith("custom:"):
            custom = self.custom_value(unit, metric)
            return None if custom is None else (custom, 0)
        if metric.key in MONEY and not all(self.has_rate(order) for order in orders):
            return None
        x: int | None = None
        match metric.key:
            case "conversion_rate":
                x = int(bool(orders))
            case "orders_per_unit":
                x = len(orders)
            case "repeat_buyers_per_unit":
                x = int(len({order["day"] for order in orders}) >= 2)
            case "discount_per_unit":
                x = sum(self.amount(order, "discount_minor") for order in orders)
            case "revenue_per_unit" | "average_order_value":
                x = sum(self.revenue(order, unit, metric) for order in orders)
            case "profit_per_unit":
                x = self.unit_profit(unit, metric, lower=label.endswith("#lo"))
            case _:
                x = self.other_value(unit, metric, orders)
        y = len(orders) if metric.key in RATIOS else 0
        if metric.key == "redemptions_per_redeemer":
            y = int(x != 0)
        return None if x is None else (x, y)

    def other_value(self, unit: Unit, metric: Metric, orders: list[Row]) -> int | None:
        """What is read from which orders there are, and not from their money."""
        if metric.key == "new_customers_per_unit":
            people = {self.person(order) for order in orders}
            return len(people - {self.person(order) for order in self.earlier(unit)})
        if metric.key == "sku_orders_per_unit":
            unknown = any(None in self.skus[order["order_id"]] for order in orders)
            return None if unknown else sum(metric.about in self.skus[o["order_id"]] for o in orders)
        if metric.key == "redemption_rate":
            return int(any(self.used(order, unit, metric) for order in orders))
        return sum(self.has_sign(order, unit, metric) for order in orders)

    def has_sign(self, order: Row, unit: Unit, metric: Metric) -> bool:
        """Whether an order is one of those in the numerator of a ratio."""
        match metric.key:
            case "redemptions_per_redeemer":
                return self.used(order, unit, metric)
            case "full_price_share":
                return bool(order["discount_minor"] == 0)
            case "refund_rate":
                return any(refund["amount_minor"] > 0 for refund in self.refunds_of(order, unit, metric))
        return self.is_just_above(order, metric)

    def person(self, order: Row) -> int:
        return self.persons.get(order["order_id"], int(order["unit"]))

    @staticmethod
    def earlier(unit: Unit) -> list[Row]:
        """Paid orders before t0 that stood when the day of entry ended."""
        return [
            order
            for order in unit.orders
            if order["paid"]
            and order["occurred_us"] < unit.t0_us
            and not (order["cancelled_day"] is not None and order["cancelled_day"] <= unit.cohort_day)
        ]

    def used(self, order: Row, unit: Unit, metric: Metric) -> bool:
        last = min(self.matures(metric, unit.cohort_day), self.as_of)
        return any(
            use["day"] <= last and not (use["reversed_day"] is not None and use["reversed_day"] <= last)
            for use in self.uses[order["order_id"]]
        )

    def is_just_above(self, order: Row, metric: Metric) -> bool:
        threshold = int(metric.about or self.request.plan.largest_threshold_minor)
        return threshold <= self.amount(order, "items_minor") < threshold * Fraction(11, 10)

    def customs_of(self, unit: Unit, metric: Metric) -> list[Row]:
        name = metric.key.removeprefix("custom:") if metric.key != "unsubscribe_rate" else "unsubscribe"
        return [
            event
            for event in self.customs
            if event["unit"] == unit.key
            and event["name"] == name
            and event["occurred_us"] >= unit.t0_us
            and 0 <= event["day"] - unit.cohort_day <= metric.window_days
            and event["day"] <= self.as_of
        ]

    def custom_value(self, unit: Unit, metric: Metric) -> int | None:
        events = self.customs_of(unit, metric)
        if metric.about not in {"sum", "sum_minor"}:
            return len(events) if metric.about == "count" else int(bool(events))
        column = "value" if metric.about == "sum" else "value_minor"
        values = [event[column] for event in events if event["trusted"]]
        return None if None in values else sum(values)

    def revenue(self, order: Row, unit: Unit, metric: Metric) -> int:
        refunds = self.refunds_of(order, unit, metric)
        back = sum(self.ours(refund["amount_minor"], order) or 0 for refund in refunds)
        return self.amount(order, "items_minor") - self.amount(order, "discount_minor") - back

    def unit_profit(self, unit: Unit, metric: Metric, *, lower: bool) -> int | None:
        total = -self.economics.cost_per_exposure_minor
        total -= self.cost_of(unit, metric, "message") + self.cost_of(unit, metric, "points")
        for order in self.counted(unit, metric):
            profit = self.profit(order, self.refunds_of(order, unit, metric), lower=lower)
            if profit is None:
                return None
            total += profit
        return total

    def cost_of(self, unit: Unit, metric: Metric, kind: str) -> int:
        """Messages, or points net of VAT, from the exposure to the end of the window."""
        vat = Fraction(1_000_000, 1_000_000 + self.economics.vat_ppm)
        total = 0
        for cost in self.costs[unit.key]:
            age = cost["day"] - unit.cohort_day
            if (
                cost["occurred_us"] < unit.t0_us
                or not 0 <= age <= metric.window_days
                or cost["day"] > self.as_of
            ):
                continue
            amount = cost["amount_minor"]
            if cost["kind"] == kind:
                total += rounded(amount * vat) if kind == "points" else amount
        return total

    # ---- cells

    def moment_cell(
        self, metric: Metric, label: str, cohort: tuple[str, int], units: list[Unit]
    ) -> MomentCell:
        known = [value for unit in units if (value := self.value(unit, metric, label)) is not None]
        cap = self.request.caps.get(metric.label)
        pairs = [(x if cap is None else max(min(x, cap), -cap), y) for x, y in known]
        return MomentCell(
            metric=label,
            variant=cohort[0],
            cohort_day=cohort[1],
            units=len(units),
            buyers=sum(x != 0 or y != 0 for x, y in known),
            total=sum(x for x, _ in pairs),
            squares=sum(x * x for x, _ in pairs),
            raw_total=sum(x for x, _ in known),
            denominator=sum(y for _, y in pairs),
            denominator_squares=sum(y * y for _, y in pairs),
            cross=sum(x * y for x, y in pairs),
            unusable=len(units) - len(known),
        )

    def first_age(self, unit: Unit, metric: Metric, day: int) -> int | None:
        """Age of the first event as it is known at the end of one shop day."""
        return min(self.ages_known(unit, metric, day), default=None)

    def ages_known(self, unit: Unit, metric: Metric, day: int) -> list[int]:
        """Ages of all orders after entry that stand at the end of one shop day."""
        last = min(day, self.matures(metric, unit.cohort_day))
        ages = []
        for order in unit.orders:
            age = order["day"] - unit.cohort_day
            cancelled = order["cancelled_day"] is not None and order["cancelled_day"] <= last
            outcome = order["paid"] and order["occurred_us"] > unit.t0_us and 1 <= age <= metric.window_days
            if outcome and order["day"] <= day and not cancelled:
                ages.append(age)
        return ages

    def recurrence_cells(self, metric: Metric) -> list[RecurrenceCell]:
        """Day by day what changed in the orders and in the pairs of orders of each unit."""
        changes: Counter[tuple[str, int, int, int, int]] = Counter()
        for unit in self.units:
            before: Counter[tuple[int, int]] = Counter()
            for day in range(unit.cohort_day, self.as_of + 1) if unit.triggered else ():
                orders = Counter(self.ages_known(unit, metric, day))
                now = Counter({(age, -1): count for age, count in orders.items()})
                for age, other in combinations_with_replacement(sorted(orders), 2):
                    now[age, other] = orders[age] * orders[other]
                for ages in now.keys() | before.keys():
                    changes[unit.variant, unit.cohort_day, *ages, day] += now[ages] - before[ages]
                before = now
        return [RecurrenceCell(metric.label, *key, change) for key, change in changes.items() if change]

    def event_cells(self, metric: Metric) -> list[EventCell]:
        changes: Counter[tuple[str, int, int, int]] = Counter()
        for unit in self.units:
            before = None
            for day in range(unit.cohort_day, self.as_of + 1) if unit.triggered else ():
                now = self.first_age(unit, metric, day)
                if now != before and before is not None:
                    changes[unit.variant, unit.cohort_day, before, day] -= 1
                if now != before and now is not None:
                    changes[unit.variant, unit.cohort_day, now, day] += 1
                before = now
        return [EventCell(metric.label, *key, change) for key, change in changes.items() if change != 0]

    def total(self, unit: Unit, metric: Metric, label: str) -> Row:
        mature = {f"{label}.mature": self.mature(metric, unit.cohort_day)}
        if metric.key in FOLLOWED:
            orders = len(self.ages_known(unit, metric, self.as_of))
            x = int(bool(orders)) if metric.key == SURVIVAL else orders
            return {label: x if unit.triggered else None} | mature
        value = self.value(unit, metric, label)
        row = {label: None if value is None else value[0]}
        if metric.key in RATIOS:
            row[f"{label}.denominator"] = None if value is None else value[1]
        return row | mature

    def notes(self) -> dict[str, int]:
        """Distinct orders that some money metric counts by as_of, and what they lack."""
        counts: Counter[str] = Counter()
        for unit in self.units:
            seen = self.seen(unit, MONEY)
            counts["currency_without_rate"] += sum(not self.has_rate(order) for order in seen)
            for order in self.seen(unit, ("profit_per_unit",)):
                counts["delivery_cost_missing"] += self.delivery_missing(order)
                counts["margin_unknown"] += self.has_rate(order) and self.margin(order, lower=True) is None
            lineless = self.seen(unit, ("sku_orders_per_unit",))
            counts["lines_missing"] += sum(None in self.skus[order["order_id"]] for order in lineless)
        return {name: count for name, count in (counts | self.custom_notes()).items() if count}

    def custom_notes(self) -> Counter[str]:
        """Distinct events that some sum counts by as_of: without a value, and from a browser."""
        without, untrusted = set(), set()
        for metric in self.request.plan.metrics:
            column = {"sum": "value", "sum_minor": "value_minor"}.get(metric.about or "")
            if not metric.key.startswith("custom:") or column is None:
                continue
            for event in (event for unit in self.units for event in self.customs_of(unit, metric)):
                if not event["trusted"]:
                    untrusted.add(event["event_id"])
                elif event[column] is None:
                    without.add(event["event_id"])
        return Counter(value_missing=len(without), value_untrusted=len(untrusted))

    def seen(self, unit: Unit, keys: tuple[str, ...]) -> list[Row]:
        """Outcome orders inside the longest window of these metrics, not cancelled by as_of."""
        days = [metric.window_days for metric in self.request.plan.metrics if metric.key in keys]
        return [
            order
            for order in unit.orders
            if order["paid"]
            and order["occurred_us"] >= unit.t0_us
            and 0 <= order["day"] - unit.cohort_day <= max(days, default=-1)
            and order["day"] <= self.as_of
            and (order["cancelled_day"] is None or order["cancelled_day"] > self.as_of)
        ]
