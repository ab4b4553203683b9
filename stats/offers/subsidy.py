"""Subsidy: bounds on the share of those who used a code that would have bought without it."""

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

from stats.arguments import check_share
from stats.results import Inconclusive

_HALVINGS = 100


@dataclass(frozen=True, slots=True)
class OfferArm:
    """The arm with the offer.

    Attributes:
        units: n.
        ordered: units that ordered, with or without the code.
        redeemed: of them, those that ordered with the code.
    """

    units: int
    ordered: int
    redeemed: int


@dataclass(frozen=True, slots=True)
class Subsidy:
    """Share of redeemers who would have bought anyway.

    Attributes:
        low: lower bound, 0–1.
        high: upper bound, 0–1.
        interval: Imbens–Manski interval: covers the true share with the level asked for.
        assumes_nobody_put_off: whether the lower bound takes it that the offer keeps nobody from buying.
    """

    low: float
    high: float
    interval: tuple[float, float]
    assumes_nobody_put_off: bool


def subsidy(
    control_units: int,
    control_ordered: int,
    offer: OfferArm,
    *,
    nobody_put_off: bool = True,
    alpha: float = 0.05,
) -> Subsidy | Inconclusive:
    """Bounds on the share of redeemers who would have bought without the offer.

    With c control's rate of ordering, p the offer's arm's, and r its rate of ordering with the code:
    at most c / r, since no more than c would have bought; at least 1 − (p − c) / r when the offer puts
    nobody off, else (c + r − 1) / r. The former is no estimate: with people put off it overstates.

    Args:
        control_units: units of a control **without** offer.
        control_ordered: of them, those that ordered.
        offer: the other arm.
        nobody_put_off: whether to take that assumption.
        alpha: 1 − level of the interval, in (0, 1).

    Returns:
        The bounds; `Inconclusive` without units (`no_units`) or redemptions (`no_redemptions`).

    Raises:
        ValueError: counts that do not nest, or alpha outside its range.

    Source: Manski (1990); Imbens & Manski (2004), Econometrica 72; Fréchet bounds.

    >>> found = subsidy(1000, 100, OfferArm(1000, 130, 60))
    >>> found.low, found.high
    (0.5, 1.0)
    """
    _check(control_units, control_ordered, offer, alpha)
    if control_units == 0 or offer.units == 0:
        return Inconclusive("no_units", "an arm has no mature unit")
    if offer.redeemed == 0:
        return Inconclusive("no_redemptions", "nobody ordered with a code")
    c, p, r = control_ordered / control_units, offer.ordered / offer.units, offer.redeemed / offer.units
    low = (c + r - p) / r if nobody_put_off else (c + r - 1) / r
    error = _low_error if nobody_put_off else _frechet_error
    errors = error(c, p, r, control_units, offer.units), _high_error(c, r, control_units, offer.units)
    interval = _interval((low, c / r), errors, alpha)
    high = min(1.0, c / r)
    return Subsidy(min(max(0.0, low), high), high, interval, nobody_put_off)


def _interval(bounds: tuple[float, float], errors: tuple[float, float], alpha: float) -> tuple[float, float]:
    """Both bounds moved out, inside 0 … 1."""
    width = max(0.0, _inside(bounds[1]) - _inside(bounds[0]))
    z = imbens_manski_z(width / max(*errors, 1e-300), alpha)
    return _inside(bounds[0] - z * errors[0]), _inside(bounds[1] + z * errors[1])


def _inside(share: float) -> float:
    return min(1.0, max(0.0, share))


def imbens_manski_z(width: float, alpha: float = 0.05) -> float:
    """Standard errors by which each bound moves out: from two-sided (width 0) to one-sided (wide).

    Args:
        width: distance of the bounds in standard errors, ≥ 0.
        alpha: 1 − level, in (0, 1).

    Returns:
        z with Φ(z + width) − Φ(−z) = 1 − alpha.

    Raises:
        ValueError: an argument is outside its range.

    >>> round(imbens_manski_z(0.0), 4), round(imbens_manski_z(50.0), 4)
    (1.96, 1.6449)
    """
    check_share("alpha", alpha)
    if not width >= 0.0:
        raise ValueError(f"width is {width}; it must be 0 or more")
    low, high = float(-ndtri(alpha)), float(-ndtri(alpha / 2))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        covered = float(ndtr(middle + width) - ndtr(-middle))
        low, high = (middle, high) if covered < 1 - alpha else (low, middle)
    return high


def _high_error(c: float, r: float, n_c: int, n_t: int) -> float:
    """Delta error of c / r."""
    return math.sqrt(c * (1 - c) / n_c + (c / r) ** 2 * r * (1 - r) / n_t) / r


def _frechet_error(c: float, _p: float, r: float, n_c: int, n_t: int) -> float:
    """Delta error of (c + r − 1) / r."""
    return math.sqrt(c * (1 - c) / n_c + ((1 - c) / r) ** 2 * r * (1 - r) / n_t) / r


def _low_error(c: float, p: float, r: float, n_c: int, n_t: int) -> float:
    """Delta error of 1 − (p − c) / r; redeemers are among those who ordered."""
    gain, cov = (p - c) / r, r * (1 - p) / n_t
    spread = c * (1 - c) / n_c + p * (1 - p) / n_t + gain**2 * r * (1 - r) / n_t - 2 * gain * cov
    return math.sqrt(max(0.0, spread)) / r


def _check(control_units: int, control_ordered: int, offer: OfferArm, alpha: float) -> None:
    check_share("alpha", alpha)
    if not 0 <= control_ordered <= control_units:
        raise ValueError(f"control_ordered is {control_ordered}; it must lie between 0 and {control_units}")
    if not 0 <= offer.redeemed <= offer.ordered <= offer.units:
        raise ValueError(f"redeemed ≤ ordered ≤ units does not hold for {offer}")
