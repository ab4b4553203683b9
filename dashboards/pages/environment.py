"""The template engine: autoescaped, one environment per language."""

import json
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dashboards.wording.language import LOCALES, Words

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def script_json(document: Any) -> Markup:
    r"""JSON that is safe inside a `<script>` element: nothing in it can end the element.

    Raises:
        ValueError: NaN or an infinity, which JSON does not know.

    >>> script_json({"name": "</script>"})
    Markup('{"name":"\\u003c/script\\u003e"}')
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign, escape in _ESCAPES.items():
        text = text.replace(sign, escape)
    return Markup(text)  # noqa: S704 -- every sign that HTML could understand has been escaped above


@lru_cache(maxsize=8)
def environment(words: Words) -> Environment:
    """The environment of one language (see `words_for`)."""
    made = Environment(
        loader=PackageLoader("dashboards", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined] # the extension adds it
    made.filters["script_json"] = script_json
    made.globals["words"] = words
    made.globals["locales"] = LOCALES
    return made
