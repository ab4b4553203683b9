"""What an experiment would meet if it started now: a held part of a layer, or offers that exclude its own.

Two experiments meet when their audiences, dates and layers allow one person to be in both. Hashing keeps
their comparisons apart; it is a conflict where their offers exclude each other on one order, or where both
hold the same part of a layer, which promises exclusion.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.experiments.audiences import are_disjoint
from app.experiments.segments import resolved_audience
from app.experiments.tables import ExperimentRow, SegmentRow
from app.offers.combinations import may_combine
from app.offers.ready import Ready, prepare
from app.strict import moment_us

Window = tuple[int, int | None]
MOST_RECORDED = 20
"""Conflicts of a start that are written down; an experiment among hundreds would note all of them."""


@dataclass(frozen=True, slots=True)
class Met:
    """One conflict.

    Attributes:
        code: `overlapping_ranges` or `exclusive_offers`.
        experiment: the other one.
        field: of the definition that would have to change.
        detail: in words.
    """

    code: str
    experiment: str
    field: str
    detail: str

    def shown(self) -> dict[str, str]:
        """As the API shows it."""
        return {
            "code": self.code,
            "experiment": self.experiment,
            "field": self.field,
            "detail": self.detail,
        }


def as_served(row: ExperimentRow) -> dict[str, Any]:
    """The definition of an experiment as it bears on others: after a decision, what everybody is given.

    The chosen offer goes to the whole audience, whatever layers and planned ends said; those who are held
    back keep their variants.
    """
    definition, decision = row.definition, row.decision
    if row.state != "decided" or decision is None:
        return dict(definition)
    kept = [
        one
        for one in definition["variants"]
        if one["key"] == decision["variant"] or decision["hold_back_share"]
    ]
    return {**definition, "variants": kept, "layer": None, "starts_at": None, "ends_at": None}


def find_conflicts(
    mine: Mapping[str, Any],
    others: Iterable[Mapping[str, Any]],
    segments: Mapping[str, SegmentRow],
    now_us: int,
) -> list[Met]:
    """Every conflict of a definition with experiments that give offers; broken promises of layers first.

    Args:
        mine: the definition.
        others: of experiments that run, are paused, frozen or decided (see `as_served`).
        segments: all of them by key.
        now_us: the present moment.
    """
    audience = resolved_audience(mine, segments)
    offers = list(_offers(mine))
    found = []
    for other in others:
        layer = _same_part(mine["layer"], other)
        if layer is not None:
            found.append(layer)
            continue
        window = _window(mine, other, now_us)
        if window is None:
            continue
        apart = _kept_apart(mine, other) or are_disjoint(audience, resolved_audience(other, segments))
        met = _excluding(offers, other, window, apart=apart)
        if met is not None:
            found.append(met)
    return sorted(found, key=lambda met: met.code != "overlapping_ranges")


def _same_part(layer: Mapping[str, Any] | None, definition: Mapping[str, Any]) -> Met | None:
    other = definition["layer"]
    if layer is None or other is None or layer["key"] != other["key"]:
        return None
    (low, high), (other_low, other_high) = layer["range"], other["range"]
    if not (low < other_high and other_low < high):
        return None
    detail = f"holds {other_low} to {other_high} of layer {layer['key']}"
    return Met("overlapping_ranges", definition["key"], "layer.range", detail)


def _kept_apart(mine: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a layer puts every person into one of the two at most: both must hash the same id."""
    layer, theirs = mine["layer"], other["layer"]
    if layer is None or theirs is None or layer["key"] != theirs["key"]:
        return False
    if any(mine.get(name) != other.get(name) for name in ("unit", "fallback_unit")):
        return False
    (low, high), (other_low, other_high) = layer["range"], theirs["range"]
    return bool(high <= other_low or other_high <= low)


