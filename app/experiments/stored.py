"""An experiment's definition as the database holds it, for whoever is inside the writer's transaction."""

import json
from collections.abc import Mapping
from typing import Any, Protocol


class Reads(Protocol):
    """An open transaction that runs statements with `:name` in place of values."""

    def run(self, statement: str, **values: Any) -> Any:
        """One statement; gives the driver's cursor."""
        ...


def stored_definition(transaction: Reads, key: str) -> Mapping[str, Any] | None:
    """The definition of an experiment that was started; None when there is none.

    What is served may lag behind the database by a second; whoever found a row of the experiment in the
    database asks here before saying that it does not exist.

    Args:
        transaction: the one in which the row was found.
        key: of the experiment.
    """
    found = transaction.run(
        "SELECT definition FROM experiments WHERE key = :key AND started_at_us IS NOT NULL", key=key
    ).fetchone()
    if found is None:
        return None
    definition: Mapping[str, Any] = json.loads(found[0]) if isinstance(found[0], str) else found[0]
    return definition
