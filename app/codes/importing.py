"""Importing a shop's own codes from a stream: good lines are kept, bad ones named, again changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from app.codes.batches import Batch
from app.codes.own_file import SHORTEST_PERSONAL, SHORTEST_SHARED, BadLine, OwnCode, OwnFile
from app.codes.vault import Sealed, Vault
from app.ledger.rows import Identifier
from app.ledger.service import Ledger
from app.ledger.transaction import Transaction

MOST_NAMED: Final = 1000
"""Bad lines that are named; more are counted."""
CHUNK: Final = 500
"""Lines that are stored in one go: others wait for no more."""

_ADD = (
    "INSERT INTO codes (digest, ciphertext, experiment, variant, kind, batch, uses_left, valid_until_us,"
    " created_at_us, upload) VALUES (:digest, :ciphertext, :experiment, :variant, :kind, :batch, :uses_left,"
    " :valid_until_us, :now_us, :upload) ON CONFLICT DO NOTHING RETURNING id"
)
_UNTOUCHED = "owner IS NULL AND NOT EXISTS (SELECT 1 FROM code_uses u WHERE u.code = codes.id)"
_SEE_AGAIN = (
    "UPDATE codes SET upload = :upload,"  # noqa: S608 - words of ours only
    f" uses_left = CASE WHEN {_UNTOUCHED} THEN CAST(:uses_left AS BIGINT) ELSE uses_left END,"
    f" valid_until_us = CASE WHEN {_UNTOUCHED} THEN CAST(:valid_until_us AS BIGINT) ELSE valid_until_us END"
    " WHERE digest = :digest AND experiment = :experiment AND variant = :variant AND kind = :kind"
    " AND batch = :batch AND upload <> :upload RETURNING id"
)
_WHOSE = "SELECT experiment, batch, upload FROM codes WHERE digest = :digest"


class Line(NamedTuple):
    """A good line, sealed."""

    own: OwnCode
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class AddOwn:
    """The deed of storing some lines; tells of each what became of it: added, unchanged, or a `BadLine`.

    Attributes:
        batch: into which.
        upload: number of this upload; a code that it has brought before stands twice in the file.
        lines: to store.
    """

    batch: Batch
    upload: int
    lines: Sequence[Line]

    @property
    def size(self) -> int:
        """See `Deed`."""
        return len(self.lines)

    def identifiers(self) -> Sequence[Identifier]:
        """See `Deed`."""
        return ()

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        self.batch.open(transaction)
        found = [self._stored(transaction, line) for line in self.lines]
        self.batch.grow(transaction, found.count("added"))
        return found

    def _stored(self, transaction: Transaction, line: Line) -> str | BadLine:
        values = {
            **self.batch.key,
            "digest": line.sealed.digest,
            "variant": self.batch.terms.variant,
            "kind": self.batch.kind,
            "uses_left": self.batch.terms.uses if line.own.uses is None else line.own.uses,
            "valid_until_us": line.own.valid_until_us,
            "upload": self.upload,
        }
        stamp = {"ciphertext": line.sealed.ciphertext, "now_us": transaction.now_us}
        if transaction.one(_ADD, **values, **stamp) is not None:
            return "added"
        if transaction.one(_SEE_AGAIN, **values) is not None:
            return "unchanged"
        return BadLine(line.own.line, *self._why_not(transaction, line.sealed.digest))

    def _why_not(self, transaction: Transaction, digest: bytes) -> tuple[str, str]:
        found = transaction.one(_WHOSE, digest=digest)
        if found is None:
            return "shared_code_exists", "this variant has its one shared code already"
        if tuple(found) == (*self.batch.key.values(), self.upload):
            return "duplicate", "this code stands in the file before"
        return "used_elsewhere", "this code is there already, in another batch or experiment"


@dataclass(slots=True)
class Imported:
    """What became of a file.

    Attributes:
        batch: its name; `variant` likewise.
        added: codes that are new.
        unchanged: codes of this batch that were there before.
        rejected: lines that were left out.
        named: the first `MOST_NAMED` of them.
    """

    batch: str
    variant: str
    added: int = 0
    unchanged: int = 0
    rejected: int = 0
    named: list[BadLine] = field(default_factory=list)

    def take(self, found: Iterable[str | BadLine]) -> None:
        """Count what became of some lines."""
        for one in found:
            if isinstance(one, BadLine):
                self.rejected += 1
                if len(self.named) < MOST_NAMED:
                    self.named.append(one)
            elif one == "added":
                self.added += 1
            else:
                self.unchanged += 1

    def counts(self) -> dict[str, Any]:
        """For the audit log and for progress."""
        names = ("batch", "variant", "added", "unchanged", "rejected")
        return {name: getattr(self, name) for name in names}

    def document(self) -> dict[str, Any]:
        """As the API shows it; bad lines by their numbers."""
        named = [one._asdict() for one in sorted(self.named)]
        return {**self.counts(), "rejected": named, "rejected_count": self.rejected}


async def import_codes(  # noqa: PLR0913 - what, into what, by whom
    ledger: Ledger,
    vault: Vault,
    batch: Batch,
    pieces: AsyncIterator[bytes],
    *,
    zone: str,
    now_us: int,
    upload: int,
    imported: Imported,
    told: Callable[[Imported], None] = lambda _: None,
) -> None:
    """Store what a stream of CSV holds, `CHUNK` lines at a time; memory does not grow with the file.

    Args:
        ledger: whose writer stores them.
        vault: seals them.
        batch: into which.
        pieces: of the file, in order.
        zone: of the shop.
        now_us: the present moment.
        upload: a number that no other upload has.
        imported: is filled, also when it ends half-way.
        told: hears of progress after each chunk.

    Raises:
        Invalid: the file is none of codes.
        Conflict: the batch is another variant's.
        Unavailable: the database is away; what was stored stays, and sending the file again is safe.
    """
    file = OwnFile(SHORTEST_SHARED if batch.kind == "shared" else SHORTEST_PERSONAL, zone, now_us)
    waiting: list[OwnCode] = []

    async def store() -> None:
        lines = await asyncio.to_thread(_sealed, vault, waiting)
        waiting.clear()
        imported.take(await ledger.do(AddOwn(batch, upload, lines)))
        told(imported)

    async for line in _lines(file, pieces):
        if isinstance(line, BadLine):
            imported.take([line])
        else:
            waiting.append(line)
        if len(waiting) >= CHUNK:
            await store()
    await store()


async def _lines(file: OwnFile, pieces: AsyncIterator[bytes]) -> AsyncIterator[OwnCode | BadLine]:
    async for piece in pieces:
        for line in file.feed(piece):
            yield line
    for line in file.feed(b"", is_last=True):
        yield line


def _sealed(vault: Vault, lines: Sequence[OwnCode]) -> list[Line]:
    return list(_each(vault, lines))


def _each(vault: Vault, lines: Sequence[OwnCode]) -> Iterator[Line]:
    for own in lines:
        sealed = vault.seal(own.text)
        if sealed is not None:  # the file's own rules let nothing else through
            yield Line(own, sealed)
