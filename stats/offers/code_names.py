"""Codes that orders name without a redemption on record: how many, and whether the variants differ in it."""

from collections.abc import Mapping, Sequence
from typing import Final

from scipy.special import chdtrc

from stats.fixed_sample import Count, share_interval
from stats.offers.leakage import Pair
from stats.offers.misuse_reports import CodesReport, NamedCodes

MANY_SHARE: Final = 0.2
"""Above this share of unconfirmed codes the redemptions on record say little of who used an offer."""
FEW: Final = 10
"""Fewer unconfirmed codes than this raise no alarm."""
UNEVEN: Final = 0.001


def codes_report(matrix: Mapping[Pair, int], unconfirmed: Mapping[str, int]) -> CodesReport:
    """Redeemed and unconfirmed codes by their variant.

    Args:
        matrix: redemptions by (code's variant, redeemer's variant or None), counts ≥ 0.
        unconfirmed: code's variant → orders that name one of its codes without a redemption, counts ≥ 0.

    Returns:
        The report, with `no_codes` where there is neither.

    Assumes that the variants' codes are redeemed through the same door, so that without a fault their shares
    are equal. The p-value is Pearson's for one reading; the alarm stands at 0.001 because it is read daily.

    >>> found = codes_report({("a", "a"): 90, ("b", "b"): 60}, {"a": 10, "b": 40})
    >>> found.share, [row.share for row in found.rows], found.many, found.uneven
    (0.25, [0.1, 0.4], True, True)
    """
    redeemed: dict[str, int] = {}
    for (code, _), count in matrix.items():
        redeemed[code] = redeemed.get(code, 0) + count
    rows = [
        _row(variant, redeemed.get(variant, 0), unconfirmed.get(variant, 0))
        for variant in sorted({*redeemed, *unconfirmed})
        if redeemed.get(variant, 0) + unconfirmed.get(variant, 0)
    ]
    if not rows:
        return CodesReport(inconclusive="no_codes")
    done, open_ = sum(row.redeemed for row in rows), sum(row.unconfirmed for row in rows)
    share, pvalue = open_ / (done + open_), _pvalue(rows, open_, done)
    is_told = open_ >= FEW
    return CodesReport(
        redeemed=done,
        unconfirmed=open_,
        share=share,
        rows=tuple(rows),
        many=is_told and share > MANY_SHARE,
        pvalue=pvalue,
        uneven=is_told and pvalue is not None and pvalue < UNEVEN,
    )


def _row(variant: str, redeemed: int, unconfirmed: int) -> NamedCodes:
    total = redeemed + unconfirmed
    interval = share_interval(Count(unconfirmed, total), 0.05)
    return NamedCodes(variant, redeemed, unconfirmed, unconfirmed / total, interval)


def _pvalue(rows: Sequence[NamedCodes], unconfirmed: int, redeemed: int) -> float | None:
    """Pearson's test that all variants have the same share."""
    if len(rows) < 2 or not unconfirmed or not redeemed:  # noqa: PLR2004 - a comparison needs two
        return None
    share, statistic = unconfirmed / (unconfirmed + redeemed), 0.0
    for row in rows:
        total = row.redeemed + row.unconfirmed
        statistic += (row.unconfirmed - total * share) ** 2 / (total * share * (1 - share))
    return float(chdtrc(len(rows) - 1, statistic))
