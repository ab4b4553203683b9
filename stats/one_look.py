"""Units that one look needs, for each kind of metric: shares, means, counts, repeat purchase, ratios.

A rise is tested as the service tests it: shares by the score test, means by the t-test, repeat purchase by
Kaplan–Meier errors at full follow-up. A guardrail asks whether treatment − (1 − margin) · control is above 0.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from scipy.special import nctdtr, ndtri, stdtrit

from stats.arguments import check_finite, check_positive

BaselineKind = Literal["share", "mean", "count", "repeat", "ratio"]
KINDS: tuple[BaselineKind, ...] = ("share", "mean", "count", "repeat", "ratio")
_SHARES = ("share", "repeat")
_MANY = 1e5  # above it the noncentral t loses digits; the corrected normal formula is within 1e-11
LARGEST_EFFECT = 100.0
SMALLEST_EFFECT = 1e-7


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of control.

    Attributes:
        mean: mean per unit, above 0; of a share or a repeat rate in (0, 1).
        sd: standard deviation of one unit, above 0; None for a share or a repeat rate, which have their own,
            and for a count without more spread than Poisson's. Of a ratio: that of (x − R·y) / mean of y.
        kind: share (score test), mean (t-test), count (variance grows with the mean: dispersion sd² / mean),
            repeat (Kaplan–Meier event share) or ratio (delta method; explains and never decides).
        direction: the direction that is good for the shop.
    """

    mean: float
    sd: float | None = None
    kind: BaselineKind = "share"
    direction: Literal["increase", "decrease"] = "increase"

    def __post_init__(self) -> None:
        """Refuse what no metric can be."""
        check_finite(**{"the mean of control": self.mean})
        if not self.mean > 0.0:
            raise ValueError(f"the mean of control is {self.mean}; it must be a finite number above 0")
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; it must be one of {', '.join(KINDS)}")
        if self.sd is not None:
            check_positive(sd=self.sd)
        if self.kind in _SHARES:
            self._check_share()
        elif self.sd is None and self.kind != "count":
            raise ValueError(f"sd is missing; a {self.kind} needs the standard deviation of one unit")

    def _check_share(self) -> None:
        if self.sd is not None:
            raise ValueError(f"sd is {self.sd}; a {self.kind} has a spread of its own")
        if not self.mean < 1.0:
            raise ValueError(f"the mean of control is {self.mean}; a share must lie between 0 and 1")

    def variance(self, mean: float) -> float:
        """Variance of one unit at a mean.

        >>> Baseline(0.5, kind="count").variance(0.75), Baseline(0.5).variance(0.5)
        (0.75, 0.25)
        """
        if self.kind in _SHARES:
            return mean * (1.0 - mean)
        if self.kind == "count":
            return mean if self.sd is None else self.sd**2 / self.mean * mean
        return float(self.sd or 0.0) ** 2

    def moved(self, effect: float) -> float:
        """Mean of the treatment under an effect, a share of control's mean, in the good direction."""
        return self.mean * (1.0 + effect if self.direction == "increase" else 1.0 - effect)

    def largest_effect(self, *, is_margin: bool = False) -> float:
        """The largest effect (or margin) that the metric can have."""
        falls = (self.direction == "decrease") is not is_margin
        if falls:
            return 1.0 - 1e-9
        return min(LARGEST_EFFECT, (1 - 1e-9) / self.mean - 1) if self.kind in _SHARES else LARGEST_EFFECT


@dataclass(frozen=True, slots=True)
class Question:
    """What one comparison asks.

    Attributes:
        level: one-sided type-I error, in (0, 0.5).
        power: in (level, 1).
        ratio: units of the treatment for each unit of control, above 0.
        is_margin: whether the effect is a non-inferiority margin (the arms are equal in truth) and no rise.
    """

    level: float
    power: float
    ratio: float = 1.0
    is_margin: bool = False

    def __post_init__(self) -> None:
        """Refuse impossible error rates."""
        if not 0.0 < self.level < 0.5:  # noqa: PLR2004 - beyond it the boundary lies on the wrong side
            raise ValueError(f"alpha is {self.level} on one side; it must lie between 0 and 0.5")
        if not self.level < self.power < 1.0:
            raise ValueError(f"power is {self.power}; it must lie between alpha and 1")
        check_positive(ratio=self.ratio)


def control_units(baseline: Baseline, effect: float, question: Question) -> float:
    """Units of control that one look needs.

    Args:
        baseline: control's mean, spread and kind.
        effect: smallest relevant effect, or the margin, a share of control's mean, above 0.
        question: level, power, ratio of the arms, rise or margin.

    Returns:
        Units of control, not rounded; the treatment has `ratio` times as many.

    Raises:
        ValueError: the effect is outside what the metric can have.

    Source: Fleiss (1981) for shares, Farrington & Manning (1990) for margins of shares, noncentral t for
    means, Greenwood at full follow-up for repeat purchase. Oracles: R `power.prop.test`, `power.t.test`;
    statsmodels `power_poisson_diff_2indep`, `power_proportions_2indep`, `TTestIndPower`.

    >>> math.ceil(control_units(Baseline(0.05), 0.1, Question(0.025, 0.8)))
    31234
    >>> math.ceil(control_units(Baseline(0.05, kind="repeat"), 0.1, Question(0.025, 0.8)))
    31231
    """
    top = min(LARGEST_EFFECT, baseline.largest_effect(is_margin=question.is_margin))
    if not 0.0 < effect <= top:
        name = "margin" if question.is_margin else "mde"
        raise ValueError(
            f"{name} is {effect}; it must lie above 0 and at most {top:g}: "
            f"no treatment has a {baseline.kind} beyond it"
        )
    under_none, under_effect = _variances(baseline, effect, question)
    z_level, z_power = -float(ndtri(question.level)), float(ndtri(question.power))
    distance = baseline.mean * effect
    normal = ((z_level * math.sqrt(under_none) + z_power * math.sqrt(under_effect)) / distance) ** 2
    if baseline.kind not in {"mean", "ratio"}:
        return normal
    freedom = _freedom(baseline, effect, question)
    return t_units(distance**2 / under_effect, question.level, question.power, freedom)


