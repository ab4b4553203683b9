"""Closing looks (written once) and reading results (the same bytes for the same question)."""

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from sqlmodel import Session, col, select

from app.clock import MICROSECONDS, last_closed_day, shop_day
from app.errors import Conflict, Invalid, Refusal
from app.experiments.queries import get_row, list_rows
from app.experiments.tables import ExperimentRow
from app.ledger.service import head_seq
from app.results.closing import Closed, close_range, fixed_caps
from app.results.document import as_of_us, encode
from app.results.memory import ResultMemory
from app.results.plans import plan_of
from app.results.reading import Question, Written, read
from app.results.source import budget_cut, load_study, scope_of, state_at
from app.results.tables import CapRow, LookRow
from app.results.units import Policy, Scope
from stats.results import Look, Result

if TYPE_CHECKING:
    from app.bootstrap import Services

log = logging.getLogger("offerlab")
SETTLING_SECONDS = 6 * 3600  # live days close six hours after midnight: queues and imports arrive late
LARGEST_SEQ = 2**63 - 1
LAST_DAY = 2_932_896  # 9999-12-31
_LIVE_STATES = frozenset({"running", "paused", "frozen", "stopped", "decided"})
_memory = ResultMemory(capacity=64)


@dataclass(frozen=True, slots=True)
class Closing:
    """What a call that closes looks did.

    Attributes:
        closed_through: last closed shop day, days since 1970-01-01, or None.
        looks_written: how many looks it wrote.
    """

    closed_through: int | None
    looks_written: int


def close_looks(services: "Services", key: str, through_day: int) -> Closing:
    """Close shop days in order and write their looks, once.

    Args:
        services: the wired services.
        key: of the experiment.
        through_day: last shop day to close, days since 1970-01-01; days that have not ended are left.

    Returns:
        How far it is closed now. Whoever comes second in a race writes nothing.

    Raises:
        NotFound: there is no such experiment.
        Conflict: it has not started.
    """
    database = services.database
    with database.read() as session:
        row = get_row(session, key)
        written = _written(session, row)
    if row.state == "draft":
        raise Conflict("a draft has no looks; start it first", "not_started", "status")
    zone = row.definition["timezone"]
    days = _open_days(row, min(through_day, last_closed_day(services.clock.now_us(), zone)))
    if not days:
        return Closing(row.closed_through, 0)
    study = load_study(database, services.settings, row, head_seq(database))
    closed = close_range(study, "first_touch", days, written.looks, written.caps)
    with database.write() as session:
        return _write(session, row, days[-1], closed)


def close_due_days(services: "Services") -> None:
    """Close the live days of every experiment: shop midnight and six hours have passed.

    An import with `starts_at` in the past is left alone until its past days have been closed by hand: its
    events may still be on their way, and looks are written once.
    """
    now_us = services.clock.now_us()
    with services.database.read() as session:
        rows = [row for row in list_rows(session) if row.state in _LIVE_STATES]
    for row in rows:
        zone = row.definition["timezone"]
        due = last_closed_day(now_us - SETTLING_SECONDS * MICROSECONDS, zone)
        days = _open_days(row, due)
        if not days or row.started_at_us is None or days[0] < shop_day(row.started_at_us, zone):
            continue
        try:
            close_looks(services, row.key, due)
        except Refusal as refusal:
            log.warning("looks of %s were not closed: %s", row.key, refusal)


def results(
    services: "Services",
    key: str,
    as_of: str | None = None,
    through_seq: int | None = None,
    policy: Policy = "first_touch",
) -> bytes:
    """The result document of an experiment (see the contract).

    Args:
        services: the wired services.
        key: of the experiment.
        as_of: RFC 3339 with an offset, or a date, which means the end of that shop day; None or a moment to
            come: now.
        through_seq: last sequence number of the ledger to read; None: all.
        policy: how ids are joined.

    Returns:
        JSON; the same bytes for the same rows, version and moment.

    Raises:
        NotFound: there is no such experiment.
        Invalid: `as_of` or `through_seq` cannot be understood.
    """
    return encode(read_result(services, key, as_of, through_seq, policy))


