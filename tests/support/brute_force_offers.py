"""The oracle of what is counted about offers: unit by unit, in plain Python integers."""

from collections import Counter, defaultdict
from itertools import combinations_with_replacement

from app.engine.port import AnalysisData, OfferQuestion
from stats.offers.cells import AgeCell, OfferArmCell, OfferCells, TakerCell, Taking
from stats.plan import Metric
from tests.support.brute_force import Ledger, Row, Unit, rounded


class OfferLedger:
    """One request's rows and the definitions behind `OfferCells`."""

    def __init__(self, ledger: Ledger, asked: OfferQuestion, data: AnalysisData) -> None:
        self.ledger, self.asked = ledger, asked
        self.redeemed = set([] if data.redeemed is None else data.redeemed["order_id"].to_pylist())
        self.claims: dict[int, list[Row]] = defaultdict(list)
        for claim in [] if data.claims is None else data.claims.to_pylist():
            self.claims[claim["unit"]].append(claim)

    def cells(self) -> OfferCells:
        window, curve = self.asked.window_days, self.asked.curve_days
        arms = [
            self.arm(variant, units, self.metric_at(window))
            for variant, units in self.mature(self.metric_at(window)).items()
        ]
        at_curve = self.mature(self.metric_at(curve))
        return OfferCells(
            window,
            curve,
            sorted(arms),
            dict(sorted((variant, len(units)) for variant, units in at_curve.items())),
            sorted(cell for variant, units in at_curve.items() for cell in self.ages(variant, units)),
            sorted(cell for how in ("claimed", "redeemed") for cell in self.takers(how)),
        )

    def metric_at(self, window_days: int) -> Metric:
        return next(
            metric for metric in self.ledger.metrics(survival=False) if metric.window_days == window_days
        )

    def mature(self, metric: Metric) -> dict[str, list[Unit]]:
        found: dict[str, list[Unit]] = defaultdict(list)
        for unit in self.ledger.units:
            if self.ledger.matures(metric, unit.cohort_day) <= self.asked.closed_day:
                found[unit.variant].append(unit)
        return dict(found)

    def arm(self, variant: str, units: list[Unit], metric: Metric) -> OfferArmCell:
        sums: Counter[str] = Counter()
        for unit in units:
            orders = self.ledger.counted(unit, metric)
            sums["buyers"] += bool(orders)
            sums["redeemers"] += any(order["order_id"] in self.redeemed for order in orders)
            sums["orders"] += len(orders)
            for order in orders:
                sums.update(self.parts(order, unit, metric))
            sums["messages"] += self.ledger.cost_of(unit, metric, "message")
            sums["points"] += self.ledger.cost_of(unit, metric, "points")
            sums["exposure"] += self.exposure(metric.window_days)
        return OfferArmCell(variant=variant, units=len(units), **sums)

    def exposure(self, window_days: int) -> int:
        windows = {m.window_days for m in self.ledger.request.plan.metrics if m.key == "profit_per_unit"}
        return self.ledger.economics.cost_per_exposure_minor if window_days in windows else 0

    def parts(self, order: Row, unit: Unit, metric: Metric) -> dict[str, int]:
        ledger = self.ledger
        if not ledger.has_rate(order):
            return {"unusable": 1}
        ends = [ledger.margin(order, lower=lower) for lower in (True, False)]
        discount = rounded(ledger.amount(order, "discount_minor") * ledger.net_share(order))
        refunds = ledger.refunds_of(order, unit, metric)
        parts = {
            "full_price_orders": int(ledger.amount(order, "discount_minor") == 0),
            "unusable": int(ends[0] is None or ledger.delivery_missing(order)),
            "discount": discount,
            "gift": ledger.ours(order["gift_cost_minor"] or 0, order) or 0,
            "delivery": self.delivery(order),
        }
        for name, margin in zip(("lo", "hi"), ends, strict=True):
            if margin is not None:
                parts[f"margin_{name}"] = margin
                parts[f"refunded_{name}"] = ledger.refunded_part(order, refunds, margin - discount)
        return parts

    def delivery(self, order: Row) -> int:
        if order["shipping_cost_minor"] is None:
            return 0
        paid = rounded(self.ledger.amount(order, "shipping_minor") * self.ledger.net_share(order))
        return self.ledger.amount(order, "shipping_cost_minor") - paid

    def ages(self, variant: str, units: list[Unit]) -> list[AgeCell]:
        metric = self.metric_at(self.asked.curve_days)
        sums: Counter[tuple[int, int]] = Counter()
        for unit in units:
            by_age = Counter(order["day"] - unit.cohort_day for order in self.ledger.counted(unit, metric))
            for age, orders in by_age.items():
                sums[age, -1] += orders
            for one, other in combinations_with_replacement(sorted(by_age), 2):
                sums[one, other] += by_age[one] * by_age[other]
        return [AgeCell(variant, *ages, total) for ages, total in sums.items()]

    def takers(self, how: Taking) -> list[TakerCell]:
        found = []
        for metric in self.ledger.metrics(survival=False):
            for label in self.ledger.labels(metric):
                for variant, units in self.mature(metric).items():
                    took = [unit for unit in units if self.took(how, unit, metric)]
                    values = [self.ledger.value(unit, metric, label) for unit in took]
                    cap = self.ledger.request.caps.get(metric.label)
                    known = [value[0] for value in values if value is not None]
                    capped = [x if cap is None else max(min(x, cap), -cap) for x in known]
                    cell = TakerCell(how, label, variant, len(took), sum(capped), len(took) - len(known))
                    found += [cell] if took else []
        return found

    def took(self, how: Taking, unit: Unit, metric: Metric) -> bool:
        if how == "redeemed":
            return any(order["order_id"] in self.redeemed for order in self.ledger.counted(unit, metric))
        return any(
            claim["occurred_us"] >= unit.t0_us and 0 <= claim["day"] - unit.cohort_day <= metric.window_days
            for claim in self.claims[unit.key]
        )
