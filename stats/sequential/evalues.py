"""Exact evidence that may be read at any time: 2×2 tables block by block, and bets on a bounded mean.

Nothing is asymptotic here: the promise holds from the first visitor on.
Source: Turner, Ly & Grünwald (2024), "Generic e-variables for exact sequential k-sample tests", Stat. Sinica;
Waudby-Smith & Ramdas (2024), "Estimating means of bounded random variables by betting", JRSS B 86.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, xlog1py, xlogy

from stats.arguments import check_share

_TINY = 1e-12
PRIOR = 0.18  # of the beta plug-in, as the authors recommend
_Floats = NDArray[np.float64]


class Block(NamedTuple):
    """Units that arrived between two readings.

    Attributes:
        control: units of control.
        control_successes: of them, those that bought.
        treatment: units of the treatment.
        treatment_successes: of them, those that bought.
    """

    control: int
    control_successes: int
    treatment: int
    treatment_successes: int


class Evidence(NamedTuple):
    """Evidence against "both rates are equal".

    Attributes:
        log_evalue: ln of the e-value after the last block.
        pvalue: 1 / the largest e-value so far, at most 1; may be read at any time.
    """

    log_evalue: float
    pvalue: float


def two_rates_evidence(blocks: Iterable[Block]) -> Evidence:
    """E-value of two conversion rates.

    Each block is bet on with the rates seen in the blocks before it, against their weighted mean.

    Args:
        blocks: in the order of arrival; a block must be cut without a look at its successes (one day each).

    Returns:
        The evidence; the first block only teaches.

    Raises:
        ValueError: successes are negative or exceed the units.

    >>> round(two_rates_evidence([Block(100, 5, 100, 9)]).pvalue, 9)
    1.0
    """
    log_evalue = highest = 0.0
    seen = Block(0, 0, 0, 0)
    for block in blocks:
        _check_block(block)
        log_evalue += block_log_evalue(block, seen)
        highest = max(highest, log_evalue)
        seen = Block(*(a + b for a, b in zip(seen, block, strict=True)))
    return Evidence(log_evalue, math.exp(-highest))


def block_log_evalue(block: Block, seen: Block) -> float:
    """Ln of the e-value of one block, bet with the rates of the blocks seen before.

    Its expectation is at most 1 whatever the common rate is.
    """
    units = block.control + block.treatment
    if units == 0:
        return 0.0
    rate_c = (seen.control_successes + PRIOR) / (seen.control + 2 * PRIOR)
    rate_t = (seen.treatment_successes + PRIOR) / (seen.treatment + 2 * PRIOR)
    common = (block.control * rate_c + block.treatment * rate_t) / units
    return (
        _log_likelihood(block.control_successes, block.control, rate_c)
        + _log_likelihood(block.treatment_successes, block.treatment, rate_t)
        - _log_likelihood(block.control_successes + block.treatment_successes, units, common)
    )


def _log_likelihood(successes: int, n: int, rate: float) -> float:
    return float(xlogy(successes, rate) + xlog1py(n - successes, -rate))


def _check_block(block: Block) -> None:
    for name, n, successes in (
        ("control", block.control, block.control_successes),
        ("treatment", block.treatment, block.treatment_successes),
    ):
        if not 0 <= successes <= n:
            raise ValueError(f"{name}_successes is {successes} of {n}; it must lie from 0 to {n}")


def share_interval(
    successes: int, n: int, alpha: float, prior: tuple[float, float] = (1.0, 1.0)
) -> tuple[float, float]:
    """Interval for a share by one beta mixture; the intersection of those of all sizes so far holds too.

    Args:
        successes: from 0 to n.
        n: trials, ≥ 1.
        alpha: 1 − coverage at all sizes together, in (0, 1).
        prior: both parameters of the mixing beta distribution, each > 0.

    Returns:
        (low, high) within [0, 1]: shares whose likelihood is more than alpha times the mixture's.

    Raises:
        ValueError: an argument is outside its range.

    Source: Robbins (1970), Annals of Mathematical Statistics 41. Oracle: ville.

    >>> [round(end, 4) for end in share_interval(60, 600, 0.05)]
    [0.0617, 0.1498]
    """
    from scipy.optimize import brentq

    check_share("alpha", alpha)
    if not all(0.0 < part < math.inf for part in prior):
        raise ValueError(f"prior is {prior}; both parts must be finite numbers above 0")
    if not 1 <= n < math.inf or not 0 <= successes <= n:
        raise ValueError(f"successes is {successes} of n = {n}; it must lie from 0 to n, and n be 1 or more")
    a, b = prior
    threshold = float(betaln(a + successes, b + n - successes) - betaln(a, b)) + math.log(alpha)
    seen = successes / n

    def excess(share: float) -> float:
        return _log_likelihood(successes, n, share) - threshold

    low = 0.0 if successes == 0 else brentq(excess, 0.0 + _TINY, seen, xtol=1e-13)
    high = 1.0 if successes == n else brentq(excess, seen, 1.0 - _TINY, xtol=1e-13)
    return float(low), float(high)


def betting_interval(
    values: Sequence[float] | _Floats, alpha: float, *, low: float = 0.0, high: float = 1.0, grid: int = 2001
) -> tuple[float, float]:
    """Interval for the mean of bounded values that holds after every value.

    For each candidate mean two gamblers bet on "above" and "below" with stakes learnt from the past; a
    candidate that makes either rich (their mean over 1 / alpha) is out for good.

    Args:
        values: in the order of arrival, each within [low, high].
        alpha: 1 − coverage, in (0, 1).
        low: smallest possible value.
        high: largest possible value.
        grid: candidates, ≥ 3; the ends are widened by one step of it.

    Returns:
        (low end, high end) of what is not refuted.

    Raises:
        ValueError: an argument is outside its range or a value outside its bounds.

    >>> betting_interval([], 0.05)
    (0.0, 1.0)
    """
    check_share("alpha", alpha)
    if not low < high or grid < 3:  # noqa: PLR2004 - both ends and something between
        raise ValueError(f"low is {low}, high {high}, grid {grid}; low must be below high and grid 3 or more")
    scaled = (np.asarray(values, dtype=np.float64) - low) / (high - low)
    if scaled.size and not (scaled.min() >= 0.0 and scaled.max() <= 1.0):
        raise ValueError(f"every value must lie between {low} and {high}")
    means = np.linspace(0.0, 1.0, grid)
    alive = _not_refuted(scaled, means, alpha)
    left = means[alive]
    if not left.size:
        return low, high
    step = 1.0 / (grid - 1)
    ends = max(0.0, float(left[0]) - step), min(1.0, float(left[-1]) + step)
    return low + ends[0] * (high - low), low + ends[1] * (high - low)


def _not_refuted(scaled: _Floats, means: _Floats, alpha: float) -> NDArray[np.bool_]:
    alive = np.ones(means.size, dtype=np.bool_)
    above, below = np.zeros(means.size), np.zeros(means.size)  # ln of each gambler's capital
    with np.errstate(divide="ignore"):
        most_above, most_below = 0.5 / means, 0.5 / (1.0 - means)
    for stake, value in zip(_stakes(scaled, alpha), scaled, strict=True):
        gain = value - means
        above += np.log1p(np.minimum(stake, most_above) * gain)
        below += np.log1p(-np.minimum(stake, most_below) * gain)
        alive &= np.logaddexp(above, below) - math.log(2.0) < -math.log(alpha)
    return alive


def _stakes(scaled: _Floats, alpha: float) -> _Floats:
    """Predictable stakes: √(2 ln(2/α) / (σ² t ln(1 + t))) with the variance seen before each value."""
    t = np.arange(1, scaled.size + 1)
    mean = (0.5 + np.cumsum(scaled)) / (t + 1)
    variance = (0.25 + np.cumsum((scaled - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]]) if scaled.size else variance
    stakes: _Floats = np.sqrt(2.0 * math.log(2.0 / alpha) / (before * t * np.log1p(t)))
    return stakes
