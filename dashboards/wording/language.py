"""One language: its catalogue and its formats.

Messages are English sentences with named places (`%(name)s`). English is its own fallback, so only Russian
must be translated. Messages in tables are marked with `mark`, so that the extractor sees them.
"""

import gettext
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dashboards.formats import Formats
from dashboards.wording.units import UNITS, OfCustomers

DOMAIN = "messages"
FOLDER = Path(__file__).parent
LOCALES = ("en", "ru")


def mark(message: str) -> str:
    """Name a message for the catalogue without translating it yet."""
    return message


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences and numbers of one language.

    Attributes:
        locale: `en` or `ru`.
        translations: its gettext catalogue.
        formats: its numbers, money and dates.
        unit: whom the experiment at hand randomises, `visitor` or `customer`.
    """

    locale: str
    translations: gettext.NullTranslations
    formats: Formats
    unit: str = "visitor"

    def gettext(self, message: str, /, **places: object) -> str:
        """The message in this language with its places filled.

        >>> words_for("ru").gettext("keep collecting")
        'продолжайте сбор данных'
        """
        text = self.translations.gettext(message)
        return text % places if places else text

    def ngettext(self, one: str, many: str, count: int, /, **places: object) -> str:
        """The form that suits `count`, which also fills the place `%(count)s` with separators.

        >>> [words_for("ru").ngettext("%(count)s day", "%(count)s days", n) for n in (1, 2, 5)]
        ['1 день', '2 дня', '5 дней']
        """
        text = self.translations.ngettext(one, many, count)
        return text % {"count": self.formats.number(count), **places}


@lru_cache(maxsize=len(LOCALES) * len(UNITS))
def words_for(locale: str, unit: str = "visitor") -> Words:
    """The words of a language for an experiment on visitors or on customers.

    Raises:
        ValueError: a language there is no catalogue for, or another unit.

    >>> words_for("en", "customer").gettext("revenue per visitor")
    'revenue per customer'
    """
    if locale not in LOCALES:
        raise ValueError(f"locale must be one of {', '.join(LOCALES)}, got {locale!r}")
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
    found = gettext.translation(DOMAIN, FOLDER, languages=[locale])
    translations = OfCustomers(found) if unit == "customer" else found
    return Words(locale, translations, Formats(locale), unit)


def best_locale(asked: str | None, accepted: str | None = None, fallback: str = "en") -> str:
    """The language to answer in: the one asked for (`?lang=`), else the browser's first that we speak.

    Args:
        asked: value of the language switch or cookie.
        accepted: an `Accept-Language` header; its order is taken as the preference.
        fallback: when neither names a language of ours.

    >>> best_locale(None, "de-DE,ru;q=0.9,en;q=0.8"), best_locale("xx", None), best_locale("en", "ru")
    ('ru', 'en', 'en')
    """
    wishes = [asked or "", *_languages(accepted or "")]
    return next((wish for wish in wishes if wish in LOCALES), fallback)


def _languages(header: str) -> Sequence[str]:
    return [part.split(";")[0].strip().split("-")[0].lower() for part in header.split(",")]
