"""One reading: the rows of a study as of a moment → the result object. No database here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.clock import isoformat, last_closed_day, shop_day
from app.results.closing import Study, close_range
from app.results.digest import inputs_sha256
from app.results.document import with_words
from app.results.inputs import Inputs
from app.results.offers import (
    abuse_notes,
    leakage_matrix,
    leakage_note,
    offer_question,
    unconfirmed_codes,
    unconfirmed_notes,
)
from app.results.suspects import watched, without_units
from app.results.units import Policy
from stats.analysis import analyse
from stats.cell_view import CellView
from stats.evidence import Evidence
from stats.offers.abuse_report import counts_report, effects
from stats.offers.summary import OfferScene, offers_block
from stats.plan import AnalysisPlan
from stats.results import Look, Result, Trust, Verdict
from stats.trust import RED_NOTES, assess
from stats.verdict import judge

(POLICIES_DIFFER,) = RED_NOTES  # the note under which a contradiction of the two policies is red
_ACTIONS = frozenset({"roll_out", "keep_control"})


@dataclass(frozen=True)
class Written:
    """What has been closed of an experiment.

    Attributes:
        looks: in the order in which they were written.
        caps: frozen caps by metric label.
        days: the shop days that were closed, rising.
    """

    looks: Sequence[Look] = ()
    caps: Mapping[str, int] = field(default_factory=dict)
    days: Sequence[int] = ()


@dataclass(frozen=True)
class Question:
    """What is asked of a study.

    Attributes:
        as_of_us: rows that happened before it count, microseconds since 1970 UTC.
        policy: how ids are joined.
        through_seq: last sequence number read; kept for the document.
        state: state of the experiment at that moment.
        notes: further counts for the trust banner.
    """

    as_of_us: int
    policy: Policy = "first_touch"
    through_seq: int | None = None
    state: str = "running"
    notes: Mapping[str, int] = field(default_factory=dict)


def read(study: Study, question: Question, written: Written) -> Result:
    """The result of a study, its verdict in words.

    Where ids are linked, the other policy is read as well; if one says roll out and the other keep control,
    or they name different variants, the verdict is `do_not_trust`.

    Args:
        study: the experiment and its rows.
        question: moment and policy.
        written: looks and caps of `first_touch`; those of `strict` are replayed from the rows.
    """
    found = _read_one(study, question, written)
    if study.rows.before(question.as_of_us).joins():
        other_policy: Policy = "strict" if question.policy == "first_touch" else "first_touch"
        other = _read_one(study, replace(question, policy=other_policy), written)
        if _contradict(found.verdict, other.verdict):
            notes = {**question.notes, POLICIES_DIFFER: 1}
            found = _read_one(study, replace(question, notes=notes), written)
    return with_words(found, study.scope.unit)


def _read_one(study: Study, question: Question, written: Written) -> Result:
    """The result under one policy alone.

    The shop day that is still open counts for the trust banner (who entered) and for nothing else.
    """
    zone = study.scope.timezone
    closed_day = last_closed_day(question.as_of_us, zone)
    open_day = shop_day(question.as_of_us - 1, zone)
    looks, caps = _looks_and_caps(study, question.policy, written, closed_day)
    inputs = study.inputs(question.policy, question.as_of_us)
    cells = study.cells(inputs, open_day, caps, offer_question(study.plan, closed_day))
    view, matrix = CellView(cells), leakage_matrix(inputs.redemptions, study.plan.variants)
    unconfirmed = unconfirmed_codes(inputs.unconfirmed, study.plan.variants)
    seen = watched(inputs.suspects, inputs.data.exposures, inputs.redemptions)
    found = {
        **leakage_note(matrix),
        **unconfirmed_notes(matrix, unconfirmed),
        **abuse_notes(study.plan, seen),
    }
    notes = added(added(inputs.notes, question.notes), found)
    result = analyse(
        study.plan,
        view,
        looks,
        as_of=isoformat(question.as_of_us),
        as_of_day=closed_day,
        caps=caps,
        through_seq=question.through_seq,
        notes=notes,
        inputs_sha256=_fingerprint(inputs),
        state=question.state,
    )
    if cells.offers is not None:
        scene = OfferScene(
            study.plan, view, cells.offers, result.metrics, study.terms, matrix, unconfirmed, closed_day
        )
        abuse = counts_report(study.plan, seen)
        if abuse.suspected:
            others = CellView(study.cells(_others(inputs), open_day, caps))
            abuse = replace(abuse, effects=effects(study.plan, view, others, closed_day))
        result = replace(result, offers={**offers_block(scene), "abuse": abuse})
    if open_day == closed_day:
        return result
    return _with_open_day(study.plan, result, assess(study.plan, view, open_day, {**view.notes, **notes}))


def _fingerprint(inputs: Inputs) -> str:
    found = inputs.suspects
    suspects = None if found is None else found.table(inputs.data.exposures)
    return inputs_sha256(inputs.data, inputs.redemptions, inputs.unconfirmed, suspects)


def _others(inputs: Inputs) -> Inputs:
    """The same inputs without suspected units."""
    if inputs.suspects is None:
        return inputs
    exposures = without_units(inputs.data.exposures, inputs.suspects.units())
    return replace(inputs, data=replace(inputs.data, exposures=exposures))


def _looks_and_caps(
    study: Study, policy: Policy, written: Written, closed_day: int
) -> tuple[Sequence[Look], Mapping[str, int]]:
    if policy == "first_touch" or not study.rows.joins():
        return written.looks, written.caps
    days = [day for day in written.days if day <= closed_day]
    replayed = close_range(study, policy, days, (), {})
    return replayed.looks, replayed.caps


def _with_open_day(plan: AnalysisPlan, result: Result, trust: Trust) -> Result:
    """The result with the trust banner of this moment; a red banner overrules the verdict."""
    progress = {**result.progress, "exposed_units": sum(trust.srm.counts.values())}
    verdict = result.verdict
    if trust.status == "stop" and result.trust.status != "stop":
        verdict = judge(Evidence(plan, result.metrics, result.looks, trust))
    return replace(result, trust=trust, verdict=verdict, progress=progress)


def _contradict(one: Verdict, other: Verdict) -> bool:
    if one.state not in _ACTIONS or other.state not in _ACTIONS:
        return False
    return (one.state, one.variant) != (other.state, other.variant)


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Two sets of counts as one."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