def read_result(
    services: "Services",
    key: str,
    as_of: str | None = None,
    through_seq: int | None = None,
    policy: Policy = "first_touch",
) -> Result:
    """The result object behind `results`, for pages and exports; remembered for a while."""
    reading = open_reading(services, key, as_of, through_seq)
    row, moment = reading.row, reading.as_of_us
    state, zone = state_at(row, moment), row.definition["timezone"]
    address = (
        *(services.database.url, key, row.version, len(row.timeline), row.closed_through),
        *(reading.through_seq, policy, state, last_closed_day(moment, zone), shop_day(moment - 1, zone)),
    )
    found = _memory.recall(address, moment)
    if found is None:
        study = load_study(services.database, services.settings, row, reading.through_seq)
        question = Question(moment, policy, reading.through_seq, state, notes=budget_cut(row, moment))
        found = read(study, question, reading.written)
        _memory.keep(address, moment, study.rows.latest_us(), found)
    return found


@dataclass(frozen=True)
class Reading:
    """A question about an experiment, understood.

    Attributes:
        row: the experiment.
        as_of_us: the moment, microseconds since 1970 UTC, not in the future.
        through_seq: last sequence number to read.
        written: looks, caps and days closed by then.
    """

    row: ExperimentRow
    as_of_us: int
    through_seq: int
    written: Written


def open_reading(services: "Services", key: str, as_of: str | None, through_seq: int | None) -> Reading:
    """Understand a question; refusals as for `results`."""
    with services.database.read() as session:
        row = get_row(session, key)
        now_us = services.clock.now_us()
        zone = row.definition["timezone"]
        moment = now_us if as_of is None else min(as_of_us(as_of, zone), now_us)
        written = _written(session, row, last_closed_day(moment, zone))
    if through_seq is not None and not 0 <= through_seq <= LARGEST_SEQ:
        raise Invalid("must be a sequence number of the ledger", "invalid_through_seq", "through_seq")
    head = head_seq(services.database)
    return Reading(row, moment, head if through_seq is None else min(through_seq, head), written)


def first_day(scope: Scope) -> int | None:
    """The shop day on which analysed time begins, days since 1970-01-01; None before the start."""
    return shop_day(scope.spans[0][0], scope.timezone) if scope.spans else None


def closed_days(row: ExperimentRow, last_day: int = LAST_DAY) -> list[int]:
    """The shop days whose looks are written, up to a day."""
    first = first_day(scope_of(row))
    if first is None or row.closed_through is None:
        return []
    return list(range(first, min(row.closed_through, last_day) + 1))


def _open_days(row: ExperimentRow, through_day: int) -> list[int]:
    first = first_day(scope_of(row))
    if first is None:
        return []
    start = first if row.closed_through is None else row.closed_through + 1
    return list(range(start, through_day + 1))


def _written(session: Session, row: ExperimentRow, last_day: int = LAST_DAY) -> Written:
    """Looks and caps of an experiment's version, those of later days left out."""
    found = session.exec(
        select(LookRow)
        .where(LookRow.experiment == row.key, LookRow.version == row.version, LookRow.day <= last_day)
        .order_by(col(LookRow.id))
    )
    caps = session.exec(
        select(CapRow)
        .where(CapRow.experiment == row.key, CapRow.version == row.version, CapRow.day <= last_day)
        .order_by(col(CapRow.id))
    )
    return Written(
        looks=[msgspec.convert(look.document, Look) for look in found],
        caps=fixed_caps(plan_of(row.definition, row.version)) | {cap.metric: cap.cap_minor for cap in caps},
        days=closed_days(row, last_day),
    )


def _write(session: Session, seen: ExperimentRow, through_day: int, closed: Closed) -> Closing:
    """Write what was closed, unless somebody else closed these days in the meantime."""
    row = get_row(session, seen.key, lock=True)
    if (row.version, row.closed_through) != (seen.version, seen.closed_through):
        return Closing(row.closed_through, 0)
    session.add_all(_look_row(row, look) for look in closed.looks)
    session.add_all(
        CapRow(experiment=row.key, version=row.version, metric=label, cap_minor=closed.caps[label], day=day)
        for label, day in closed.frozen.items()
    )
    row.closed_through = through_day
    session.add(row)
    return Closing(through_day, len(closed.looks))


def _look_row(row: ExperimentRow, look: Look) -> LookRow:
    from stats.shop_days import day_number

    document: dict[str, Any] = msgspec.to_builtins(asdict(look))
    return LookRow(
        experiment=row.key,
        version=row.version,
        metric=look.metric,
        treatment=look.treatment,
        number=look.number,
        day=day_number(look.day),
        document=document,
    )
