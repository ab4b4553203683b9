"""Whom an experiment randomises, in words: messages speak of visitors, and are read for customers as well."""

import gettext
from typing import Final

UNITS: Final = ("visitor", "customer")
_STEMS: Final = (
    ("visitor", "customer"),
    ("Visitor", "Customer"),
    ("посетител", "покупател"),
    ("Посетител", "Покупател"),
)
"""The two nouns decline alike in both languages, so their stems stand for each other."""


def of_customers(message: str, text: str) -> str:
    """A translated message about visitors as one about customers; one that speaks of both is left alone.

    Args:
        message: in English, as the catalogue knows it.
        text: in some language, its places not yet filled.

    >>> of_customers("orders per visitor", "заказы на посетителя")
    'заказы на покупателя'
    >>> of_customers("new customers per visitor", "new customers per visitor")
    'new customers per visitor'
    """
    if "customer" in message.lower():
        return text
    for visitor, customer in _STEMS:
        text = text.replace(visitor, customer)
    return text


class OfCustomers(gettext.NullTranslations):
    """A catalogue read for experiments on customers.

    Args:
        translations: the language's own catalogue.
    """

    def __init__(self, translations: gettext.NullTranslations) -> None:
        super().__init__()
        self._translations = translations

    def gettext(self, message: str) -> str:
        """See `gettext.NullTranslations`."""
        return of_customers(message, self._translations.gettext(message))

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """See `gettext.NullTranslations`."""
        return of_customers(msgid1, self._translations.ngettext(msgid1, msgid2, n))
