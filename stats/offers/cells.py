"""Integer counts behind everything that is said of an offer: one set per variant, of matured units only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Taking = Literal["claimed", "redeemed"]


class OfferArmCell(NamedTuple):
    """What the matured units of one variant did inside one window; money in minor units, net of VAT.

    Attributes:
        variant: variant of the unit's first exposure.
        units: units whose window has closed and settled.
        buyers: of them, those with an order that counts.
        redeemers: of them, those with such an order in which the offer was redeemed.
        orders: orders that count.
        full_price_orders: of them, those without any discount.
        unusable: orders whose profit cannot be known.
        margin_lo: goods margin before discounts at the lower end of the margin share.
        margin_hi: the same at the upper end.
        discount: discounts.
        gift: cost of gifts.
        delivery: cost of deliveries less what was paid for them.
        refunded_lo: goods margin less discount that went back, at the lower end.
        refunded_hi: the same at the upper end.
        messages: cost of messages.
        points: points owed at the end of the window, less those spent.
        exposure: cost of showing the offer.
    """

    variant: str
    units: int
    buyers: int = 0
    redeemers: int = 0
    orders: int = 0
    full_price_orders: int = 0
    unusable: int = 0
    margin_lo: int = 0
    margin_hi: int = 0
    discount: int = 0
    gift: int = 0
    delivery: int = 0
    refunded_lo: int = 0
    refunded_hi: int = 0
    messages: int = 0
    points: int = 0
    exposure: int = 0


class AgeCell(NamedTuple):
    """Σ over matured units of (orders at one age) × (orders at another); with `other_age` −1 of the orders.

    Attributes:
        variant: variant of the unit's first exposure.
        age: shop days since the exposure, 0 …
        other_age: an age not below `age`, or −1.
        total: the sum.
    """

    variant: str
    age: int
    other_age: int
    total: int


class TakerCell(NamedTuple):
    """Matured units that took the offer, by metric.

    Attributes:
        how: `claimed` (a code was issued to the unit) or `redeemed` (it ordered with the offer).
        metric: label of the cells of the metric.
        variant: variant of the unit's first exposure.
        units: units that took it inside the metric's window.
        total: Σx of their capped values.
        unusable: of them, those whose value cannot be known.
    """

    how: Taking
    metric: str
    variant: str
    units: int
    total: int
    unusable: int = 0


@dataclass(frozen=True)
class OfferCells:
    """What an engine counts about the offers.

    Attributes:
        window_days: window of `arms`.
        curve_days: last age of `ages`.
        arms: one per variant with matured units at `window_days`.
        curve_units: matured units at `curve_days` by variant.
        ages: order counts by age at `curve_days`.
        takers: by metric, at each metric's own window.
    """

    window_days: int
    curve_days: int
    arms: Sequence[OfferArmCell]
    curve_units: dict[str, int]
    ages: Sequence[AgeCell]
    takers: Sequence[TakerCell]
