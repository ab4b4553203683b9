"""Anytime-valid t-tests and intervals for one coefficient of a linear regression.

The coefficient's t statistic becomes an e-value by a g-prior on the effect, so it may be read at any time.
Assumes normal errors of equal variance; a randomised treatment may be adjusted for covariates.
Source: Lindon, Ham, Tingley & Bojinov (2022), "Anytime-valid inference in linear models". Oracle: avlm.
"""

import math

from stats.arguments import check_finite, check_positive, check_share


def regression_pvalue(t: float, df: float, n: int, g: float) -> float:
    """P-value of a coefficient that may be read at any time.

    Args:
        t: coefficient over its classical standard error.
        df: residual degrees of freedom, n minus the number of coefficients, > 0.
        n: rows, ≥ 2.
        g: precision of the prior, > 0; `best_g` tunes it.

    Returns:
        In (0, 1].

    Raises:
        ValueError: an argument is outside its range.

    >>> regression_pvalue(0.0, 30, 32, 1.0)
    1.0
    """
    _check(df, n, g)
    check_finite(t=t)
    shrunk = g / (g + n)
    ratio = t**2 / df
    gain = 0.5 * math.log(shrunk) + 0.5 * (df + 1.0) * (math.log1p(ratio) - math.log1p(shrunk * ratio))
    return math.exp(-max(gain, 0.0))


def regression_half_width(standard_error: float, df: float, n: int, g: float, alpha: float) -> float:
    """Half-width of the confidence sequence of a coefficient.

    Args:
        standard_error: classical, > 0.
        df: residual degrees of freedom, > 0.
        n: rows, ≥ 2.
        g: precision of the prior, > 0.
        alpha: 1 − coverage, in (0, 1).

    Returns:
        In the unit of the coefficient; infinity while nothing can be said yet.

    Raises:
        ValueError: an argument is outside its range.
    """
    _check(df, n, g)
    check_share("alpha", alpha)
    check_positive(standard_error=standard_error)
    return standard_error * _radius(df, n, g, alpha)


def best_g(n: int, coefficients: int, alpha: float) -> float:
    """The precision that makes the interval narrowest at n rows.

    Args:
        n: rows planned, more than `coefficients`.
        coefficients: columns of the regression, intercept and treatment included, ≥ 1.
        alpha: 1 − coverage, in (0, 1).

    Raises:
        ValueError: an argument is outside its range.

    >>> round(best_g(10_000, 5, 0.05))
    1217
    """
    from scipy.optimize import minimize_scalar

    check_share("alpha", alpha)
    df = n - coefficients
    _check(df, n, 1.0)
    found = minimize_scalar(
        lambda log_g: min(_radius(df, n, math.exp(log_g), alpha), 1e9),
        bounds=(math.log(1e-3), math.log(100.0 * n)),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return math.exp(float(found.x))


def _radius(df: float, n: int, g: float, alpha: float) -> float:
    """The largest |t| that is not refuted."""
    shrunk = g / (g + n)
    kept = (alpha**2 * shrunk) ** (1.0 / (df + 1.0))
    return math.sqrt(df * (1.0 - kept) / (kept - shrunk)) if kept > shrunk else math.inf


def _check(df: float, n: int, g: float) -> None:
    check_positive(df=df, g=g)
    if not 2 <= n < math.inf:  # noqa: PLR2004 - one row has no spread
        raise ValueError(f"n is {n}; it must be finite, 2 or more")