def _window(mine: Mapping[str, Any], other: Mapping[str, Any], now_us: int) -> Window | None:
    """From when until when both run (None: open), or None if never."""
    starts = [now_us, *(moment_us(one["starts_at"]) for one in (mine, other) if one["starts_at"])]
    ends = [moment_us(one["ends_at"]) for one in (mine, other) if one["ends_at"]]
    return _common(starts, ends)


def _common(starts: Sequence[int], ends: Sequence[int]) -> Window | None:
    begin, end = max(starts), min(ends, default=None)
    return None if end is not None and end <= begin else (begin, end)


def _offers(definition: Mapping[str, Any]) -> Iterable[tuple[str, Ready]]:
    """What may lie in a cart and competes there, with the field that says what it may be combined with."""
    variants = enumerate(definition["variants"])
    held = [(f"variants.{place}.offer", one["key"], one["offer"]) for place, one in variants]
    for field, variant, offer in (*held, ("fallback", None, definition["fallback"])):
        try:
            ready = prepare(definition["key"], variant, offer)
        except ValueError:  # stored under older rules: it gives no quotes either
            continue
        if ready is not None and ready.competes:
            yield f"{field}.stacking", ready


def _excluding(
    offers: Sequence[tuple[str, Ready]], definition: Mapping[str, Any], window: Window, *, apart: bool
) -> Met | None:
    """The first pair of offers that may lie in one cart and exclude each other.

    Where nobody is in both experiments, a fallback still meets the other's offers: it is for who is not in.
    """
    theirs = [ready for _, ready in _offers(definition)]
    for field, ready in offers:
        for other in theirs:
            if apart and None not in {ready.variant, other.variant}:
                continue
            if may_combine(ready, other) or not _valid_together(ready, other, window):
                continue
            detail = (
                f"{_named(ready)} and {_named(other)} in {definition['key']} may meet "
                "in one cart and exclude each other: only the better one applies"
            )
            return Met("exclusive_offers", definition["key"], field, detail)
    return None


def _named(ready: Ready) -> str:
    return f"{ready.kind} of {'the fallback' if ready.variant is None else ready.variant}"


def _valid_together(one: Ready, other: Ready, window: Window) -> bool:
    if one.currency is not None and other.currency is not None and one.currency != other.currency:
        return False
    starts = [window[0], one.starts_us, other.starts_us]
    ends = [window[1], one.ends_us, other.ends_us]
    return _common([at for at in starts if at is not None], [at for at in ends if at is not None]) is not None


def propose_layer(
    mine: Mapping[str, Any], found: Sequence[Met], others: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """A layer that would keep the experiment apart, with its free ranges; None where nothing is in the way.

    The layer of the most experiments in the way, or a new one: an experiment without a layer cannot be put
    into one after its start, so a new layer helps from the next experiments on, and settles nothing now.
    """
    if not found:
        return None
    in_the_way = {met.experiment for met in found}
    layers = [other["layer"] for other in others if other["key"] in in_the_way]
    keys = sorted(layer["key"] for layer in layers if layer is not None)
    key = max(keys, key=lambda one: (keys.count(one), one)) if keys else f"{mine['key'][:93]}-layer"
    inside = [other for other in others if (other["layer"] or {}).get("key") == key]
    free = free_ranges([other["layer"]["range"] for other in inside])
    settles = [other["key"] for other in inside if other["key"] in in_the_way] if free else []
    return {"layer": key, "exists": bool(keys), "free": free, "settles": settles}


def free_ranges(taken: Iterable[Sequence[float]]) -> list[list[float]]:
    """What is left of [0, 1).

    >>> free_ranges([[0.5, 0.75], [0, 0.25]])
    [[0.25, 0.5], [0.75, 1.0]]
    """
    free, begin = [], 0.0
    for low, high in sorted((one[0], one[1]) for one in taken):
        if low > begin:
            free.append([begin, low])
        begin = max(begin, high)
    return [*free, [begin, 1.0]] if begin < 1 else free
