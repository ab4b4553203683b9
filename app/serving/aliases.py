"""Which visitor stands for a customer: read from mapped memory, never asked of the database.

The rule is `app.identity.resolve`'s; `app.serving.links` keeps it up and `app.serving.id_table` shows it.
"""

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from app.serving.index_file import IndexFile
from app.serving.links import LinkRow

if TYPE_CHECKING:
    from app.serving.id_table import IdTable


class AliasIndex:
    """Customer id → canonical visitor id.

    Args:
        file: the index to show; without one the first link makes a temporary one.
    """

    def __init__(self, file: IndexFile | None = None) -> None:
        self._file = file
        self._table: IdTable | None = None if file is None else file.table

    def __len__(self) -> int:
        """Number of customers that ever had a link."""
        return 0 if self._table is None else len(self._table)

    def canonical(self, customer_id: str) -> str | None:
        """The visitor that stands for a customer, or None when no link is known."""
        table = self._table
        return None if table is None else table.find(customer_id)

    def show(self, file: IndexFile) -> None:
        """Show this index from now on, as it stands."""
        file.refresh_table()
        self._file, self._table = file, file.table

    def link(self, visitor_id: str, customer_id: str, occurred_us: int, event_id: str) -> None:
        """Take in one link; in any order, as often as you like.

        Args:
            visitor_id: a visitor.
            customer_id: the customer it was seen to be.
            occurred_us: when, microseconds since 1970 UTC.
            event_id: breaks ties.
        """
        self.take([(visitor_id, customer_id, occurred_us, event_id)])

    def take(self, rows: Iterable[LinkRow]) -> None:
        """Take in links that are not of the ledger (tests, studies); the follower writes its own."""
        file = self._opened()
        with file.transaction():
            file.advance(*file.reached(), file.links.take(rows).customers)
        self._table = file.table

    def contradicting(self) -> int:
        """How many pairs of visitor and customer contradict the visitor's first link."""
        return 0 if self._file is None else self._file.links.contradicting()

    def forget(self, visitor_ids: Iterable[str], customer_ids: Iterable[str] = ()) -> None:
        """Erase visitors, and customers with all their visitors: no byte of an id stays in any file here.

        The ledger must have forgotten them before, or they come back when the index is read again.
        """
        file = self._opened()
        file.forget(visitor_ids, customer_ids)
        self._table = file.table

    def _opened(self) -> IndexFile:
        if self._file is None:
            folder = tempfile.mkdtemp(prefix="offerlab-identity-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._file = IndexFile(Path(folder) / "index")
        return self._file
