"""Keeping the catalogues: gather the messages, merge them into each language, compile.

After changing a message run `python -m dashboards.wording.catalogue`, translate what is new in
`ru/LC_MESSAGES/messages.po`, run it again. A test fails when a message is missing, untranslated or not
compiled.
"""

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from dashboards.wording.language import DOMAIN, FOLDER, LOCALES

_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
_KEYWORDS = {"gettext": None, "ngettext": (1, 2), "mark": None}
# The date in a catalogue's head is fixed: the same messages give the same bytes.
_DATE = datetime(2026, 1, 1, tzinfo=UTC)


def gather() -> Catalog:
    """All messages of the room's modules and templates, as the template catalogue."""
    catalogue = _empty(None)
    for filename, _, message, comments, context in extract_from_dir(
        FOLDER.parent, method_map=_METHODS, keywords=_KEYWORDS
    ):
        catalogue.add(message, None, [(filename, 0)], auto_comments=comments, context=context)
    return catalogue


def _empty(locale: str | None) -> Catalog:
    return Catalog(
        locale=locale,
        project="Offerlab",
        copyright_holder="the Offerlab authors",
        creation_date=_DATE,
        revision_date=_DATE,
        fuzzy=False,
        header_comment="# Messages of the Offerlab pages.",
    )


def path_of(locale: str, suffix: str) -> Path:
    """Where a language's catalogue lies; suffix `po` or `mo`."""
    return FOLDER / locale / "LC_MESSAGES" / f"{DOMAIN}.{suffix}"


def read(locale: str) -> Catalog:
    """A language's catalogue as it is on disk; empty when there is none yet."""
    path = path_of(locale, "po")
    return read_po(io.BytesIO(path.read_bytes()), locale=locale) if path.exists() else _empty(locale)


def compiled(catalogue: Catalog) -> bytes:
    """The bytes of the `.mo` file."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def text(catalogue: Catalog) -> bytes:
    """The bytes of the `.po` or `.pot` file, sorted by message, without line numbers."""
    out = io.BytesIO()
    write_po(out, catalogue, width=110, sort_output=True, ignore_obsolete=True, include_lineno=False)
    return out.getvalue()


def update() -> None:
    """Write the template, merge it into every language, compile every language."""
    template = gather()
    (FOLDER / f"{DOMAIN}.pot").write_bytes(text(template))
    for locale in LOCALES:
        catalogue = read(locale)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.creation_date = catalogue.revision_date = _DATE
        path_of(locale, "po").parent.mkdir(parents=True, exist_ok=True)
        path_of(locale, "po").write_bytes(text(catalogue))
        path_of(locale, "mo").write_bytes(compiled(catalogue))


if __name__ == "__main__":
    update()
