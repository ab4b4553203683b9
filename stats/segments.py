"""Exploring segments: which of many show an effect, with the share of false finds among the finds kept small.

Segments of one experiment overlap and are read at will, so p-values adjusted for their number would not do.
E-values may be read at any time, and e-BH keeps the false discovery rate under any dependence.
Source: Wang & Ramdas (2022), JRSS B 84; the e-values are those of `sequential.evalues`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stats.multiplicity import e_bh
from stats.sequential.evalues import Block, two_rates_evidence

_LARGEST_LOG = 700.0  # e^700 is the largest e-value a float holds; larger ones are found all the same


@dataclass(frozen=True, slots=True)
class SegmentFinding:
    """What one segment shows.

    Attributes:
        segment: its name.
        difference: rate of the treatment − rate of control; None with an empty arm.
        log_evalue: ln of the evidence against equal rates.
        found: whether it counts as a find among all segments read.
    """

    segment: str
    difference: float | None
    log_evalue: float
    found: bool


def explore_segments(
    blocks: Mapping[str, Sequence[Block]], false_discovery_rate: float = 0.1
) -> tuple[SegmentFinding, ...]:
    """Read many segments at once.

    Args:
        blocks: for each segment its days, in order of arrival.
        false_discovery_rate: expected share of false finds among the finds, in (0, 1).

    Returns:
        One finding per segment, in the order given.

    Raises:
        ValueError: the rate is outside its range, or successes exceed the units.

    >>> day = Block(1000, 50, 1000, 100)
    >>> [f.found for f in explore_segments({"new": [day] * 5, "old": [Block(10, 1, 10, 1)]})]
    [True, False]
    """
    evidence = {segment: two_rates_evidence(days).log_evalue for segment, days in blocks.items()}
    evalues = [math.exp(min(log, _LARGEST_LOG)) for log in evidence.values()]
    found = set(e_bh(evalues, false_discovery_rate))
    return tuple(
        SegmentFinding(segment, _difference(days), evidence[segment], place in found)
        for place, (segment, days) in enumerate(blocks.items())
    )


def _difference(days: Sequence[Block]) -> float | None:
    n_c, x_c, n_t, x_t = (sum(column) for column in zip(*days, strict=True)) if days else (0, 0, 0, 0)
    return x_t / n_t - x_c / n_c if n_c and n_t else None
