"""The cap on money per unit: what a single order may weigh."""

import math
from collections.abc import Sequence

CAP_BUYERS = 1000
CAP_SHARE_PER_MILLE = 999
CAP_THRESHOLDS = 3


def nearest_rank_cap(values: Sequence[int], largest_threshold_minor: int) -> int:
    """The 99.9 % quantile of buyers' |x| by nearest rank, never below three times the largest threshold.

    Args:
        values: |x| in minor units of at least one buyer.
        largest_threshold_minor: largest `min_order_minor` of the offers.

    >>> nearest_rank_cap(range(1, 1001), 0), nearest_rank_cap([5, 7], 100)
    (999, 300)
    """
    ordered = sorted(values)
    place = math.ceil(CAP_SHARE_PER_MILLE * len(ordered) / 1000) - 1
    return max(ordered[place], CAP_THRESHOLDS * largest_threshold_minor, 1)
