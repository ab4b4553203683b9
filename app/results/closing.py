"""Closing shop days: which scans are needed, when caps freeze, which looks come out. No database here."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.clock import day_start_us
from app.engine.port import AnalysisRequest, Economics, Engine, OfferQuestion
from app.results.inputs import Inputs, link_days, prepare
from app.results.ledger_rows import LedgerRows
from app.results.suspects import Suspects
from app.results.units import Policy, Scope
from stats.caps import CAP_BUYERS, nearest_rank_cap
from stats.cell_view import CellView
from stats.cells import Cells
from stats.looks import LookBook
from stats.offers.reports import OfferTerms
from stats.plan import AnalysisPlan, Metric
from stats.readings import cell_labels, gate_buyers, last_mature_day
from stats.results import Look


@dataclass(frozen=True)
class Study:
    """One experiment with its rows and the engine that counts them.

    Attributes:
        plan: what was decided before the data.
        economics: how orders become profit, or None.
        scope: which rows count.
        rows: the ledger's rows.
        engine: what counts them.
        terms: which variants offer nothing.
        suspects: suspected units where the rows hold no fingerprints, as files do not.
    """

    plan: AnalysisPlan
    economics: Economics | None
    scope: Scope
    rows: LedgerRows
    engine: Engine
    terms: OfferTerms = field(default_factory=OfferTerms)
    suspects: Suspects | None = None

    def end_of_day_us(self, day: int) -> int:
        """The moment a shop day closes."""
        return day_start_us(day + 1, self.scope.timezone)

    def inputs(self, policy: Policy, as_of_us: int) -> Inputs:
        """The engine's tables at a moment."""
        return prepare(self.rows, self.scope, policy, as_of_us, self.suspects)

    def request(self, day: int, caps: Mapping[str, int]) -> AnalysisRequest:
        """The question to the engine for a last shop day."""
        return AnalysisRequest(self.plan, self.economics, day, dict(caps))

    def cells(
        self, inputs: Inputs, day: int, caps: Mapping[str, int], offers: OfferQuestion | None = None
    ) -> Cells:
        """One scan; with a question about the offers their counts too."""
        return self.engine.cells(replace(self.request(day, caps), offers=offers), inputs.data)

    def is_final(self, day: int) -> bool:
        """Whether no unit can enter after a shop day."""
        ends = self.scope.entry_ends_us
        return ends is not None and ends <= self.end_of_day_us(day)


@dataclass
class Closed:
    """What closing a range of days gave.

    Attributes:
        looks: the new looks, in the order in which they were written.
        caps: every cap in force after the last day, by metric label.
        frozen: of them, those frozen here: label → the day on whose data.
    """

    looks: list[Look] = field(default_factory=list)
    caps: dict[str, int] = field(default_factory=dict)
    frozen: dict[str, int] = field(default_factory=dict)


def close_range(
    study: Study, policy: Policy, days: Sequence[int], history: Sequence[Look], caps: Mapping[str, int]
) -> Closed:
    """Close shop days in order; closing them one by one gives the same.

    One scan at the last day serves all earlier days: cells are filed by cohort day, a cohort's sums are fixed
    once it has matured, and changes of first events carry the day they became known. Two things break that,
    and get a scan of their own: a link between ids (units change from its day on) and a cap that freezes.

    Args:
        study: the experiment.
        policy: how ids are joined.
        days: rising shop days after the last closed one.
        history: looks written before.
        caps: caps frozen before.

    Returns:
        New looks and caps.
    """
    book = LookBook(study.plan, history)
    closed = Closed(caps=fixed_caps(study.plan) | dict(caps))
    for run in _runs(days, link_days(study.rows, study.scope.timezone) if policy == "first_touch" else ()):
        _close_run(study, policy, run, book, closed)
    return closed


def fixed_caps(plan: AnalysisPlan) -> dict[str, int]:
    """The cap a plan fixed for all its money metrics, if it did."""
    if plan.cap_minor is None:
        return {}
    return {metric.label: plan.cap_minor for metric in plan.metrics if is_capped(metric)}


def is_capped(metric: Metric) -> bool:
    """Whether a metric's per-unit values are cut: sums of money, but never a ratio's numerator."""
    return metric.money and metric.kind == "mean"


def _runs(days: Sequence[int], breaks: Iterable[int]) -> list[list[int]]:
    """Days in stretches that no link interrupts: a link begins a new stretch."""
    ordered = sorted(breaks)
    runs: list[list[int]] = []
    for day in days:
        if runs and bisect_right(ordered, runs[-1][-1]) == bisect_right(ordered, day):
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _close_run(study: Study, policy: Policy, run: Sequence[int], book: LookBook, closed: Closed) -> None:
    inputs = study.inputs(policy, study.end_of_day_us(run[-1]))
    left = list(run)
    while left:
        view = CellView(study.cells(inputs, run[-1], closed.caps))
        due = _caps_due(study.plan, view, left, closed.caps)
        for day in left if due is None else left[: left.index(due[0])]:
            closed.looks += book.close(day, view, closed.caps, final=study.is_final(day))
        left = [] if due is None else left[left.index(due[0]) :]
        if due is not None:
            _freeze(study, inputs, due, closed)


def _caps_due(
    plan: AnalysisPlan, view: CellView, days: Sequence[int], caps: Mapping[str, int]
) -> tuple[int, list[Metric]] | None:
    """The first day on which metrics without a cap come to their first tested look, and those metrics."""
    pending = [metric for metric in plan.metrics if is_capped(metric) and metric.label not in caps]
    for day in days if pending else ():
        due = [metric for metric in pending if _passes_gate(plan, view, metric, day)]
        if due:
            return day, due
    return None


def _passes_gate(plan: AnalysisPlan, view: CellView, metric: Metric, day: int) -> bool:
    label, last_day = cell_labels(plan, metric)[-1], last_mature_day(plan, metric, day)
    buyers = {variant: view.moments(label, variant, last_day).buyers for variant in plan.variants}
    gate = gate_buyers(plan)
    return buyers[plan.control] >= gate and any(buyers[arm] >= gate for arm in plan.treatments)


def _freeze(study: Study, inputs: Inputs, due: tuple[int, list[Metric]], closed: Closed) -> None:
    day, metrics = due
    for metric in metrics:
        values = study.engine.first_buyer_values(
            study.request(day, {}), inputs.data, metric.label, CAP_BUYERS
        )
        closed.caps[metric.label] = nearest_rank_cap(values, study.plan.largest_threshold_minor)
        closed.frozen[metric.label] = day
