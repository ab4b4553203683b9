"""dashboards.wording: WHICH WORDS.

Question: how does one say a verdict, a doubt, a metric in plain English and plain Russian?
In: codes and numbers of result objects. Out: sentences, from the Babel catalogues in this folder.
May import: stats.results, dashboards.formats, babel, gettext.
Next door: choosing the code is `stats`; placing the sentence on a page `dashboards.pages`.
"""

from dashboards.wording.language import LOCALES, Words, best_locale, words_for
from dashboards.wording.verdicts import VerdictWords, verdict_sentence, verdict_words

__all__ = [
    "LOCALES",
    "VerdictWords",
    "Words",
    "best_locale",
    "verdict_sentence",
    "verdict_words",
    "words_for",
]
