"""Numbers, money and dates as a reader of one language expects them (Babel underneath).

Money comes in minor units. `locale` is `en` or `ru`. A minus is the true minus sign `−`.
"""

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

# ISO 4217 minor digits that are not 2. Babel's own table follows custom (IRR 0), not the standard (IRR 2).
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_ISO_DIGITS = (
    dict.fromkeys(_NO_DIGITS.split(), 0) | dict.fromkeys(_THREE_DIGITS.split(), 3) | {"CLF": 4, "UYW": 4}
)
# Signs Babel spells out in English; written behind the amount in every language, as at home.
_TRAILING_SIGNS = {"RUB": "₽", "KZT": "₸", "UAH": "₴", "AMD": "֏", "GEL": "₾"}
_NO_BREAK = "\u00a0"
_MINUS = "−"
_SMALL_PVALUE = 0.001
_WHOLE_FROM, _TENTHS_FROM = 100, 10


def iso_digits(currency: str) -> int:
    """Digits behind the point of a currency (ISO 4217).

    >>> iso_digits("RUB"), iso_digits("JPY"), iso_digits("KWD")
    (2, 0, 3)
    """
    return _ISO_DIGITS.get(currency, 2)


def major(minor: float, currency: str) -> float:
    """Minor units as the currency's main unit: 1280 kopecks → 12.8."""
    return minor / float(10 ** iso_digits(currency))


def decimals_for(*values: float | None) -> int:
    """Digits behind the point that suit the largest of some amounts: 2 below 10, 1 below 100, else 0.

    >>> decimals_for(12.83, 2.9, None), decimals_for(1.28), decimals_for(-250.0)
    (1, 2, 0)
    """
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    return 0 if largest >= _WHOLE_FROM else 1 if largest >= _TENTHS_FROM else 2


@dataclass(frozen=True, slots=True)
class Formats:
    """How one language writes numbers, money and dates.

    Attributes:
        locale: `en` or `ru`.
    """

    locale: str

    def number(self, value: float, decimals: int = 0, *, signed: bool = False) -> str:
        """A plain number with exactly `decimals` digits behind the separator.

        >>> Formats("en").number(-1234.5, 1), Formats("ru").number(2.25, 1, signed=True)
        ('−1,234.5', '+2,2')
        """
        exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return self._sign(
            format_decimal(abs(exact), format=pattern, locale=self.locale), exact, signed=signed
        )

    def money(self, minor: float, currency: str, decimals: int | None = None, *, signed: bool = False) -> str:
        r"""Money with its sign; `decimals` defaults to the currency's own digits and never exceeds them.

        >>> Formats("en").money(1280, "RUB", 1, signed=True)
        '+12.8\xa0₽'
        >>> Formats("ru").money(-128000000, "USD", 0)
        '−1\xa0280\xa0000\xa0$'
        """
        digits = iso_digits(currency)
        shown = digits if decimals is None else min(decimals, digits)
        exact = Decimal(repr(minor)).scaleb(-digits).quantize(Decimal(1).scaleb(-shown), ROUND_HALF_EVEN)
        return self._sign(self._amount(abs(exact), currency, shown), exact, signed=signed)

    def rounded_money(self, minor: float, currency: str, *, signed: bool = False) -> str:
        r"""Money to three significant digits and no finer than whole units: for ≈ amounts.

        >>> Formats("en").rounded_money(38437800, "RUB")
        '384,000\xa0₽'
        """
        whole = major(minor, currency)
        places = 2 - math.floor(math.log10(abs(whole))) if abs(whole) >= 1 else 0
        coarse = round(whole, min(places, 0))
        return self.money(coarse * 10 ** iso_digits(currency), currency, 0, signed=signed)

    def share(self, value: float, decimals: int | None = None, *, signed: bool = False) -> str:
        r"""A share 0–1 as percent; digits follow the size unless given.

        >>> Formats("en").share(0.17395), Formats("ru").share(-0.0312, signed=True)
        ('17.4%', '−3,12\xa0%')
        """
        shown = decimals_for(value * 100) if decimals is None else decimals
        exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-shown - 2), ROUND_HALF_EVEN)
        pattern = "#,##0" + ("." + "0" * shown if shown else "") + ("%" if self.locale == "en" else "\u00a0%")
        return self._sign(
            format_percent(abs(exact), format=pattern, locale=self.locale), exact, signed=signed
        )

    def pvalue(self, value: float) -> str:
        """A p-value with three digits, `< 0.001` below.

        >>> Formats("en").pvalue(0.0004), Formats("ru").pvalue(0.0312)
        ('< 0.001', '0,031')
        """
        if value < _SMALL_PVALUE:
            return f"<{_NO_BREAK}{self.number(_SMALL_PVALUE, 3)}".replace(_NO_BREAK, " ")
        return self.number(value, 3)

    def day(self, iso: str) -> str:
        """An ISO date (or the date of an ISO time) in words.

        >>> Formats("en").day("1997-03-31"), Formats("ru").day("1997-03-31T00:00:00Z")
        ('Mar 31, 1997', '31 марта 1997')
        """
        when = datetime.fromisoformat(iso).date() if "T" in iso else date.fromisoformat(iso)
        pattern = "MMM d, y" if self.locale == "en" else "d MMMM y"
        return format_date(when, format=pattern, locale=self.locale)

    def month(self, iso: str) -> str:
        """Month and year of an ISO date.

        >>> Formats("en").month("1997-03-31"), Formats("ru").month("1997-03-31")
        ('March 1997', 'март 1997')
        """
        return format_date(date.fromisoformat(iso[:10]), format="LLLL y", locale=self.locale)

    def _amount(self, exact: Decimal, currency: str, decimals: int) -> str:
        zeros = "." + "0" * decimals if decimals else ""
        if currency in _TRAILING_SIGNS:
            number = format_decimal(exact, format="#,##0" + zeros, locale=self.locale)
            return f"{number}{_NO_BREAK}{_TRAILING_SIGNS[currency]}"
        pattern = "¤#,##0" + zeros if self.locale == "en" else "#,##0" + zeros + "\u00a0¤"
        return format_currency(exact, currency, format=pattern, locale=self.locale, currency_digits=False)

    def _sign(self, text: str, exact: Decimal, *, signed: bool) -> str:
        if exact < 0:
            return _MINUS + text
        return "+" + text if signed and exact > 0 else text
