"""Codes as the rest of the service sees them."""

from collections.abc import Mapping
from typing import Any

from app.clock import isoformat
from app.codes.basket import Basket
from app.codes.batches import Batch, batch_terms, note
from app.codes.book import TermsBook
from app.codes.claiming import Claim, Claimed
from app.codes.erased import rename_orders
from app.codes.giving_back import giving_back
from app.codes.importing import Imported, import_codes
from app.codes.named import NamedCode, named_codes
from app.codes.person import Person
from app.codes.pools import batch_size, check_pool, fill_pool, written_pool
from app.codes.refusals import PUBLIC_MESSAGE, not_assigned, with_public_message
from app.codes.terms import CodeTerms, terms_of
from app.codes.using import CodeDeed, Done, Redeem, Reserve, Rollback, Validate
from app.codes.vault import Vault
from app.codes.veil import Veil
from app.offers.schemas import public_offer

__all__ = [
    "PUBLIC_MESSAGE",
    "Basket",
    "Batch",
    "Claim",
    "Claimed",
    "CodeDeed",
    "CodeTerms",
    "Done",
    "Imported",
    "NamedCode",
    "Person",
    "Redeem",
    "Reserve",
    "Rollback",
    "TermsBook",
    "Validate",
    "Vault",
    "Veil",
    "batch_size",
    "batch_terms",
    "check_pool",
    "claimed_document",
    "done_document",
    "fill_pool",
    "giving_back",
    "import_codes",
    "named_codes",
    "not_assigned",
    "note",
    "rename_orders",
    "terms_of",
    "with_public_message",
    "written_pool",
]


def claimed_document(claimed: Claimed, code: str, terms: CodeTerms) -> dict[str, Any]:
    """A claim as the API shows it."""
    return {
        "code": code,
        "experiment": terms.experiment,
        "variant": claimed.variant,
        "claimed_at": isoformat(claimed.claimed_at_us),
        "valid_until": _when(claimed.valid_until_us),
        "terms": public_offer(dict(terms.offer)),
    }


def done_document(done: Done) -> dict[str, Any]:
    """What became of a code, as the API shows it."""
    shown: dict[str, Any] = {
        "status": done.status,
        "experiment": done.code.experiment,
        "variant": done.code.variant,
        "discount_minor": done.discount_minor,
        "currency": done.terms.offer.get("currency"),
        "terms": public_offer(dict(done.terms.offer)),
    }
    if done.status != "redeemed":
        shown["valid_until"] = _when(done.valid_until_us)
    return {**shown, **_use_document(done)}


def _use_document(done: Done) -> Mapping[str, Any]:
    use = done.use
    if use is None:
        return {}
    if done.status == "reserved":
        return {"order_id": use.order_id, "reserved_until": _when(use.expires_at_us)}
    return {"order_id": use.order_id, "redeemed_at": isoformat(use.at_us)}


def _when(at_us: int | None) -> str | None:
    return None if at_us is None else isoformat(at_us)
