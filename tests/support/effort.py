"""How many examples a property is tried on: fewer every day, more in the thorough run and in CI."""

import os
from typing import Final

THOROUGH: Final = bool(os.environ.get("THOROUGH_TESTS"))
"""Set by `./dev test --all`."""


def examples(everyday: int, thorough: int) -> int:
    """A number of examples.

    Args:
        everyday: where somebody waits for it.
        thorough: where nobody does.
    """
    return thorough if THOROUGH else everyday
