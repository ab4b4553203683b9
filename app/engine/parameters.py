"""The small tables that turn one request into the parameters of the questions. The same for every engine."""

from typing import NamedTuple

from app.engine.port import AnalysisRequest, Economics
from stats.metrics import event_name, statistic_of
from stats.plan import Metric

MONEY_KEYS = frozenset(
    {
        "discount_per_unit",
        "revenue_per_unit",
        "average_order_value",
        "profit_per_unit",
        "threshold_bunching",  # its baskets are compared with an amount
    },
)
SURVIVAL_KEYS = frozenset({"repeat_purchase_rate"})
RECURRENT_KEYS = frozenset({"orders_per_customer"})
FOLLOWED_KEYS = SURVIVAL_KEYS | RECURRENT_KEYS
RATIO_KEYS = frozenset(
    {
        "average_order_value",
        "redemptions_per_redeemer",
        "full_price_share",
        "refund_rate",
        "threshold_bunching",
    },
)
# which question counts the values of a metric: `values_of_SOURCE`
SOURCES = {
    **dict.fromkeys(
        (
            *("conversion_rate", "orders_per_unit", "repeat_buyers_per_unit", "discount_per_unit"),
            *("revenue_per_unit", "average_order_value", "full_price_share", "refund_rate"),
        ),
        "orders",
    ),
    "profit_per_unit": "profits",
    "new_customers_per_unit": "newcomers",
    "redemption_rate": "uses",
    "redemptions_per_redeemer": "uses",
    "sku_orders_per_unit": "lines",
    "threshold_bunching": "baskets",
}


class MomentRow(NamedTuple):
    """One label of moment cells.

    Attributes:
        label: `Metric.label`, with `#lo` or `#hi` where the margin is an interval.
        key: `Metric.key`.
        lower_margin: whether profit takes the lower end of the margin.
        window_days: w; ages 0 … w count.
        mature_days: w + settle days; a cohort matures so many days after its own.
        cap: largest |x| in minor units, or None.
        idle: the value of a unit without orders.
        source: which question counts its values (`values_of_SOURCE`).
        subject: the sku or the name of the custom events it counts, or None.
        statistic: what is made of custom events, else `share`.
        threshold: T of bunching in minor units, else 0.
    """

    label: str
    key: str
    lower_margin: bool
    window_days: int
    mature_days: int
    cap: int | None
    idle: int
    source: str
    subject: str | None
    statistic: str
    threshold: int


class SurvivalRow(NamedTuple):
    """One metric counted at age 1 … `window_days` of followed units; `mature_days` as in `MomentRow`."""

    label: str
    window_days: int
    mature_days: int


class RateRow(NamedTuple):
    """One currency that can be turned into the plan's: amount × numerator / denominator."""

    currency: str
    numerator: int
    denominator: int


class TermsRow(NamedTuple):
    """What holds for all metrics at once.

    Attributes:
        as_of_day: last shop day read.
        money_days: longest window of a money metric, −1 without one.
        profit_days: longest window of a profit metric, −1 without one.
        vat_ppm: VAT rate on prices in parts per million.
        margin_lo_ppm: lower end of the goods margin share in parts per million, or None.
        margin_hi_ppm: its upper end, or None.
        needs_delivery_cost: profit of an order without `shipping_cost_minor` cannot be known.
    """

    as_of_day: int
    money_days: int
    profit_days: int
    vat_ppm: int
    margin_lo_ppm: int | None
    margin_hi_ppm: int | None
    needs_delivery_cost: bool


def check(request: AnalysisRequest) -> None:
    """Refuse what no engine can count.

    Raises:
        ValueError: an unknown metric key, a label twice, money without economics or currency, a rate whose
            parts are not above 0, an empty margin interval.
    """
    labels = [metric.label for metric in request.plan.metrics]
    for metric in request.plan.metrics:
        if source_of(metric) is None and metric.key not in FOLLOWED_KEYS:
            known = sorted(SOURCES.keys() | FOLLOWED_KEYS)
            raise ValueError(f"unknown metric {metric.key!r}: not one of {known}, custom:EVENT")
        if metric.key == "threshold_bunching" and not _threshold(metric, request):
            raise ValueError(f"{metric.label} has no threshold, and no offer has one")
        if _is_money(metric) and request.economics is None and request.plan.currency is None:
            raise ValueError(f"{metric.label} is money, and the plan has neither economics nor a currency")
        if labels.count(metric.label) > 1:
            raise ValueError(f"two metrics with the label {metric.label!r}")
    _check_economics(economics(request))


