"""Numbers, money and dates of a page; oracles: ISO 4217, CLDR's rules written out by hand."""

import pytest

from dashboards.formats import Formats, iso_digits
from dashboards.palette import CONTROL, DARK_PAPER, LIGHT_PAPER, TREATMENTS, contrast

EN, RU = Formats("en"), Formats("ru")


@pytest.mark.parametrize(("currency", "digits"), [("RUB", 2), ("IRR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)])
def test_money_has_the_digits_of_the_standard_not_of_custom(currency: str, digits: int) -> None:
    assert iso_digits(currency) == digits


@pytest.mark.parametrize(
    ("formats", "minor", "currency", "decimals", "expected"),
    [
        (EN, 123_456_789, "USD", None, "$1,234,567.89"),
        (RU, 123_456_789, "USD", None, "1 234 567,89 $"),
        (EN, 123_456_789, "RUB", 0, "1,234,568 ₽"),
        (RU, -1280, "RUB", 1, "−12,8 ₽"),
        (EN, 1500, "JPY", 2, "¥1,500"),
        (EN, -53, "USD", 2, "−$0.53"),
    ],
)
def test_money_is_written_as_its_reader_expects(
    formats: Formats, minor: int, currency: str, decimals: int | None, expected: str
) -> None:
    assert formats.money(minor, currency, decimals).replace("\u00a0", " ") == expected


def test_a_rounded_zero_has_no_minus() -> None:
    assert EN.number(-0.0004, 2, signed=True) == "0.00"


def test_about_amounts_keep_three_digits() -> None:
    assert EN.rounded_money(38_437_800, "RUB") == "384,000\u00a0₽"
    assert EN.rounded_money(1_240, "USD") == "$12"
    assert EN.rounded_money(0, "USD") == "$0"


def test_shares_and_pvalues_have_sensible_digits() -> None:
    assert (EN.share(0.17395), EN.share(0.0123), EN.share(1)) == ("17.4%", "1.23%", "100%")
    assert (RU.pvalue(0.00001), EN.pvalue(0.05)) == ("< 0,001", "0.050")


def test_days_and_months_are_in_the_readers_language() -> None:
    assert (EN.day("2026-05-04"), RU.day("2026-05-04")) == ("May 4, 2026", "4 мая 2026")
    assert (EN.month("2026-05-04"), RU.month("2026-05-04")) == ("May 2026", "май 2026")


@pytest.mark.parametrize("paper", [LIGHT_PAPER, DARK_PAPER])
def test_every_line_colour_stands_out_on_both_papers(paper: str) -> None:
    assert min(contrast(colour, paper) for colour in (CONTROL, *TREATMENTS)) >= 3  # WCAG 2.2, 1.4.11
