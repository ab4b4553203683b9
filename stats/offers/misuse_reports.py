"""What a result says of codes and people that are not what they seem, as plain values; never deciding."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamedCodes:
    """Codes of one variant that orders used or named.

    Attributes:
        code_variant: whose codes.
        redeemed: uses on record that were not given back.
        unconfirmed: orders that name a code without a redemption on record.
        share: unconfirmed over both, 0–1.
        interval: Wilson interval of the share (95 %).
    """

    code_variant: str
    redeemed: int
    unconfirmed: int
    share: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class CodesReport:
    """Codes that only orders name.

    Attributes:
        redeemed: over all variants; `unconfirmed` likewise.
        share: unconfirmed over both, 0–1; None without any.
        rows: by the code's variant.
        many: the share is so large that redemptions say little of who used the offer.
        pvalue: that the shares of the variants are equal; None with fewer than two variants.
        uneven: whether it is below the alarm's level.
        inconclusive: `no_codes`, or None.
    """

    redeemed: int = 0
    unconfirmed: int = 0
    share: float | None = None
    rows: tuple[NamedCodes, ...] = ()
    many: bool = False
    pvalue: float | None = None
    uneven: bool = False
    inconclusive: str | None = None


@dataclass(frozen=True, slots=True)
class AbuseRow:
    """Suspected units of one variant.

    Attributes:
        variant: of their first exposure.
        units: exposed units.
        suspected: of them, those that seem to be one person under several ids.
        self_referral: of these, inviters with the people they brought; `velocity`: the others.
        redemptions: uses of the offer by suspected units.
    """

    variant: str
    units: int
    suspected: int
    self_referral: int
    velocity: int
    redemptions: int


@dataclass(frozen=True, slots=True)
class AbuseEffect:
    """A deciding metric of one treatment, read once with everybody and once without suspected units.

    Attributes:
        metric: key of the metric.
        window_days: its window.
        treatment: compared with control.
        everybody: difference and the ends of its interval for one reading (95 %), or None.
        without: the same without suspected units.
    """

    metric: str
    window_days: int
    treatment: str
    everybody: tuple[float, float, float] | None
    without: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class AbuseReport:
    """Suspected abuse; explains and never decides.

    Attributes:
        suspected: units, over all variants.
        share: of exposed units, 0–1; None without any.
        rows: by variant.
        effects: the deciding metrics with and without them; empty where nobody is suspected.
        crowded_marks: cards and devices shared by too many people to say anything.
        many: whether the share is above the alarm's.
        pvalue: that the variants have the same share; None where it cannot be said.
        uneven: whether it is below the alarm's level.
        inconclusive: `no_fingerprints`, or None.
    """

    suspected: int = 0
    share: float | None = None
    rows: tuple[AbuseRow, ...] = ()
    effects: tuple[AbuseEffect, ...] = ()
    crowded_marks: int = 0
    many: bool = False
    pvalue: float | None = None
    uneven: bool = False
    inconclusive: str | None = None
