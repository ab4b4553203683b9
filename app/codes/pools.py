"""Pools of codes for mailings: made in bounded transactions, handed over as a stream."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import text

from app.clock import isoformat
from app.codes.batches import Batch
from app.codes.terms import CodeTerms
from app.codes.vault import Sealed, Vault
from app.database import Database
from app.errors import Conflict, NotFound
from app.experiments.service import get_row
from app.ledger.rows import Identifier
from app.ledger.service import Ledger
from app.ledger.transaction import Transaction
from app.spreadsheets import safe_cell

MOST_CODES: Final = 1_000_000
CHUNK: Final = 1000
"""Codes that are stored in one go: others wait for no more."""
PAGE: Final = 2000
"""Codes that are read and opened in one go."""

_ADD = (
    "INSERT INTO codes (digest, ciphertext, experiment, variant, kind, batch, uses_left, valid_until_us,"
    " created_at_us) VALUES (:digest, :ciphertext, :experiment, :variant, 'pool', :batch, :uses_left,"
    " :valid_until_us, :now_us) ON CONFLICT DO NOTHING"
)
_CLAIM_ROOM = (
    "UPDATE code_batches SET codes = codes + :more WHERE experiment = :experiment AND batch = :batch"
    " AND codes + :more <= :most"
)
_COUNT = "SELECT codes FROM code_batches WHERE experiment = :experiment AND batch = :batch"
_PAGE = text(
    "SELECT id, digest, ciphertext, variant, valid_until_us FROM codes"
    " WHERE experiment = :experiment AND batch = :batch AND id > :after ORDER BY id LIMIT :most"
)
_ONE_BATCH = text("SELECT codes, variant FROM code_batches WHERE experiment = :experiment AND batch = :batch")


class Filled(NamedTuple):
    """How far a pool is: how many codes it has now, and how many of them are new."""

    codes: int
    added: int


@dataclass(frozen=True, slots=True)
class AddToPool:
    """The deed of storing new codes, as long as the pool has no more than it is to have.

    Attributes:
        batch: the pool.
        most: how many it is to have.
        minted: new codes; none: only look.
    """

    batch: Batch
    most: int
    minted: Sequence[Sealed]

    @property
    def size(self) -> int:
        """See `Deed`."""
        return max(len(self.minted), 1)

    def identifiers(self) -> Sequence[Identifier]:
        """See `Deed`."""
        return ()

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        self.batch.open(transaction)
        more = len(self.minted)
        has_room = more and transaction.changed(_CLAIM_ROOM, **self.batch.key, more=more, most=self.most)
        added = self._add(transaction) if has_room else 0
        if has_room and added < more:  # drawn twice: once in ten thousand pools of a million
            self.batch.grow(transaction, added - more)
        return Filled(int(transaction.one(_COUNT, **self.batch.key)[0]), added)

    def _add(self, transaction: Transaction) -> int:
        shared = {
            **self.batch.key,
            "variant": self.batch.terms.variant,
            "uses_left": self.batch.terms.uses,
            "valid_until_us": self.batch.valid_until_us,
            "now_us": transaction.now_us,
        }
        rows = [{**shared, "digest": one.digest, "ciphertext": one.ciphertext} for one in self.minted]
        return transaction.store.run_many(_ADD, rows)


def check_pool(terms: CodeTerms) -> None:
    """Refuse a pool that nobody could use.

    Raises:
        Conflict: the offer has one shared code, or its codes are bound to whom they are claimed by.
    """
    if terms.issue == "shared":
        raise Conflict(
            "everybody shares one code of this offer: there is nothing to mail", "shared_code", "variant"
        )
    if terms.bound:
        raise Conflict(
            "bound codes belong to whom they were claimed by; claim them", "bound_codes", "variant"
        )


async def fill_pool(
    ledger: Ledger, vault: Vault, batch: Batch, most: int, told: Callable[[Filled], None] = lambda _: None
) -> Filled:
    """Make codes until the pool has so many; again, or two at once, makes no more.

    Args:
        ledger: whose writer stores them.
        vault: makes them.
        batch: the pool.
        most: how many it is to have, 1 to `MOST_CODES`.
        told: hears of progress after each chunk.

    Raises:
        Conflict: the name belongs to another batch.
        Unavailable: the database is away; what was made stays, and asking again goes on from there.
    """
    filled: Filled = await ledger.do(AddToPool(batch, most, ()))
    added = 0
    while filled.codes < most:
        minted = await asyncio.to_thread(_mint, vault, min(CHUNK, most - filled.codes))
        filled = await ledger.do(AddToPool(batch, most, minted))
        added += filled.added
        told(Filled(filled.codes, added))
    return Filled(filled.codes, added)


def _mint(vault: Vault, count: int) -> list[Sealed]:
    return [vault.mint() for _ in range(count)]


def batch_size(database: Database, experiment: str, batch: str) -> tuple[int, str]:
    """How many codes a batch has, and of which variant.

    Raises:
        NotFound: there is none of this name, or no such experiment.
    """
    with database.read() as session:
        get_row(session, experiment)
        found = session.execute(_ONE_BATCH, {"experiment": experiment, "batch": batch}).first()
    if found is None:
        raise NotFound("no batch has this name", "unknown_batch", "batch")
    return int(found[0]), str(found[1])


def written_pool(
    database: Database, vault: Vault, terms: CodeTerms, batch: str, page: int = PAGE
) -> Iterator[bytes]:
    """The codes of a batch as CSV: code, variant, valid_until; a page at a time, in the order they were made.

    Args:
        database: to read from, in a transaction for each page.
        vault: opens them.
        terms: of the batch: no code outlives its offer.
        batch: its name.
        page: codes in one piece.
    """
    yield b"code,variant,valid_until\r\n"
    after = 0
    while True:
        values = {"experiment": terms.experiment, "batch": batch, "after": after, "most": page}
        with database.read() as session:
            rows = session.execute(_PAGE, values).all()
        if not rows:
            return
        after = rows[-1][0]
        yield "".join([_written(vault, terms, row) for row in rows]).encode()


def _written(vault: Vault, terms: CodeTerms, row: Any) -> str:
    code = safe_cell(vault.open(Sealed(bytes(row[1]), bytes(row[2]))))
    ends = [end for end in (row[4], terms.ends_at_us) if end is not None]
    return f"{code},{safe_cell(row[3])},{isoformat(min(ends)) if ends else ''}\r\n"
