"""From an experiment's row to what is served: compiled rules and ready-made bytes. One function, `serve`."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

import msgspec

from app.experiments.allotment import holdouts_of, layer_seed_of
from app.experiments.service import resolved_audience
from app.experiments.tables import ExperimentRow, ForcedRow, HoldoutRow, LayerRow, SegmentRow
from app.offers.ready import Ready, prepare
from app.offers.schemas import public_offer
from app.serving.features import local_features
from app.strict import moment_us
from assignment.decision import Experiment, State
from assignment.layers import Holdout, Layer, LayerSlot
from assignment.ranges import Range, split_ranges
from assignment.targeting import compile_condition

log = logging.getLogger("offerlab")
LISTED = frozenset({"running", "paused", "frozen", "decided"})
"""States served when a request names no experiment."""

_HOLD_BACK_SEED_LENGTH = 16


@dataclass(frozen=True, slots=True)
class ServedExperiment:
    """One experiment in memory, immutable.

    Attributes:
        key: its name.
        version: 1-based.
        state: draft, running, paused, frozen, stopped, decided or archived.
        unit: which id is randomised.
        rules: what `assignment.decision.decide` needs; of a draft they are paused.
        variants: keys of its variants.
        fragments: variant → public offer as JSON.
        fallback: offer for units outside, as JSON.
        offers: variant → its offer with all terms, ready for quotes; None stands for the fallback. Variants
            without an offer are left out.
        definition: the whole, for what only the shop's server may know (codes, budgets); never changed.
        audience: its condition with groups and segments written out; empty for everybody.
        features: state → feature for GrowthBook SDKs; empty where browsers must not see its variants.
        timezone: IANA zone of the shop.
        starts_at_us: not served before; None: from the start action on.
        ends_at_us: not served from then on; None: open.
        started_at_us: moment of the start action, or None.
        frozen_at_us: since when no new units enter, or None.
        before: rules until `starts_at_us` (paused); `after`: rules from `ends_at_us` on (stopped).
    """

    key: str
    version: int
    state: str
    unit: Literal["visitor", "customer"]
    rules: Experiment
    variants: frozenset[str]
    fragments: Mapping[str, bytes]
    fallback: bytes
    offers: Mapping[str | None, Ready]
    definition: Mapping[str, Any]
    audience: Mapping[str, Any]
    features: Mapping[str, bytes]
    timezone: str
    starts_at_us: int | None
    ends_at_us: int | None
    started_at_us: int | None
    frozen_at_us: int | None
    before: Experiment | None
    after: Experiment | None

    @property
    def since_us(self) -> int:
        """The start: what happened before it triggers nothing."""
        return self.starts_at_us if self.starts_at_us is not None else self.started_at_us or 0

    def rules_at(self, now_us: int) -> Experiment:
        """The rules in force at a moment."""
        if self.before is not None and self.starts_at_us is not None and now_us < self.starts_at_us:
            return self.before
        if self.after is not None and self.ends_at_us is not None and now_us >= self.ends_at_us:
            return self.after
        return self.rules


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What experiments refer to.

    Attributes:
        layers: all layers by key.
        holdouts: all holdouts by key; only those written down at an experiment's start apply to it.
        segments: all segments by key.
        forced: experiment → unit id → variant.
    """

    layers: Mapping[str, LayerRow]
    holdouts: Mapping[str, HoldoutRow]
    segments: Mapping[str, SegmentRow]
    forced: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(
        cls,
        layers: Iterable[LayerRow],
        holdouts: Iterable[HoldoutRow],
        segments: Iterable[SegmentRow],
        forced: Iterable[ForcedRow],
    ) -> "Surroundings":
        """Arrange the rows."""
        pinned: dict[str, dict[str, str]] = {}
        for row in forced:
            pinned.setdefault(row.experiment, {})[row.unit_id] = row.variant
        return cls(
            {row.key: row for row in layers},
            {row.key: row for row in holdouts},
            {row.key: row for row in segments},
            pinned,
        )


