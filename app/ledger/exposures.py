"""Whether an exposure can be true: does the experiment know the variant, and does the hash give it?

The ledger does not know the serving room; it is handed whatever looks like `KnownExperiment`.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from app.ledger.rows import BOT, CONTRADICTS_HASH, FORCED, HELD_BACK
from assignment.decision import Experiment, held_back_variant
from assignment.hashing import bucket_index
from assignment.panel import unit_of, unit_rule
from assignment.ranges import NO_VARIANT


class KnownExperiment(Protocol):
    """What the check needs to know of an experiment (a `ServedExperiment` has it)."""

    @property
    def state(self) -> str:
        """`draft`, `running`, `paused`, `frozen`, `stopped`, `decided` or `archived`."""
        ...

    @property
    def unit(self) -> str:
        """Which id is randomised: `visitor` or `customer`."""
        ...

    @property
    def rules(self) -> Experiment:
        """The compiled rules."""
        ...

    @property
    def variants(self) -> frozenset[str]:
        """Keys of its variants."""
        ...


def split_variant(rules: Experiment, unit_id: str) -> str | None:
    """The variant the hash alone gives a unit; None where it gives none (holdout, layer, coverage).

    Audience and state are left out: what the unit was when it was exposed is not known here. A ramp only
    widens ranges, so an exposure that was true once stays true.

    >>> halves = Experiment("reuse", 1, "visitor", "seed", ("once", "often"), ((0.0, 0.5), (0.5, 1.0)))
    >>> split_variant(halves, "a")
    'once'
    """
    if any(holdout.keeps_out(unit_id) for holdout in rules.holdouts):
        return None
    if rules.layer_slot is not None and not rules.layer_slot.admits(unit_id):
        return None
    position = rules.table[bucket_index(rules.seed, unit_id)]
    return None if position == NO_VARIANT else rules.variants[position]


def contradicts_hash(
    known: KnownExperiment,
    variant: str,
    visitor_id: str | None,
    customer_id: str | None,
    canonical: Callable[[str], str | None] = lambda _: None,
) -> bool:
    """Whether the unit cannot have been assigned this variant; False where its id is not known.

    After a decision the rolled-out variant is right for everybody. A visitor who is a known customer is
    assigned by the customer's canonical visitor, so what that one's hash gives is right as well.

    Args:
        known: the experiment.
        variant: what was shown.
        visitor_id: the visitor, or None.
        customer_id: the customer, or None.
        canonical: customer id → the visitor that stands for it, or None.
    """
    unit_id = unit_of(unit_rule(known.rules), visitor_id, customer_id)
    if unit_id is None:
        return False
    if known.state == "decided" and variant == known.rules.decided_variant:
        return False
    if split_variant(known.rules, unit_id) == variant:
        return False
    stand_in = canonical(customer_id) if known.unit == "visitor" and customer_id is not None else None
    return stand_in is None or split_variant(known.rules, stand_in) != variant


def flags_of(  # noqa: PLR0913 - what an exposure says, and what is known
    known: KnownExperiment,
    variant: str,
    visitor_id: str | None,
    customer_id: str | None,
    canonical: Callable[[str], str | None] = lambda _: None,
    *,
    is_bot: bool = False,
) -> int:
    """Flags of an exposure: a crawler's and a forced unit's are kept but never analysed, and judge nobody.

    Args:
        known: the experiment.
        variant: what was shown; visitor_id, customer_id and canonical as in `contradicts_hash`.
        visitor_id: the visitor, or None.
        customer_id: the customer, or None.
        canonical: customer id → the visitor that stands for it, or None.
        is_bot: a crawler.
    """
    if is_bot:
        return BOT
    if unit_of(unit_rule(known.rules), visitor_id, customer_id) in known.rules.forced:
        return FORCED
    if contradicts_hash(known, variant, visitor_id, customer_id, canonical):
        return CONTRADICTS_HASH
    return HELD_BACK if _is_held_back(known, variant, visitor_id, customer_id, canonical) else 0


def _is_held_back(
    known: KnownExperiment,
    variant: str,
    visitor_id: str | None,
    customer_id: str | None,
    canonical: Callable[[str], str | None],
) -> bool:
    """Whether the unit keeps this variant although another one may have been chosen for everybody."""
    if known.state != "decided" or not known.rules.hold_back:
        return False
    stand_in = canonical(customer_id) if known.unit == "visitor" and customer_id is not None else None
    unit_id = unit_of(unit_rule(known.rules), stand_in or visitor_id, customer_id)
    return unit_id is not None and held_back_variant(known.rules, unit_id) == variant


def refused_exposure(
    experiments: Mapping[str, KnownExperiment], experiment: str, variant: str
) -> tuple[str, str] | None:
    """The code and detail with which an exposure is rejected whoever sends it, or None."""
    known = experiments.get(experiment)
    if known is None:
        return "unknown_experiment", f"experiment: there is no experiment {experiment!r}"
    if variant not in known.variants:
        return "unknown_variant", f"variant: {experiment!r} has no variant {variant!r}"
    if known.state == "draft":
        return "not_started", f"experiment: {experiment!r} is a draft"
    return None
