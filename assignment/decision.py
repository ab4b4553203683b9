"""One unit, one experiment, one answer: the variant, or why there is none.

The checks run in this order, and the first that applies answers:

1. `NO_UNIT`: the experiment's unit id is missing or empty.
2. `FORCED`: quality assurance pinned this unit to a variant; in any state, not enrolled.
3. `ENDED`: stopped or archived.
4. `DECIDED`: every unit of the audience gets the chosen variant, not enrolled (outside it: `NOT_TARGETED`).
   A unit of the hold-back share that was in the split keeps its variant and stays enrolled (`SPLIT`).
5. `BOT`: crawlers are not shoppers.
6. `PAUSED`: nobody is assigned until the experiment resumes.
7. `NOT_TARGETED`: the audience condition does not hold.
8. `HOLDOUT`: the unit is held out.
9. `LAYER`: the unit belongs to another slot of the layer.
10. `NOT_COVERED`: its bucket lies in no variant's range.
11. `FROZEN`: the experiment takes no new units and this one is not known to be enrolled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from assignment.hashing import BUCKETS, bucket, bucket_index
from assignment.layers import Holdout, LayerSlot
from assignment.ranges import NO_VARIANT, Range, bucket_table, check_ranges

Unit = Literal["visitor", "customer"]
State = Literal["running", "paused", "frozen", "stopped", "decided", "archived"]
AssignedReason = Literal["SPLIT", "FORCED", "DECIDED"]
NotAssignedReason = Literal[
    "NOT_TARGETED", "NOT_COVERED", "LAYER", "HOLDOUT", "NO_UNIT", "PAUSED", "FROZEN", "ENDED", "BOT"
]


class Assigned(NamedTuple):
    """The unit gets a variant; a NamedTuple because one is made per experiment of every request.

    Attributes:
        variant: key of the variant.
        bucket: the unit's bucket in the split, 0.0000 … 0.9999.
        reason: SPLIT (by hash), FORCED (quality assurance) or DECIDED (the roll-out).
        in_experiment: whether its exposures enter the analysis; true for SPLIT only.
    """

    variant: str
    bucket: float
    reason: AssignedReason
    in_experiment: bool


class NotAssigned(NamedTuple):
    """The unit gets no variant.

    Attributes:
        reason: the first check that failed.
        bucket: its bucket, 0.0000 … 0.9999, or None where another check answered before it was needed.
    """

    reason: NotAssignedReason
    bucket: float | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """The rules of one experiment, compiled; immutable.

    Attributes:
        key: name of the experiment.
        version: its version, 1-based.
        unit: which id the caller passes to `decide`: the visitor's or the customer's.
        seed: random text that nothing else is hashed with.
        variants: variant keys in the order of the definition.
        ranges: half-open bucket range of each variant, see `ranges.split_ranges`.
        state: what the experiment does now; the caller turns dates and actions into it.
        condition: compiled audience condition, or None for everybody.
        layer_slot: its part of a layer, or None.
        holdouts: holdouts whose units it leaves alone.
        forced: unit id → variant key, for quality assurance.
        decided_variant: the variant rolled out; needed in state `decided`.
        hold_back: share of units that keep their split after the decision, 0–1.
        hold_back_seed: seed of the hold-back's own hash; needed when `hold_back` is above 0.
        fallback_unit: `visitor` where an experiment on customers hashes the visitor's id for people who are
            not logged in, or None.

    Raises:
        ValueError: the rules contradict each other.
    """

    key: str
    version: int
    unit: Unit
    seed: str
    variants: tuple[str, ...]
    ranges: tuple[Range, ...]
    state: State = "running"
    condition: Callable[[Mapping[str, Any]], bool] | None = None
    layer_slot: LayerSlot | None = None
    holdouts: tuple[Holdout, ...] = ()
    forced: Mapping[str, str] = field(default_factory=dict)
    decided_variant: str | None = None
    hold_back: float = 0.0
    hold_back_seed: str = ""
    fallback_unit: Literal["visitor"] | None = None
    table: bytes = field(init=False, repr=False, compare=False)
    """Position of the variant for each of the 10,000 buckets, `ranges.NO_VARIANT` where there is none."""

    def __post_init__(self) -> None:
        """Check the rules and lay out the table."""
        check_ranges(self.ranges)
        _check_names(self)
        _check_hold_back(self)
        _check_fallback_unit(self)
        object.__setattr__(self, "table", bucket_table(self.ranges))


def _check_names(experiment: Experiment) -> None:
    variants = experiment.variants
    if not experiment.seed:
        raise ValueError(f"experiment {experiment.key!r} has no seed; it needs at least one character")
    if len(variants) != len(experiment.ranges) or len(set(variants)) != len(variants):
        raise ValueError(
            f"variants {variants!r} must be different and as many as the ranges, {len(experiment.ranges)}"
        )
    named = {*experiment.forced.values()} | ({experiment.decided_variant} - {None})
    if not named <= {*variants}:
        raise ValueError(f"{sorted(map(str, named - {*variants}))!r} are no variants of {experiment.key!r}")


def _check_fallback_unit(experiment: Experiment) -> None:
    if experiment.fallback_unit is not None and experiment.unit != "customer":
        raise ValueError(
            f"fallback_unit is {experiment.fallback_unit!r} but the unit is {experiment.unit!r};"
            " only an experiment on customers can fall back on the visitor"
        )


def _check_hold_back(experiment: Experiment) -> None:
    if experiment.state == "decided" and experiment.decided_variant is None:
        raise ValueError(f"experiment {experiment.key!r} is decided but names no decided variant")
    if not 0 <= experiment.hold_back <= 1:
        raise ValueError(f"hold_back is {experiment.hold_back!r}; it must be between 0 and 1")
    if experiment.hold_back and not experiment.hold_back_seed:
        raise ValueError(f"hold_back is {experiment.hold_back!r} but there is no hold_back_seed")


_NO_UNIT = NotAssigned("NO_UNIT")
_ENDED = NotAssigned("ENDED")
_BOT = NotAssigned("BOT")
_PAUSED = NotAssigned("PAUSED")
_NOT_TARGETED = NotAssigned("NOT_TARGETED")
_HOLDOUT = NotAssigned("HOLDOUT")
_LAYER = NotAssigned("LAYER")


def decide(  # noqa: PLR0911 - one return per reason, in the order the module promises
    experiment: Experiment,
    unit_id: str | None,
    attributes: Mapping[str, Any],
    *,
    is_bot: bool = False,
    enrolled: bool | None = None,
) -> Assigned | NotAssigned:
    """Which variant of the experiment this unit gets. Pure: the same arguments give the same answer for ever.

    Args:
        experiment: its compiled rules.
        unit_id: the visitor's or customer's id, as `experiment.unit` says; None or empty when missing.
        attributes: what the request says about the unit; only the audience condition reads it.
        is_bot: the caller recognised a crawler.
        enrolled: whether the unit was exposed before the freeze; None when unknown. Read only while frozen.

    Returns:
        `Assigned`, or `NotAssigned` with the first reason in the order of this module's docstring.

    >>> halves = Experiment("reuse", 1, "visitor", "seed", ("once", "often"), ((0.0, 0.5), (0.5, 1.0)))
    >>> decide(halves, "a", {})
    Assigned(variant='once', bucket=0.0505, reason='SPLIT', in_experiment=True)
    >>> decide(halves, "", {})
    NotAssigned(reason='NO_UNIT', bucket=None)
    """
    if not unit_id:
        return _NO_UNIT
    if experiment.forced and unit_id in experiment.forced:
        return Assigned(experiment.forced[unit_id], bucket(experiment.seed, unit_id), "FORCED", False)  # noqa: FBT003 - fields of a tuple; keywords cost time here
    state = experiment.state
    if state in {"stopped", "archived"}:
        return _ENDED
    if state == "decided":
        return _after_decision(experiment, unit_id, attributes, is_bot=is_bot)
    if is_bot:
        return _BOT
    if state == "paused":
        return _PAUSED
    if experiment.condition is not None and not experiment.condition(attributes):
        return _NOT_TARGETED
    answer = _split(experiment, unit_id)
    if state == "frozen" and not enrolled and isinstance(answer, Assigned):
        return NotAssigned("FROZEN", answer.bucket)
    return answer


def _after_decision(
    experiment: Experiment, unit_id: str, attributes: Mapping[str, Any], *, is_bot: bool
) -> Assigned | NotAssigned:
    if experiment.condition is not None and not experiment.condition(attributes):
        return _NOT_TARGETED
    if _is_held_back(experiment, unit_id) and not is_bot:
        answer = _split(experiment, unit_id)
        if isinstance(answer, Assigned):
            return answer
    variant = str(experiment.decided_variant)  # never None here: Experiment refuses that
    return Assigned(variant, bucket(experiment.seed, unit_id), "DECIDED", False)  # noqa: FBT003 - fields of a tuple; keywords cost time here


def _is_held_back(experiment: Experiment, unit_id: str) -> bool:
    return experiment.hold_back > 0 and bucket(experiment.hold_back_seed, unit_id) < experiment.hold_back


def held_back_variant(experiment: Experiment, unit_id: str) -> str | None:
    """The variant that a unit keeps after a decision; None: it gets the chosen one.

    Args:
        experiment: its rules, with the share that is held back.
        unit_id: of whoever was of the audience.
    """
    answer = _split(experiment, unit_id) if _is_held_back(experiment, unit_id) else None
    return answer.variant if isinstance(answer, Assigned) else None


def _split(experiment: Experiment, unit_id: str) -> Assigned | NotAssigned:
    if experiment.holdouts and any(holdout.keeps_out(unit_id) for holdout in experiment.holdouts):
        return _HOLDOUT
    if experiment.layer_slot is not None and not experiment.layer_slot.admits(unit_id):
        return _LAYER
    index = bucket_index(experiment.seed, unit_id)
    position = experiment.table[index]
    if position == NO_VARIANT:
        return NotAssigned("NOT_COVERED", index / BUCKETS)
    return Assigned(experiment.variants[position], index / BUCKETS, "SPLIT", True)  # noqa: FBT003 - fields of a tuple; keywords cost time here
