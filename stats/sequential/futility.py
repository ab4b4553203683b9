"""Non-binding futility: the z under which going on is hardly worth it, by spending beta.

The efficacy boundaries are those without futility, so a team that goes on in spite of it keeps its alpha.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from stats.sequential.spending import Spending, parse_spending

_Floats = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(160)
_LOWEST = 9.0  # standard deviations under the drift beyond which no path is


@dataclass(frozen=True, slots=True)
class Futility:
    """Boundaries under which a test may be given up.

    Attributes:
        z: one per look but the last, where efficacy decides; −inf where nothing is spent.
        drift: θ, the effect with E(Z_k) = θ·√I_k at which the design has its power.
        inflation: maximal size over that of a one-look test with the same error rates.
    """

    z: tuple[float, ...]
    drift: float
    inflation: float


def futility_boundaries(
    information: Sequence[float],
    upper: Sequence[float],
    alpha: float,
    power: float,
    spending: str = "obrien-fleming",
) -> Futility:
    """Futility boundaries of a one-sided design, and the size it needs for its power.

    Args:
        information: shares of the plan, rising, > 0, the last one 1.
        upper: efficacy boundary of each look, finite.
        alpha: one-sided type-I error behind them, in (0, 1).
        power: in (alpha, 1); beta = 1 − power is spent by the spending function.
        spending: name of the function.

    Returns:
        The boundaries. The drift is solved so that futility and efficacy meet at the last look.

    Raises:
        ValueError: lengths differ, the information does not rise to 1, or an error rate is out of range.

    Source: Pampallona, Tsiatis & Kim (2001); Anderson & Clark (2010). Oracle: rpact
    `typeBetaSpending = "bsOF", bindingFutility = FALSE`.

    >>> found = futility_boundaries([1.0], [1.959964], 0.025, 0.8)
    >>> found.z, round(found.inflation, 6)
    ((), 1.0)
    """
    from scipy.optimize import brentq

    _check(information, upper, alpha, power)
    spent = _beta_spent(parse_spending(spending), information, 1 - power)
    fixed = float(ndtri(1 - alpha) + ndtri(power))

    def excess(theta: float) -> float:
        return _walk(information, upper, spent, theta)[1] - (spent[-1] - (spent[-2] if len(spent) > 1 else 0))

    low, high = 0.5 * fixed, 3.0 * fixed
    if excess(low) * excess(high) > 0.0:
        raise ValueError(f"upper is {list(upper)}; with these boundaries no size gives a power of {power}")
    theta = float(brentq(excess, low, high, xtol=1e-12))
    return Futility(_walk(information, upper, spent, theta)[0], theta, (theta / fixed) ** 2)


def _beta_spent(spending: Spending, information: Sequence[float], beta: float) -> list[float]:
    return [beta * spending.share(min(1.0, t), beta) for t in information]


def _walk(
    information: Sequence[float], upper: Sequence[float], spent: Sequence[float], theta: float
) -> tuple[tuple[float, ...], float]:
    """Futility z of all looks but the last, and the mass under the efficacy boundary at the last."""
    places, masses, before, used = np.zeros(1), np.ones(1), 0.0, 0.0
    found: list[float] = []
    for k, (now, z) in enumerate(zip(information, upper, strict=True)):
        step, top = math.sqrt(now - before), z * math.sqrt(now)
        centres = places + theta * (now - before)
        if k == len(information) - 1:
            return tuple(found), _mass_below(top, centres, masses, step)
        low = _quantile(spent[k] - used, centres, masses, step, top)
        found.append(low / math.sqrt(now))
        floor = max(low, theta * now - _LOWEST * math.sqrt(now))
        places = (top + floor) / 2 + (top - floor) / 2 * _NODES
        density = np.exp(-0.5 * ((places[:, None] - centres) / step) ** 2) / (step * math.sqrt(2 * math.pi))
        masses = (density @ masses) * _WEIGHTS * (top - floor) / 2
        before, used = now, spent[k]
    raise AssertionError("unreachable: the last look returns")


def _mass_below(s: float, centres: _Floats, masses: _Floats, step: float) -> float:
    return float(masses @ ndtr((s - centres) / step))


def _quantile(mass: float, centres: _Floats, masses: _Floats, step: float, top: float) -> float:
    """The s under which so much mass lies; −inf for none, at most the efficacy boundary."""
    from scipy.optimize import brentq

    low = float(np.min(centres)) - _LOWEST * step
    if mass <= _mass_below(low, centres, masses, step):
        return -math.inf
    if _mass_below(top, centres, masses, step) <= mass:
        return top - 1e-9 * step
    found: Any = brentq(lambda s: _mass_below(s, centres, masses, step) - mass, low, top, xtol=1e-13)
    return float(found)


def _check(information: Sequence[float], upper: Sequence[float], alpha: float, power: float) -> None:
    if len(information) != len(upper) or not information:
        raise ValueError("information and upper must be of one length, at least 1")
    rises = all(a < b for a, b in zip([0.0, *information], information, strict=False))
    if not rises or abs(information[-1] - 1.0) > 1e-12:  # noqa: PLR2004 - rounding of shares
        raise ValueError(f"information is {list(information)}; it must rise from above 0 to 1")
    if not all(math.isfinite(z) for z in upper):
        raise ValueError("upper must be finite; leave out looks that are not tested")
    if not 0.0 < alpha < power < 1.0:
        raise ValueError(f"alpha {alpha} and power {power} must satisfy 0 < alpha < power < 1")
