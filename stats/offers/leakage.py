"""Leakage: codes of one variant redeemed by somebody else's visitors."""

from collections.abc import Mapping
from dataclasses import dataclass

from stats.arguments import check_share, check_whole
from stats.fixed_sample import Count, share_interval
from stats.results import Inconclusive

DILUTION_SHARE = 0.05  # above it the effect as randomised is diluted and no effect on redeemers is given
NEVER_ASSIGNED = None

Pair = tuple[str, str | None]  # code's variant, redeemer's variant or None: never assigned


@dataclass(frozen=True, slots=True)
class Leakage:
    """Redemptions by the code's variant and the redeemer's.

    Attributes:
        matrix: redemptions by (code's variant, redeemer's variant; None: never assigned).
        redemptions: all of them.
        leaked: those whose redeemer is not of the code's variant.
        share: leaked over all, 0–1.
        interval: Wilson interval of the share.
        by_code: leaked share of each code's variant, for those with redemptions.
        diluted: whether the share is above five percent.
    """

    matrix: Mapping[Pair, int]
    redemptions: int
    leaked: int
    share: float
    interval: tuple[float, float]
    by_code: Mapping[str, float]
    diluted: bool


def leakage(matrix: Mapping[Pair, int], alpha: float = 0.05) -> Leakage | Inconclusive:
    """How much of an offer was used by those it was not meant for.

    Args:
        matrix: redemptions by (code's variant, redeemer's variant or None), counts ≥ 0.
        alpha: 1 − level of the interval, in (0, 1).

    Returns:
        The leakage; `Inconclusive("no_redemptions")` without any.

    Raises:
        ValueError: a count is no whole number of 0 or more, or alpha is outside its range.

    Assumes independent redemptions; codes posted in public leak in clusters: the interval is then short.
    Source: Wilson (1927), Journal of the American Statistical Association 22.

    >>> found = leakage({("a", "a"): 90, ("a", "b"): 6, ("a", None): 4})
    >>> found.share, [round(end, 4) for end in found.interval], found.diluted
    (0.1, [0.0552, 0.1744], True)
    """
    check_share("alpha", alpha)
    for pair, count in matrix.items():
        check_whole(**{f"the redemptions of {pair}": count})
    total = sum(matrix.values())
    if total == 0:
        return Inconclusive("no_redemptions", "no code was redeemed")
    leaked = sum(count for (code, redeemer), count in matrix.items() if code != redeemer)
    return Leakage(
        matrix=dict(matrix),
        redemptions=total,
        leaked=leaked,
        share=leaked / total,
        interval=share_interval(Count(leaked, total), alpha),
        by_code=_by_code(matrix),
        diluted=leaked / total > DILUTION_SHARE,
    )


def _by_code(matrix: Mapping[Pair, int]) -> dict[str, float]:
    found: dict[str, float] = {}
    for code in dict.fromkeys(code for code, _ in matrix):
        row = {redeemer: count for (own, redeemer), count in matrix.items() if own == code}
        total = sum(row.values())
        if total:
            found[code] = 1 - row.get(code, 0) / total
    return found
