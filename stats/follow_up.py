"""What partly followed buyers add to a Kaplan–Meier share before all of them have matured."""

import numpy as np

from stats.arguments import check_share, check_whole


def followed_information(
    again: float, window_days: int, entry_days: int, mature_days: tuple[int, ...]
) -> tuple[float, ...]:
    """Information of a repeat rate, as a share of that at full follow-up, on days of a test.

    Args:
        again: share of buyers that buys again within the window, in (0, 1).
        window_days: d, the last age that counts, ≥ 1.
        entry_days: days over which buyers enter evenly, ≥ 1.
        mature_days: the looks: days of entry whose cohorts have been followed to age d, rising, from 1 to
            `entry_days`; later cohorts count as far as they have been followed.

    Returns:
        One share in (0, 1] per look; 1 where every cohort has matured.

    Assumes the same chance of a first repeat on each day, and the same number of buyers each day.
    Source: Greenwood's variance S²·Σ h / ((1 − h)·r) with the expected numbers at risk r. Oracle: the
    expected cohort triangle in `stats.repeat_purchase`.

    >>> [round(share, 3) for share in followed_information(0.2, 30, 56, (14, 28, 56))]
    [0.448, 0.716, 1.0]
    """
    check_share("again", again)
    check_whole(1, window_days=window_days, entry_days=entry_days)
    ages = np.arange(1, window_days + 1)
    kept = (1 - again) ** ((ages - 1) / window_days)  # without a repeat just before each age
    found = []
    for mature in mature_days:
        if not 1 <= mature <= entry_days:
            raise ValueError(f"mature_days has {mature}; it must lie between 1 and {entry_days}")
        entered = np.minimum(mature + window_days - ages, entry_days)  # cohorts followed to each age
        found.append(float((1 / kept).sum() / (1 / (entered / entry_days * kept)).sum()))
    return tuple(found)
