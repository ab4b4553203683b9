"""Cells that a spreadsheet would run as a formula, made harmless and plain again."""

import re
from typing import Final

# The first six make a formula. The apostrophe stands here too, so that taking one away gives the text back.
_DANGEROUS: Final = re.compile("[=+\\-@\t\r']")


def safe_cell(text: str) -> str:
    """The text, led by an apostrophe where a spreadsheet would run it.

    >>> safe_cell("=1+1"), safe_cell("SALE-10")
    ("'=1+1", 'SALE-10')
    """
    return f"'{text}" if _DANGEROUS.match(text) else text


def plain_cell(text: str) -> str:
    """The text as it was before `safe_cell`.

    >>> plain_cell("'=1+1"), plain_cell("'tis")
    ('=1+1', "'tis")
    """
    return text[1:] if text.startswith("'") and _DANGEROUS.match(text, 1) else text
