"""Ratios of two sums per arm (average order value), by the delta method.

The arm changes the denominator, so a ratio explains and never decides.
"""

from stats.contrasts import Arm
from stats.means import MeanContrast
from stats.results import Inconclusive
from stats.summaries import Moments, check_sums


def ratio_arm(moments: Moments) -> Arm | None:
    """Σx / Σy of one arm with its delta-method variance n / (n − 1) · Σ(x − Ry)² / (Σy)².

    Args:
        moments: sums of x, y, x², y² and xy over the arm's units.

    Returns:
        The arm, or None under two units or where Σy is not positive.

    Source: Deng, Knoblich & Lu (2018), KDD, equation 2; Σ(x − Ry)² is an exact integer over (Σy)².

    >>> ratio_arm(Moments(units=2, total=30, squares=500, denominator=2, denominator_squares=2, cross=30))
    Arm(n=2, mean=15.0, variance=25.0)
    """
    n, x, y = moments.units, moments.total, moments.denominator
    if n < 2 or y <= 0:  # noqa: PLR2004 - a variance needs two units
        return None
    residual = y * y * moments.squares - 2 * x * y * moments.cross + x * x * moments.denominator_squares
    return Arm(n, x / y, n * residual / ((n - 1) * y**4))


def compare_ratios(control: Moments, treatment: Moments) -> MeanContrast | Inconclusive:
    """Difference of two ratios.

    Only units with a denominator carry information, so the degrees of freedom count `buyers`: with plain z a
    shop of 90 visitors a day and arm shows 11 % false positives (docs/methods/validity.md).

    Args:
        control: moments of control.
        treatment: moments of the treatment.

    Returns:
        The contrast; `Inconclusive` where an arm has under two buyers (`no_units`) or there is no spread
        (`no_variance`).

    Raises:
        ValueError: sums that no units can have.
    """
    check_sums(control)
    check_sums(treatment)
    arm_c, arm_t = ratio_arm(control), ratio_arm(treatment)
    if arm_c is None or arm_t is None or min(control.buyers, treatment.buyers) < 2:  # noqa: PLR2004 - see above
        return Inconclusive("no_units", "an arm has fewer than two buyers")
    if arm_c.variance + arm_t.variance == 0:
        return Inconclusive("no_variance", "every order has the same value")
    return MeanContrast(arm_c, arm_t, control.buyers - 1, treatment.buyers - 1)
