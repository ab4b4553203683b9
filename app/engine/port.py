"""The engine port: what every counting engine is asked, and what it must answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from stats.cells import Cells
    from stats.plan import AnalysisPlan


@dataclass(frozen=True, slots=True)
class Economics:
    """How an order becomes profit; shares as exact parts per million.

    Attributes:
        currency: ISO code all money is counted in.
        margin_ppm: goods margin share (lo, hi) for orders that carry no margin, or None.
        vat_ppm: VAT rate on prices, 0.2 → 200000.
        cost_per_exposure_minor: cost of showing the offer once to a unit.
        rates: currency → (numerator, denominator) that turn its minor units into ours.
        needs_delivery_cost: an offer pays delivery, so profit needs `shipping_cost_minor` on each order.
    """

    currency: str
    margin_ppm: tuple[int, int] | None
    vat_ppm: int = 0
    cost_per_exposure_minor: int = 0
    rates: dict[str, tuple[int, int]] = field(default_factory=dict)
    needs_delivery_cost: bool = False


@dataclass(frozen=True, slots=True)
class OfferQuestion:
    """What is asked about the offers beside the metrics.

    Attributes:
        window_days: window of profit and of who ordered; one of the windows of the plan's per-unit sums.
        curve_days: last age of the curve of orders, likewise.
        closed_day: cohorts that have matured by this shop day count.
    """

    window_days: int
    curve_days: int
    closed_day: int


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """One question to an engine.

    Attributes:
        plan: metrics, windows, settle days, variants.
        economics: None when the experiment has no money.
        as_of_day: last closed shop day, days since 1970-01-01; later rows are not in the data.
        caps: metric label → frozen cap in minor units; a metric without one is not capped.
        offers: what is asked about the offers too, or None.
    """

    plan: "AnalysisPlan"
    economics: Economics | None
    as_of_day: int
    caps: dict[str, int]
    offers: OfferQuestion | None = None


@dataclass(frozen=True, slots=True)
class AnalysisData:
    """Ledger rows, identity resolved (`unit` is canonical), cut at as_of, as Arrow tables.

    Exact column types are the schemas in `app.engine.tables`. Times are int64 microseconds since 1970 UTC
    (`*_us`); days are int32 shop days since 1970-01-01; money is int64 minor units.

    Attributes:
        exposures: event_id, unit, variant, occurred_us, day; only those that may be analysed (known variant,
            inside running time, not flagged out).
        orders: event_id, order_id (unique), unit, occurred_us, day, currency, paid, items_minor,
            discount_minor, shipping_minor, and nullable: shipping_cost_minor, tax_minor, margin_minor,
            gift_cost_minor, lines_price_minor (Σ quantity × price) and lines_cost_minor (Σ quantity × cost),
            both null unless every line has a cost, cancelled_day (null: not cancelled).
        refunds: refund_id (unique), order_id, day, amount_minor, margin_minor (nullable). A refund of an
            order that is not in `orders` changes nothing.
        customs: event_id, unit, name, occurred_us, day, value and value_minor (nullable), trusted (sent with
            a key of the shop's server), or None.
        costs: unit, occurred_us, day, kind (`message`: what sending it cost; `points`: what is owed for
            points earned, negative for points spent), amount_minor in the plan's currency; or None.
        redeemed: order_id (unique) of orders in which the offer was redeemed, or None.
        claims: unit, occurred_us, day of each code issued to a unit, or None.
        uses: order_id, day and reversed_day (null: never given back) of each use of the offer, or None.
        lines: order_id and sku (null: the order came without lines), each pair once, of the products that
            metrics ask for, or None.
        persons: order_id (unique) and person, where a unit is a cluster of several people, or None.
    """

    exposures: "pa.Table"
    orders: "pa.Table"
    refunds: "pa.Table"
    customs: "pa.Table | None" = None
    costs: "pa.Table | None" = None
    redeemed: "pa.Table | None" = None
    claims: "pa.Table | None" = None
    uses: "pa.Table | None" = None
    lines: "pa.Table | None" = None
    persons: "pa.Table | None" = None


class Engine(Protocol):
    """A counting engine. Counts and sums must equal those of the brute-force engine exactly."""

    def cells(self, request: AnalysisRequest, data: AnalysisData) -> "Cells":
        """Integer sufficient statistics per metric, variant and cohort day.

        Units whose money cannot be known count in `units` and `unusable` and in no sum. `notes` holds, when
        not 0, how many orders inside the longest window lack something: `currency_without_rate`,
        `margin_unknown`, `delivery_cost_missing`, `lines_missing`; and of custom events whose values are
        summed, how many have none (`value_missing`) or come from a browser (`value_untrusted`).

        Raises:
            ValueError: a metric key no engine counts, or money without economics or currency.
        """
        ...

    def first_buyer_values(
        self, request: AnalysisRequest, data: AnalysisData, metric: str, limit: int
    ) -> Sequence[int]:
        """|x| of the first `limit` mature units with x ≠ 0, by (t0, event_id of first exposure); for caps.

        `metric` is a label; where the margin is an interval the label alone means its upper end, `#hi`.
        Ratios give their numerator. Units whose money cannot be known are passed over.

        Raises:
            ValueError: a label that is not in the plan or has no per-unit sum, or limit < 1.
        """
        ...

    def unit_totals(self, request: AnalysisRequest, data: AnalysisData) -> "pa.Table":
        """One row per exposed unit, sorted by unit, with what the analysis knows of it at `as_of_day`.

        Columns: unit, variant, t0_us, cohort_day, then per metric `LABEL` (int64, uncapped; null when it
        cannot be known, or for followed metrics when the unit was never at risk), `LABEL.denominator`
        (ratios only) and `LABEL.mature` (bool). An unknown margin gives `LABEL#lo` and `LABEL#hi`.
        """
        ...
