"""Erasing a person: the ids go, the numbers and with them all figures stay."""

import logging
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from app.audit.service import record
from app.codes.service import rename_orders
from app.database import Database
from app.erasure.log import ErasureLog, Ids, forget_sealed, last_number
from app.erasure.people import Person, person_of
from app.erasure.scrub import scrub
from app.erasure.tables import ErasureRow
from app.erasure.traces import COLUMNS, Change, Traces
from app.experiments.service import drop_people
from app.ledger.stores import ADVISORY_LOCK
from app.ledger.tables import DEEDS
from app.serving.config import bump

log = logging.getLogger("offerlab")
ATTEMPTS: Final = 3
"""So often the ledger is searched without holding anybody up; then once more while writers wait."""

_HEAD = text("SELECT coalesce(max(seq), 0) FROM events")
_DELETE = text("DELETE FROM identifiers WHERE number IN :numbers").bindparams(
    bindparam("numbers", expanding=True)
)
_CHANGE = text(
    f"UPDATE events SET {', '.join(f'{name} = :{name}' for name in COLUMNS)} WHERE seq = :seq"  # noqa: S608 - names of ours
)
_NEW_LINK = text(
    "SELECT 1 FROM events WHERE seq > :seq AND (visitor IN :numbers OR customer IN :numbers) LIMIT 1"
).bindparams(bindparam("numbers", expanding=True))
_FORGET_CODES = text(
    "UPDATE order_codes SET ciphertext = NULL WHERE seq IN"  # noqa: S608 - texts of ours
    f" (SELECT seq FROM events WHERE visitor IN :numbers AND {DEEDS}"
    f" UNION SELECT seq FROM events WHERE customer IN :numbers AND {DEEDS})"
).bindparams(bindparam("numbers", expanding=True))
_MARK = text("INSERT INTO tombstones (mark, at_us) VALUES (:mark, :at_us) ON CONFLICT DO NOTHING")


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did.

    Attributes:
        number: of the erasure.
        ids: how many ids are gone.
        is_finished: whether no byte of them is left in the database file; otherwise it is tried again
            every minute.
    """

    number: int
    ids: int
    is_finished: bool


@dataclass(frozen=True, slots=True)
class _Search:
    """Who somebody is and where the ids stand, as of a row of the ledger."""

    person: Person
    traces: Traces
    changes: list[Change]
    head: int


def erase(database: Database, sealing: ErasureLog, person_id: str, actor: str, now_us: int) -> Erased:
    """Erase a visitor with all its aliases. Erasing again, or somebody unknown, takes nothing away.

    Args:
        database: where.
        sealing: seals the ids for the replicas.
        person_id: a visitor's id (or a customer's).
        actor: for the audit log, which does not learn the id.
        now_us: the present moment.
    """
    number, person = _erase(database, sealing, person_id, (actor, now_us))
    done = scrub(database, sorted({*person.texts, person_id}))
    if done:
        _mark_scrubbed(database, number)
    return Erased(number, len(person.texts), done)


def _erase(
    database: Database, sealing: ErasureLog, person_id: str, by: tuple[str, int]
) -> tuple[int, Person]:
    for attempt in range(ATTEMPTS + 1):
        search = None if attempt == ATTEMPTS else _searched(database, sealing, person_id)
        with database.write() as session:
            _lock_ledger(session, is_sqlite=database.is_sqlite)
            if search is None:
                search = _search(session, sealing, person_id)
            if not _is_stale(session, search, person_id):
                ids = {*search.person.texts, person_id}
                return _write(session, sealing, search, ids, by), search.person
    raise AssertionError("what was searched under the lock cannot be stale")


def tidy(database: Database, sealing: ErasureLog, now_us: int) -> None:
    """Finish erasures that somebody's reading had held up; forget sealed ids after a week."""
    with database.read() as session:
        unfinished = session.exec(select(ErasureRow).where(col(ErasureRow.scrubbed).is_(False))).all()
        waiting = [sealing.opened(row) for row in unfinished]
    for erasure in waiting:
        ids = erasure.ids or Ids([], [])
        if scrub(database, [*ids.visitors, *ids.customers]):
            _mark_scrubbed(database, erasure.number)
    with database.write() as session:
        forget_sealed(session, now_us)


def _searched(database: Database, sealing: ErasureLog, person_id: str) -> _Search:
    with database.read() as session:
        if not database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return _search(session, sealing, person_id)


def _search(session: Session, sealing: ErasureLog, person_id: str) -> _Search:
    head = int(session.execute(_HEAD).scalar_one())
    person = person_of(session, person_id)

    def mark(found: str) -> str:
        return f"erased-{sealing.mark('trace', found).hex()[:16]}"

    traces = Traces([*{*person.texts, person_id}], person.numbers, mark)
    return _Search(person, traces, list(traces.changes(session, 0, head)), head)


def _is_stale(session: Session, search: _Search, person_id: str) -> bool:
    """Whether the person has done something since the search."""
    if search.person.numbers:
        values = {"seq": search.head, "numbers": search.person.numbers}
        return session.execute(_NEW_LINK, values).first() is not None
    return bool(person_of(session, person_id).numbers)


def _lock_ledger(session: Session, *, is_sqlite: bool) -> None:
    """No event is written meanwhile: writers remember numbers of ids and must notice that some are gone."""
    if is_sqlite:  # the session holds the only write lock already
        session.connection().exec_driver_sql("PRAGMA secure_delete=ON")
    else:
        session.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))


def _write(session: Session, sealing: ErasureLog, search: _Search, ids: set[str], by: tuple[str, int]) -> int:
    actor, now_us = by
    person, head = search.person, int(session.execute(_HEAD).scalar_one())
    changes = [*search.changes, *search.traces.changes(session, search.head, head)]
    if changes:
        session.execute(_CHANGE, changes)
    if person.numbers:
        session.execute(_FORGET_CODES, {"numbers": person.numbers})
    rename_orders(session, person.numbers, search.traces.order)
    if person.numbers:
        session.execute(_DELETE, {"numbers": person.numbers})
    for kind, texts in (("visitor", person.visitors), ("customer", person.customers)):
        for one in texts:
            session.execute(_MARK, {"mark": sealing.mark(kind, one), "at_us": now_us})
    number = last_number(session) + 1
    sealed = sealing.seal(number, Ids(sorted(ids - {*person.customers}), sorted(person.customers)))
    session.add(ErasureRow(id=number, at_us=now_us, seq=head, sealed=sealed))
    session.flush()
    if drop_people(session, ids):
        bump(session)
    done: dict[str, Any] = {"ids": len(person.texts), "rows_changed": len(changes)}
    record(session, actor, "visitor.erase", f"erasure {number}", None, done, now_us)
    return number


def _mark_scrubbed(database: Database, number: int) -> None:
    try:
        with database.write() as session:
            session.execute(update(ErasureRow).where(col(ErasureRow.id) == number).values(scrubbed=True))
    except SQLAlchemyError as error:
        log.warning("an erasure could not be marked as finished: %s", type(error).__name__)
