"""One budget of error over several comparisons: Dunnett's level, step-wise p-values, e-BH.

Variants against one control share the control, so their z are correlated; Dunnett's critical value uses that.
Assumes normal z; the correlation of two comparisons is λ_i λ_j with λ_i = √(n_i / (n_i + n_control)).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from stats.arguments import check_share

AdjustMethod = Literal["bonferroni", "holm", "hommel", "fdr_bh"]
_NODES = 128  # Gauss–Hermite nodes: the integrand is smooth, the error is below 1e-12
_LARGEST_Z = 40.0


def dunnett_critical(
    control_share: float, treatment_shares: Sequence[float], alpha: float, *, sides: int = 2
) -> float:
    """Critical value of the largest |z| (one side: the largest z) among treatments against one control.

    Args:
        control_share: share of units of control, > 0.
        treatment_shares: shares of the treatments, each > 0.
        alpha: family-wise type-I error, in (0, 1).
        sides: 1 or 2.

    Returns:
        c with P(any |z| > c) = alpha (one side: P(any z > c)) when nothing differs.

    Raises:
        ValueError: a share or alpha is outside its range, or there is no treatment.

    Source: Dunnett (1955), JASA 50; oracle: R mvtnorm.

    >>> round(dunnett_critical(0.25, [0.25, 0.25, 0.25], 0.05), 3)
    2.349
    """
    check_share("alpha", alpha)
    if sides not in {1, 2}:
        raise ValueError(f"sides is {sides}; it must be 1 or 2")
    return _critical(_loadings(control_share, treatment_shares), alpha, sides)


@lru_cache(maxsize=256)
def _critical(loadings: tuple[float, ...], alpha: float, sides: int) -> float:
    from scipy.optimize import brentq

    least = 0.0 if sides == 2 else -_LARGEST_Z  # noqa: PLR2004 - |z| is never below 0
    return float(brentq(lambda c: _any_beyond(c, loadings, sides) - alpha, least, _LARGEST_Z, xtol=1e-12))


def _any_beyond(critical: float, loadings: tuple[float, ...], sides: int = 2) -> float:
    """P(any |z| > c), or z > c: given the control's part, the treatments are independent."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    inside = np.ones_like(nodes)
    for loading in loadings:
        rest = math.sqrt(1.0 - loading**2)
        below = ndtr((-critical - loading * nodes) / rest) if sides == 2 else 0.0  # noqa: PLR2004 - as above
        inside *= ndtr((critical - loading * nodes) / rest) - below
    return 1.0 - float(weights @ inside) / math.sqrt(2.0 * math.pi)


def dunnett_level(
    control_share: float, treatment_shares: Sequence[float], alpha: float, *, sides: int = 2
) -> float:
    """Level (over all its sides) at which each comparison may be tested so that the family keeps alpha.

    Args:
        control_share: share of units of control, > 0.
        treatment_shares: shares of the treatments, each > 0.
        alpha: family-wise type-I error, in (0, 1).
        sides: 1 or 2.

    Returns:
        A level above alpha / number of treatments; alpha itself for one treatment.

    Raises:
        ValueError: as `dunnett_critical`.

    >>> round(dunnett_level(0.25, [0.25, 0.25, 0.25], 0.05), 4)
    0.0188
    """
    return sides * float(ndtr(-dunnett_critical(control_share, treatment_shares, alpha, sides=sides)))


def dunnett_pvalue(control_share: float, treatment_shares: Sequence[float], pvalue: float) -> float:
    """Chance that any of several comparisons with one control is as extreme as one with this p-value.

    Args:
        control_share: share of units of control, > 0.
        treatment_shares: shares of the treatments, each > 0.
        pvalue: two-sided, of one comparison by itself, in [0, 1].

    Returns:
        The single-step adjusted p-value; `pvalue` itself for one treatment.

    Raises:
        ValueError: as `dunnett_critical`, or a p-value outside [0, 1].

    >>> round(dunnett_pvalue(0.25, [0.25, 0.25, 0.25], 0.0188), 3)
    0.05
    """
    if not 0.0 <= pvalue <= 1.0:
        raise ValueError(f"pvalue is {pvalue}; it must lie from 0 to 1")
    loadings = _loadings(control_share, treatment_shares)
    if len(loadings) == 1 or pvalue in {0.0, 1.0}:
        return pvalue
    return min(1.0, max(pvalue, _any_beyond(-float(ndtri(pvalue / 2)), loadings)))


def _loadings(control_share: float, treatment_shares: Sequence[float]) -> tuple[float, ...]:
    """Weight of the control's part in each comparison's z."""
    if not treatment_shares:
        raise ValueError("treatment_shares is empty; at least one treatment is needed")
    if not all(share > 0.0 and math.isfinite(share) for share in (control_share, *treatment_shares)):
        raise ValueError("every share must be a finite number above 0")
    return tuple(math.sqrt(share / (share + control_share)) for share in treatment_shares)


def adjusted_pvalues(pvalues: Sequence[float], method: AdjustMethod) -> tuple[float, ...]:
    """P-values adjusted for their number, in the order given.

    Args:
        pvalues: in [0, 1].
        method: `bonferroni`, `holm`, `hommel` (family-wise) or `fdr_bh` (false discovery rate).

    Returns:
        One p-value each; below alpha is significant for the family.

    Raises:
        ValueError: a p-value is outside [0, 1].

    Source: statsmodels `multipletests`.

    >>> [round(p, 4) for p in adjusted_pvalues([0.01, 0.04, 0.03], "holm")]
    [0.03, 0.06, 0.06]
    """
    if not all(0.0 <= pvalue <= 1.0 for pvalue in pvalues):
        raise ValueError("every p-value must lie from 0 to 1")
    if not pvalues:
        return ()
    from statsmodels.stats.multitest import multipletests

    adjusted = multipletests(np.asarray(pvalues, dtype=float), method=method)[1]
    return tuple(float(pvalue) for pvalue in adjusted)


def e_bh(evalues: Sequence[float], alpha: float) -> tuple[int, ...]:
    """Positions rejected by the e-BH procedure: false discovery rate ≤ alpha under any dependence.

    Args:
        evalues: e-values, ≥ 0.
        alpha: false discovery rate, in (0, 1).

    Returns:
        Positions with the k* largest e-values, rising; k* is the largest k whose k-th largest e-value is
        at least m / (k · alpha).

    Raises:
        ValueError: an e-value or alpha is outside its range.

    Source: Wang & Ramdas (2022), JRSS B 84.

    >>> e_bh([30, 25, 10, 5, 1], 0.1)
    (0, 1)
    """
    check_share("alpha", alpha)
    if not all(evalue >= 0.0 for evalue in evalues):
        raise ValueError("every e-value must be 0 or more")
    order = sorted(range(len(evalues)), key=lambda place: -evalues[place])
    enough = [k for k, place in enumerate(order, start=1) if k * evalues[place] * alpha >= len(evalues)]
    return tuple(sorted(order[: max(enough, default=0)]))