def serve(row: ExperimentRow, around: Surroundings) -> ServedExperiment:
    """Compile one experiment.

    Args:
        row: its row.
        around: layers, holdouts, segments and forced units of all experiments.

    Raises:
        KeyError: it refers to something that is missing.
    """
    definition = row.definition
    audience = resolved_audience(definition, around.segments)
    starts_at_us, ends_at_us = _moment(definition["starts_at"]), _moment(definition["ends_at"])
    state: State = "paused" if row.state == "draft" else cast("State", row.state)
    rules = _rules(row, state, audience, around)
    runs = state in {"running", "frozen", "paused"}
    return ServedExperiment(
        key=row.key,
        version=row.version,
        state=row.state,
        unit=definition["unit"],
        rules=rules,
        variants=frozenset(variant["key"] for variant in definition["variants"]),
        fragments={variant["key"]: _offer(variant["offer"]) for variant in definition["variants"]},
        fallback=_offer(definition["fallback"]),
        offers=_ready(row, starts_at_us),
        definition=definition,
        audience=audience,
        features=local_features({**definition, "audience": audience}, rules, row.state),
        timezone=definition["timezone"],
        starts_at_us=starts_at_us,
        ends_at_us=ends_at_us,
        started_at_us=row.started_at_us,
        frozen_at_us=row.frozen_at_us,
        before=_rules(row, "paused", audience, around) if runs and starts_at_us is not None else None,
        after=_rules(row, "stopped", audience, around) if runs and ends_at_us is not None else None,
    )


def _rules(row: ExperimentRow, state: State, audience: Mapping[str, Any], around: Surroundings) -> Experiment:
    definition, decision = row.definition, row.decision or {}
    seed = definition["seed"]
    return Experiment(
        key=row.key,
        version=row.version,
        unit=definition["unit"],
        seed=seed,
        variants=tuple(variant["key"] for variant in definition["variants"]),
        ranges=ranges_of(definition),
        state=state,
        condition=_compiled(msgspec.json.encode(audience)) if audience else None,
        layer_slot=_slot(row, around.layers),
        holdouts=_held_out(row, around.holdouts),
        forced=around.forced.get(row.key, {}),
        fallback_unit=definition.get("fallback_unit"),
        decided_variant=decision.get("variant"),
        hold_back=decision.get("hold_back_share", 0.0),
        hold_back_seed=hashlib.sha256(f"{seed}:hold-back".encode()).hexdigest()[:_HOLD_BACK_SEED_LENGTH],
    )


@lru_cache(maxsize=1024)
def _compiled(audience: bytes) -> Callable[[Mapping[str, Any]], bool]:
    """Equal audiences share one function, so that a request is matched against each only once."""
    return compile_condition(msgspec.json.decode(audience))


def ranges_of(definition: Mapping[str, Any]) -> tuple[Range, ...]:
    """Bucket ranges of a stored definition: explicit ones, else weights × coverage."""
    variants: Sequence[Mapping[str, Any]] = definition["variants"]
    if variants[0]["range"] is not None:
        return tuple((variant["range"][0], variant["range"][1]) for variant in variants)
    return split_ranges([variant["weight"] for variant in variants], definition["coverage"])


def _slot(row: ExperimentRow, layers: Mapping[str, LayerRow]) -> LayerSlot | None:
    use = row.definition["layer"]
    if use is None:
        return None
    low, high = use["range"]
    return LayerSlot(Layer(use["key"], layer_seed_of(row) or layers[use["key"]].seed), low, high)


def _held_out(row: ExperimentRow, holdouts: Mapping[str, HoldoutRow]) -> tuple[Holdout, ...]:
    found = (holdouts[key] for key in holdouts_of(row) if key in holdouts)
    return tuple(Holdout(holdout.key, holdout.seed, holdout.share) for holdout in found)


def _offer(offer: dict[str, Any] | None) -> bytes:
    return msgspec.json.encode(public_offer(offer))


def _ready(row: ExperimentRow, starts_at_us: int | None) -> dict[str | None, Ready]:
    """Offers for quotes. One that today's rules would refuse gives no quote, and the rest goes on."""
    stored = {variant["key"]: variant["offer"] for variant in row.definition["variants"]}
    since_us = starts_at_us if starts_at_us is not None else row.started_at_us or 0
    found: dict[str | None, Ready] = {}
    for variant, offer in (*stored.items(), (None, row.definition["fallback"])):
        try:
            ready = prepare(row.key, variant, offer, since_us=since_us)
        except ValueError:
            log.exception("the offer of %s in experiment %s gives no quotes", variant, row.key)
            continue
        if ready is not None:
            found[variant] = ready
    return found


def _moment(text: str | None) -> int | None:
    return None if text is None else moment_us(text)