def detectable_effect(baseline: Baseline, control: float, question: Question) -> float | None:
    """The smallest effect (or margin) that so many units of control find: the inverse of `control_units`.

    Args:
        baseline: control's mean, spread and kind.
        control: units of control, above 0.
        question: level, power, ratio of the arms, rise or margin.

    Returns:
        A share of control's mean; None where none is large enough.

    Raises:
        ValueError: an argument is outside its range.

    >>> round(detectable_effect(Baseline(0.05), 31234, Question(0.025, 0.8)), 4)
    0.1
    """
    from scipy.optimize import brentq

    check_positive(units=control)
    top = baseline.largest_effect(is_margin=question.is_margin)

    def excess(log_effect: float) -> float:
        effect = min(math.exp(log_effect), top)
        return math.log(control_units(baseline, effect, question) / control)

    low, high = math.log(SMALLEST_EFFECT), math.log(top)
    if excess(high) > 0:
        return None
    if excess(low) < 0:
        return SMALLEST_EFFECT
    return min(top, math.exp(float(brentq(excess, low, high, xtol=1e-14, rtol=1e-14))))


def t_units(
    noncentrality: float, level: float, power: float, freedom: Callable[[float], float], least: float = 2.0
) -> float:
    """Units n at which a t-test has its power.

    Args:
        noncentrality: squared drift that each unit adds: the drift at n is √(n · noncentrality), above 0.
        level: one-sided type-I error.
        power: in (level, 1).
        freedom: degrees of freedom at n, rising.
        least: the smallest answer.

    Source: noncentral t, as R `power.t.test`; above 1e5 the normal formula times 1 + z² / (2 · df).

    >>> round(t_units(0.5 * 0.5 / 4 / 2, 0.025, 0.9, lambda n: 2 * n - 2), 1)
    337.2
    """
    from scipy.optimize import brentq

    z = -float(ndtri(level))
    guess = (z + float(ndtri(power))) ** 2 / noncentrality
    if guess > _MANY:
        return guess * (1 + z**2 / (2 * freedom(guess)))

    def missing(n: float) -> float:
        df, drift = freedom(n), math.sqrt(n * noncentrality)
        missed = float(nctdtr(df, drift, float(stdtrit(df, 1 - level))))
        return power - 1.0 + (0.0 if math.isnan(missed) else missed)  # it is none where the drift is enormous

    if missing(least) <= 0:
        return least
    high = 2 * guess + 10.0 + 2 * least
    while missing(high) > 0:
        high *= 2
    return float(brentq(missing, least, high, xtol=1e-11, rtol=1e-14))


def _variances(baseline: Baseline, effect: float, question: Question) -> tuple[float, float]:
    """Variance of the tested difference times units of control: under no effect, and in truth."""
    ratio = question.ratio
    if question.is_margin:
        factor = _factor(baseline, effect)
        truth = baseline.variance(baseline.mean) * (factor**2 + 1 / ratio)
        return (_constrained(baseline.mean, factor, ratio) if baseline.kind == "share" else truth), truth
    treated = baseline.moved(effect)
    truth = baseline.variance(baseline.mean) + baseline.variance(treated) / ratio
    if baseline.kind != "share":
        return truth, truth
    pooled = (baseline.mean + ratio * treated) / (1 + ratio)
    return pooled * (1 - pooled) * (1 + 1 / ratio), truth


def _factor(baseline: Baseline, margin: float) -> float:
    return 1 - margin if baseline.direction == "increase" else 1 + margin


def _constrained(share: float, factor: float, ratio: float) -> float:
    """The score variance where both arms have `share` in truth and treatment = factor × control is asked."""
    linear = share + ratio * share + 1 - share + factor * (share + ratio)
    found = 2 * (1 + ratio) * share / (linear + math.sqrt(linear**2 - 4 * factor * (1 + ratio) ** 2 * share))
    return factor * found * (1 - factor * found) / ratio + factor**2 * found * (1 - found)


def _freedom(baseline: Baseline, effect: float, question: Question) -> Callable[[float], float]:
    """Degrees of freedom of the t-test: pooled for a rise, Satterthwaite's for a margin."""
    ratio = question.ratio
    if not question.is_margin:
        return lambda n: max((1 + ratio) * n - 2, 1e-3)
    weight = _factor(baseline, effect) ** 2

    def satterthwaite(n: float) -> float:
        parts = weight**2 / max(n - 1, 1e-3) + 1 / (ratio**2 * max(ratio * n - 1, 1e-3))
        return (weight + 1 / ratio) ** 2 / parts

    return satterthwaite
