"""A metric's values in words: what one unit of it is, and how many digits a reader needs."""

from dataclasses import dataclass

from dashboards.formats import decimals_for, major
from dashboards.wording.language import Words
from stats.results import MetricResult

_FINEST = 2
_NO_BREAK = "\u00a0"
MONEY_UNITS = ("minor", "ratio_minor")


@dataclass(frozen=True, slots=True)
class Amounts:
    """Writes values of one metric.

    Attributes:
        words: the language.
        unit: `share`, `minor`, `ratio_minor`, `count` or `ratio` (see `MetricResult.unit`).
        currency: ISO code for money units, or None.
    """

    words: Words
    unit: str
    currency: str | None

    @property
    def is_money(self) -> bool:
        """Whether values are minor units of a known currency."""
        return self.unit in MONEY_UNITS and self.currency is not None

    def value(self, value: float, *others: float | None, signed: bool = False) -> str:
        """A mean; `others` are values shown beside it, so that all get the same digits."""
        if self.unit == "share":
            return self.words.formats.share(value, self._decimals(value, *others), signed=signed)
        return self._plain(value, *others, signed=signed)

    def difference(self, value: float, *others: float | None, signed: bool = True) -> str:
        """A difference; shares differ in percentage points."""
        if self.unit == "share":
            number = self.words.formats.number(value * 100, self._decimals(value, *others), signed=signed)
            return self.words.gettext("%(number)s pp", number=number).replace(" ", _NO_BREAK)
        return self._plain(value, *others, signed=signed)

    def interval(self, low: float | None, high: float | None, *others: float | None) -> str:
        """An interval with one or both ends, `+2.9 … +22.6 ₽`; empty without any."""
        ends = (low, high, *others)
        first, last = (None if end is None else self.difference(end, *ends) for end in (low, high))
        if low is not None and first is not None and last is not None:
            bare = self.bare(low, *ends, signed=True)
            start = bare if first.startswith(bare) else first  # a unit behind the number is said once
            return self.words.gettext("%(low)s … %(high)s", low=start, high=last)
        if first is not None:
            return self.words.gettext("at least %(low)s", low=first)
        return "" if last is None else self.words.gettext("at most %(high)s", high=last)

    def spoken(self, value: float, *others: float | None, signed: bool = False) -> str:
        """A difference as a sentence says it: `2.1 percentage points`, `12.8 ₽`."""
        if self.unit == "share":
            number = self.bare(value, *others, signed=signed)
            return self.words.gettext("%(number)s percentage points", number=number)
        return self._plain(value, *others, signed=signed)

    def bare(self, value: float, *others: float | None, signed: bool = False) -> str:
        """The number alone, without its unit: the ends of an interval whose point has the unit."""
        decimals = self._decimals(value, *others)
        shown = 3 if decimals == _FINEST and self.unit in ("count", "ratio") else decimals
        return self.words.formats.number(self.scaled(value), shown, signed=signed)

    def total(self, total: float) -> str:
        """A sum over units: money without minor digits, everything else as a count."""
        if self.unit in MONEY_UNITS and self.currency is not None:
            return self.words.formats.money(round(total), self.currency, 0)
        return self.words.formats.number(total)

    def scaled(self, value: float) -> float:
        """The value as it is drawn: percent for shares, main units for money."""
        if self.unit == "share":
            return value * 100
        if self.unit in MONEY_UNITS and self.currency is not None:
            return major(value, self.currency)
        return value

    def _decimals(self, *values: float | None) -> int:
        return decimals_for(*(self.scaled(value) for value in values if value is not None))

    def _plain(self, value: float, *others: float | None, signed: bool) -> str:
        decimals = self._decimals(value, *others)
        if self.unit in MONEY_UNITS and self.currency is not None:
            return self.words.formats.money(value, self.currency, decimals, signed=signed)
        return self.words.formats.number(value, decimals if decimals < _FINEST else 3, signed=signed)


def amounts_of(words: Words, metric: MetricResult, currency: str | None) -> Amounts:
    """The writer for one metric of a result."""
    return Amounts(words, metric.unit, currency)
