"""One measured figure with what was asked of it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A share of simulated runs.

    Attributes:
        what: in words.
        seed: of numpy's default generator.
        runs: simulated tests.
        found: the share (or, where `error` is given, any mean).
        low: smallest value that passes.
        high: largest value that passes.
        error: Monte-Carlo standard error; None: of a share.
        unit: `share`, shown in per cent, or another unit, shown as it is.
    """

    what: str
    seed: int
    runs: int
    found: float
    low: float = 0.0
    high: float = 1.0
    error: float | None = None
    unit: str = "share"

    @property
    def monte_carlo_error(self) -> float:
        """Standard error of `found` over the runs."""
        if self.error is not None:
            return self.error
        return math.sqrt(max(self.found * (1 - self.found), 0.25 / self.runs) / self.runs)

    @property
    def is_met(self) -> bool:
        """Whether the figure is within its bounds, give or take two Monte-Carlo errors."""
        slack = 2 * self.monte_carlo_error
        return self.low - slack <= self.found <= self.high + slack

    def row(self) -> str:
        """One line of a Markdown table."""
        asked, found = self._asked(), f"{self._said(self.found)} ± {self._said(self.monte_carlo_error)}"
        met = "" if asked == "for comparison" else "yes" if self.is_met else "**no**"
        return f"| {self.what} | {self.runs:,} | {self.seed} | {found} | {asked} | {met} |"

    def _asked(self) -> str:
        if self.low <= 0 and self.unit == "share" and self.high >= 1:
            return "for comparison"
        if self.low <= 0:
            return f"≤ {self._said(self.high)}"
        if self.high >= 1:
            return f"≥ {self._said(self.low)}"
        return f"{self._said(self.low)} … {self._said(self.high)}"

    def _said(self, value: float) -> str:
        return f"{value:.2%}" if self.unit == "share" else f"{value:.2f} {self.unit}"


HEAD = "| what | runs | seed | found | asked | met |\n|---|---|---|---|---|---|"