def economics(request: AnalysisRequest) -> Economics:
    """The request's economics; without them the plan's currency and no margin."""
    return request.economics or Economics(currency=request.plan.currency or "", margin_ppm=None)


def moment_rows(request: AnalysisRequest) -> list[MomentRow]:
    """One row per label of moment cells, in the plan's order."""
    plan = request.plan
    return [
        MomentRow(
            label=label,
            key=metric.key,
            lower_margin=label.endswith("#lo"),
            window_days=metric.window_days,
            mature_days=metric.window_days + plan.settle_days,
            cap=request.caps.get(metric.label),
            idle=_idle(metric, request),
            source=source,
            subject=event_name(metric) if source == "customs" else metric.about,
            statistic=statistic_of(metric),
            threshold=_threshold(metric, request),
        )
        for metric in plan.metrics
        if (source := source_of(metric)) is not None
        for label in cell_labels(metric, request)
    ]


def source_of(metric: Metric) -> str | None:
    """The question that counts a metric's values; None where it has no value per unit."""
    return "customs" if event_name(metric) is not None else SOURCES.get(metric.key)


def cell_labels(metric: Metric, request: AnalysisRequest) -> tuple[str, ...]:
    """The labels under which a metric's cells are filed: one, or two where the margin is an interval."""
    margin = economics(request).margin_ppm
    if metric.key == "profit_per_unit" and margin is not None and margin[0] < margin[1]:
        return (f"{metric.label}#lo", f"{metric.label}#hi")
    return (metric.label,)


def survival_rows(request: AnalysisRequest) -> list[SurvivalRow]:
    """One row per survival metric, in the plan's order."""
    return _followed_rows(request, SURVIVAL_KEYS)


def recurrent_rows(request: AnalysisRequest) -> list[SurvivalRow]:
    """One row per metric of recurrent orders, in the plan's order."""
    return _followed_rows(request, RECURRENT_KEYS)


def _followed_rows(request: AnalysisRequest, keys: frozenset[str]) -> list[SurvivalRow]:
    return [
        SurvivalRow(metric.label, metric.window_days, metric.window_days + request.plan.settle_days)
        for metric in request.plan.metrics
        if metric.key in keys
    ]


def rate_rows(request: AnalysisRequest) -> list[RateRow]:
    """The currencies that can be counted; the plan's own at 1."""
    terms = economics(request)
    foreign = [RateRow(currency, *rate) for currency, rate in sorted(terms.rates.items())]
    return [RateRow(terms.currency, 1, 1), *(row for row in foreign if row.currency != terms.currency)]


def terms_row(request: AnalysisRequest) -> TermsRow:
    """The terms that hold for all metrics."""
    terms = economics(request)
    lower, upper = terms.margin_ppm or (None, None)
    return TermsRow(
        as_of_day=request.as_of_day,
        money_days=_longest(request, MONEY_KEYS),
        profit_days=_longest(request, frozenset({"profit_per_unit"})),
        vat_ppm=terms.vat_ppm,
        margin_lo_ppm=lower,
        margin_hi_ppm=upper,
        needs_delivery_cost=terms.needs_delivery_cost,
    )


def _idle(metric: Metric, request: AnalysisRequest) -> int:
    """A unit without orders has cost us the exposure and nothing else."""
    return -economics(request).cost_per_exposure_minor if metric.key == "profit_per_unit" else 0


def _threshold(metric: Metric, request: AnalysisRequest) -> int:
    if metric.key != "threshold_bunching":
        return 0
    return request.plan.largest_threshold_minor if metric.about is None else int(metric.about)


def _is_money(metric: Metric) -> bool:
    return metric.key in MONEY_KEYS or (event_name(metric) is not None and metric.about == "sum_minor")


def _longest(request: AnalysisRequest, keys: frozenset[str]) -> int:
    return max((metric.window_days for metric in request.plan.metrics if metric.key in keys), default=-1)


def _check_economics(terms: Economics) -> None:
    for currency, (numerator, denominator) in terms.rates.items():
        if numerator < 1 or denominator < 1:
            raise ValueError(f"rate of {currency!r} is {numerator}/{denominator}; both parts must be above 0")
    if terms.margin_ppm is not None and terms.margin_ppm[0] > terms.margin_ppm[1]:
        raise ValueError(f"margin_ppm {terms.margin_ppm} is an empty interval")
    if terms.vat_ppm < 0:
        raise ValueError(f"vat_ppm is {terms.vat_ppm}; it must be at least 0")
