"""One unit in many experiments at once: the same answers as `decision.decide`, several times faster.

A storefront asks about every running experiment in one request. Most of them run, so their buckets are
computed in one go, and audiences, layers and holdouts that several share are looked at once per request.

An answer is a code, a small integer, so that a caller can keep ready-made text for each:

* 0 … 254: `SPLIT`, the position of the variant; 255 (`ranges.NO_VARIANT`): `NOT_COVERED`;
* `OUTSIDE[reason]`: not assigned for another reason;
* `FORCED` + position and `DECIDED` + position of the variant.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fnv_hash_fast import fnv1a_32

from assignment.decision import Assigned, Experiment, NotAssigned, NotAssignedReason, decide
from assignment.hashing import BUCKETS, bucket, bucket_index
from assignment.layers import Holdout
from assignment.many_seeds import splitter
from assignment.ranges import NO_VARIANT

_REASONS: tuple[NotAssignedReason, ...] = (
    "NOT_COVERED", "NO_UNIT", "ENDED", "BOT", "PAUSED", "NOT_TARGETED", "HOLDOUT", "LAYER", "FROZEN",
)  # fmt: skip
OUTSIDE: Mapping[NotAssignedReason, int] = {
    reason: NO_VARIANT + place for place, reason in enumerate(_REASONS)
}
"""Reason → its code; `NOT_COVERED` is `ranges.NO_VARIANT`, as it stands in the bucket table."""
FORCED = 512
DECIDED = 1024
NO_BUCKET = -1
"""In place of a bucket where another check answered before it was needed."""

_NO_UNIT, _BOT = OUTSIDE["NO_UNIT"], OUTSIDE["BOT"]
_NOT_TARGETED, _HOLDOUT = OUTSIDE["NOT_TARGETED"], OUTSIDE["HOLDOUT"]
_LAYER, _FROZEN = OUTSIDE["LAYER"], OUTSIDE["FROZEN"]
_PLAIN = ("running", "frozen")

Enrolled = Callable[[str, str], bool]
"""(experiment, unit id) → whether the unit was exposed before the freeze."""


class Answers(NamedTuple):
    """One unit's answers, in the order of the panel's experiments.

    Attributes:
        codes: see the module's docstring.
        indexes: bucket 0 … 9,999 of each, or `NO_BUCKET`.
    """

    codes: list[int]
    indexes: list[int]


class Panel:
    """Experiments arranged for `decide`; immutable.

    Args:
        experiments: compiled rules as they are now; the answers come in this order.
        compiled: hash in machine code where numba is installed; the answers are the same.

    >>> halves = Experiment("reuse", 1, "visitor", "seed", ("once", "often"), ((0.0, 0.5), (0.5, 1.0)))
    >>> panel = Panel([halves])
    >>> panel.decide("a", None, {})
    Answers(codes=[0], indexes=[505])
    >>> panel.explain(0, 0, 505)
    Assigned(variant='once', bucket=0.0505, reason='SPLIT', in_experiment=True)
    """

    def __init__(self, experiments: Sequence[Experiment], *, compiled: bool = False) -> None:
        self.experiments = tuple(experiments)
        kinds = {unit_rule(experiment) for experiment in self.experiments}
        self._groups = tuple(_Group(kind, self.experiments, compiled=compiled) for kind in sorted(kinds))
        self._whole = self._groups[0] if len(self._groups) == 1 and self._groups[0].is_whole else None

    def decide(
        self,
        visitor_id: str | None,
        customer_id: str | None,
        attributes: Mapping[str, Any],
        *,
        is_bot: bool = False,
        enrolled: Enrolled = lambda _key, _unit: False,
    ) -> Answers:
        """Every experiment's answer to one person.

        Args:
            visitor_id: unit of the experiments on visitors; None or empty when missing.
            customer_id: unit of the experiments on customers; None or empty when missing.
            attributes: what the audiences are matched against.
            is_bot: the caller recognised a crawler.
            enrolled: asked for frozen experiments only.
        """
        if self._whole is not None and not is_bot:
            unit_id = unit_of(self._whole.kind, visitor_id, customer_id)
            if unit_id:
                return self._whole.running(unit_id, attributes, enrolled)
        answers = Answers([_NO_UNIT] * len(self.experiments), [NO_BUCKET] * len(self.experiments))
        for group in self._groups:
            unit_id = unit_of(group.kind, visitor_id, customer_id)
            if unit_id:
                group.decide(unit_id, attributes, answers, is_bot=is_bot, enrolled=enrolled)
        return answers

    def explain(self, position: int, code: int, index: int) -> Assigned | NotAssigned:
        """The answer of the experiment at a position, as `decision.decide` gives it."""
        variants = self.experiments[position].variants
        place = None if index == NO_BUCKET else index / BUCKETS
        if NO_VARIANT <= code < FORCED:
            return NotAssigned(_REASONS[code - NO_VARIANT], place)
        bucket_ = 0.0 if place is None else place
        if code >= DECIDED:
            return Assigned(variants[code - DECIDED], bucket_, "DECIDED", in_experiment=False)
        if code >= FORCED:
            return Assigned(variants[code - FORCED], bucket_, "FORCED", in_experiment=False)
        return Assigned(variants[code], bucket_, "SPLIT", in_experiment=True)


def unit_rule(experiment: Experiment) -> str:
    """Which id an experiment hashes: `visitor`, `customer`, or `either` (customer if known, else visitor)."""
    return "either" if experiment.fallback_unit else experiment.unit


def unit_of(rule: str, visitor_id: str | None, customer_id: str | None) -> str | None:
    """The unit id under a `unit_rule`, or None when the request lacks it.

    >>> unit_of("either", "v-1", None), unit_of("customer", "v-1", None)
    ('v-1', None)
    """
    if rule == "visitor":
        return visitor_id or None
    return customer_id or (visitor_id if rule == "either" else None) or None


class _Group:
    """The experiments of a panel that hash the same id."""

    def __init__(self, kind: str, experiments: tuple[Experiment, ...], *, compiled: bool) -> None:
        self.kind = kind
        mine = [(place, one) for place, one in enumerate(experiments) if unit_rule(one) == kind]
        plain = [(place, one) for place, one in mine if one.state in _PLAIN and not one.forced]
        self.places = [place for place, _ in plain]
        self.seeds = [one.seed for _, one in plain]
        self.ascii_seeds = [one.seed.encode() for _, one in plain if one.seed.isascii()]
        self.tables = [one.table for _, one in plain]
        self.is_ascii = len(self.ascii_seeds) == len(plain)
        use_compiled = compiled and self.is_ascii and len(plain) > 1
        self.split = splitter(self.seeds, self.tables) if use_compiled else None
        self.is_whole = self.places == list(range(len(experiments)))
        self.frozen = [(row, one.key) for row, (_, one) in enumerate(plain) if one.state == "frozen"]
        self.layers = _by_layer(one for _, one in plain)
        self.holdouts = _by_holdout(one for _, one in plain)
        self.conditions = _by_condition(one for _, one in plain)
        taken = {*self.places}
        self.special = [(place, one) for place, one in mine if place not in taken]

    def decide(
        self,
        unit_id: str,
        attributes: Mapping[str, Any],
        answers: Answers,
        *,
        is_bot: bool,
        enrolled: Enrolled,
    ) -> None:
        """Write the answers of these experiments at their places."""
        for place, one in self.special:
            found = decide(one, unit_id, attributes, is_bot=is_bot, enrolled=enrolled(one.key, unit_id))
            answers.codes[place] = code_of(one, found)
            if found.bucket is not None:
                answers.indexes[place] = bucket_index(one.seed, unit_id)
        if is_bot:
            for place in self.places:
                answers.codes[place] = _BOT
            return
        codes, indexes = self.running(unit_id, attributes, enrolled)
        for row, place in enumerate(self.places):
            answers.codes[place], answers.indexes[place] = codes[row], indexes[row]

    def running(self, unit_id: str, attributes: Mapping[str, Any], enrolled: Enrolled) -> Answers:
        """The answers of those that run or are frozen, in their order."""
        codes, indexes = self._split(unit_id)
        self._leave_out(unit_id, attributes, codes, indexes, enrolled)
        return Answers(codes, indexes)

    def _split(self, unit_id: str) -> tuple[list[int], list[int]]:
        """Buckets and the table's answer for all of them, whatever else will be said."""
        if self.split is not None and unit_id.isascii():
            return self.split(unit_id.encode())
        if self.is_ascii and unit_id.isascii():
            data = unit_id.encode()
            hashes = [fnv1a_32(seed + data) for seed in self.ascii_seeds]
            indexes = [fnv1a_32(b"%d" % number) % BUCKETS for number in hashes]
        else:
            indexes = [bucket_index(seed, unit_id) for seed in self.seeds]
        return [table[index] for table, index in zip(self.tables, indexes, strict=True)], indexes

    def _leave_out(
        self,
        unit_id: str,
        attributes: Mapping[str, Any],
        codes: list[int],
        indexes: list[int],
        enrolled: Enrolled,
    ) -> None:
        """Overwrite from the last check to the first, so that the first that applies stays."""
        for row, key in self.frozen:
            if codes[row] != NO_VARIANT and not enrolled(key, unit_id):
                codes[row] = _FROZEN
        for rows, code in self._outside(unit_id, attributes):
            for row in rows:
                codes[row], indexes[row] = code, NO_BUCKET

    def _outside(self, unit_id: str, attributes: Mapping[str, Any]) -> Iterator[tuple[list[int], int]]:
        for seed, slots in self.layers:
            place = bucket(seed, unit_id)
            yield [row for row, low, high in slots if not low <= place < high], _LAYER
        for holdout, rows in self.holdouts:
            if holdout.keeps_out(unit_id):
                yield rows, _HOLDOUT
        for condition, rows in self.conditions:
            if not condition(attributes):
                yield rows, _NOT_TARGETED


