"""Pages of experiments on customers speak of customers. Oracle: the catalogue's own sentences."""

from dataclasses import replace

import pytest

from dashboards.meta import ListRow
from dashboards.pages import render_experiment, render_list
from dashboards.wording import LOCALES, words_for
from dashboards.wording import catalogue as catalogues
from dashboards.wording.metrics import metric_title
from stats.metrics import CATALOGUE
from tests.support.example_results import roll_out_result, threshold_meta

VISITORS = {"en": "visitor", "ru": "посетител"}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_about_visitors_is_one_about_customers(locale: str) -> None:
    read, noun = words_for(locale, "customer").translations, VISITORS[locale]
    about = [one.id for one in catalogues.gather() if "visitor" in str(one.id).lower()]
    assert len(about) > 80
    for found in about:
        said = read.gettext(found) if isinstance(found, str) else read.ngettext(found[0], found[1], 5)
        assert (noun in said.lower()) == ("customer" in str(found).lower()), found


def test_the_nouns_decline_alike() -> None:
    words = words_for("ru", "customer")
    said = [words.ngettext("%(count)s visitor", "%(count)s visitors", n) for n in (1, 3, 5)]
    assert said == ["1 покупатель", "3 покупателя", "5 покупателей"]
    assert words.gettext("profit per visitor") == "прибыль на покупателя"
    assert words.gettext("Visitors") == "Покупатели"


@pytest.mark.parametrize("unit", ["visitor", "customer"])
@pytest.mark.parametrize("locale", LOCALES)
def test_no_two_metrics_share_a_name(locale: str, unit: str) -> None:
    names = [metric_title(words_for(locale, unit), key) for key in CATALOGUE]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_page_and_the_list_name_the_unit_of_the_experiment(locale: str) -> None:
    result = roll_out_result()
    name = f"{VISITORS[locale]}s of the shop"
    meta = replace(threshold_meta(), name=name, hypothesis="")
    for unit in ("visitor", "customer"):
        page = render_experiment(result, replace(meta, unit=unit), locale)
        ours = page.replace(name, "")
        assert name in page  # what the shop wrote stays as it is
        assert (VISITORS[locale] in ours) == (unit == "visitor"), unit
        rows = [ListRow("a", "A", "running", 3, units=7, unit=unit)]
        assert (VISITORS[locale] in render_list(rows, locale)) == (unit == "visitor")


def test_there_is_no_third_unit() -> None:
    with pytest.raises(ValueError, match="visitor, customer"):
        words_for("en", "household")
