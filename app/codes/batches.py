"""Batches of codes: whose they are, and the audit entry that tells of one."""

from dataclasses import dataclass
from typing import Any

from app.audit.service import record
from app.codes import refusals
from app.codes.terms import CodeTerms, terms_of
from app.database import Database
from app.errors import Conflict, Invalid
from app.experiments.service import get_row
from app.ledger.transaction import Transaction

_OPEN = (
    "INSERT INTO code_batches (experiment, batch, variant, kind, valid_until_us, created_at_us) VALUES"
    " (:experiment, :batch, :variant, :kind, :valid_until_us, :now_us)"
    " ON CONFLICT (experiment, batch) DO NOTHING"
)
_BATCH = (
    "SELECT variant, kind, valid_until_us FROM code_batches WHERE experiment = :experiment AND batch = :batch"
)
_GROW = "UPDATE code_batches SET codes = codes + :more WHERE experiment = :experiment AND batch = :batch"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that is being filled.

    Attributes:
        name: of the batch.
        kind: own, shared or pool.
        terms: of its codes.
        valid_until_us: of a pool's codes, or None.
    """

    name: str
    kind: str
    terms: CodeTerms
    valid_until_us: int | None = None

    @property
    def key(self) -> dict[str, str]:
        """What names it in a statement."""
        return {"experiment": self.terms.experiment, "batch": self.name}

    def open(self, transaction: Transaction) -> None:
        """Begin it, or go on with it.

        Raises:
            Conflict: the name belongs to a batch of another variant, kind or end.
        """
        values = (self.terms.variant, self.kind, self.valid_until_us)
        named = dict(zip(("variant", "kind", "valid_until_us"), values, strict=True))
        transaction.run(_OPEN, **self.key, **named, now_us=transaction.now_us)
        if tuple(transaction.one(_BATCH, **self.key)) != values:
            detail = "a batch of this name has another variant, kind or end; choose another name"
            raise Conflict(detail, "batch_taken", "batch")

    def grow(self, transaction: Transaction, more: int) -> None:
        """Count codes that were added."""
        if more:
            transaction.run(_GROW, **self.key, more=more)


def batch_terms(database: Database, experiment: str, variant: str) -> tuple[CodeTerms, str]:
    """The terms of a variant's codes, drafts included, and the zone of its shop.

    Raises:
        NotFound: there is no such experiment.
        Invalid: there is no such variant.
        Conflict: it gives no codes.
    """
    with database.read() as session:
        definition = get_row(session, experiment).definition
    if variant not in {one["key"] for one in definition["variants"]}:
        raise Invalid("is no variant of this experiment", "unknown_variant", "variant")
    terms = terms_of(definition, variant)
    if terms is None:
        raise refusals.without_codes()
    return terms, str(definition["timezone"])


def note(  # noqa: PLR0913, PLR0917 - what the audit entry says
    database: Database, actor: str, action: str, experiment: str, told: dict[str, Any], now_us: int
) -> None:
    """Write down who imported, made or took codes away."""
    with database.write() as session:
        record(session, actor, action, experiment, None, told, now_us)