def code_of(experiment: Experiment, decision: Assigned | NotAssigned) -> int:
    """The code of one decision."""
    if not isinstance(decision, Assigned):
        return OUTSIDE[decision.reason]
    position = experiment.variants.index(decision.variant)
    return position + {"SPLIT": 0, "FORCED": FORCED, "DECIDED": DECIDED}[decision.reason]


def _by_layer(experiments: Iterable[Experiment]) -> list[tuple[str, list[tuple[int, float, float]]]]:
    found: dict[str, list[tuple[int, float, float]]] = {}
    for row, one in enumerate(experiments):
        if one.layer_slot is not None:
            slot = one.layer_slot
            found.setdefault(slot.layer.seed, []).append((row, slot.low, slot.high))
    return list(found.items())


def _by_holdout(experiments: Iterable[Experiment]) -> list[tuple[Holdout, list[int]]]:
    found: dict[Holdout, list[int]] = {}
    for row, one in enumerate(experiments):
        for holdout in one.holdouts:
            found.setdefault(holdout, []).append(row)
    return list(found.items())


def _by_condition(
    experiments: Iterable[Experiment],
) -> list[tuple[Callable[[Mapping[str, Any]], bool], list[int]]]:
    """Experiments that share one compiled condition are matched together."""
    found: dict[Callable[[Mapping[str, Any]], bool], list[int]] = {}
    for row, one in enumerate(experiments):
        if one.condition is not None:
            found.setdefault(one.condition, []).append(row)
    return list(found.items())
