"""Planted bugs: looks whether a code may be used, and only then, in another transaction, uses it.

`application_factory` is started in place of the real one; everything else of the service is as it is.
"""

import asyncio
from typing import Any

from app.codes import budget, uses
from app.codes.using import Redeem
from app.ledger.service import Ledger
from app.main import application_factory as sound_factory


class Look:
    """The check: would this be allowed now? Rolled back, so that nothing is taken."""

    size = 1

    def __init__(self, deed: Any) -> None:
        self.deed = deed

    def identifiers(self) -> Any:
        return self.deed.identifiers()

    def run(self, transaction: Any) -> Any:
        code, _, _ = self.deed._found(transaction)
        return code.uses_left is None or code.uses_left > 0


async def _check_then_act(self: Ledger, deed: Any) -> Any:
    if isinstance(deed, Redeem) and not await _done(self, Look(deed)):
        from app.codes.refusals import spent

        raise spent()
    await asyncio.sleep(0)
    return await _done(self, deed)


_done = Ledger.do


def application_factory() -> Any:
    """The service with its guards taken out."""
    Ledger.do = _check_then_act  # type: ignore[method-assign]  # the planted bug
    uses._TAKE = (
        "UPDATE codes SET uses_left = CASE WHEN uses_left > 0 THEN uses_left - 1 ELSE uses_left END"
        " WHERE id = :code"
    )
    budget._FITS = ""
    return sound_factory()
