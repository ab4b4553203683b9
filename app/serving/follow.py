"""Following the ledger: new links and, for frozen experiments, who was enrolled."""

from collections.abc import Iterable, Mapping

from sqlalchemy import text
from sqlmodel import Session

from app.database import Database
from app.ledger.rows import UNTRUSTED
from app.serving.aliases import AliasIndex
from app.serving.enrolled import EnrolledIndex

STRIDE = 200_000
"""Rows of the ledger looked through in one go."""

_HEAD = text("SELECT coalesce(max(seq), 0) FROM events")
_LINKS = text(
    "SELECT v.id, c.id, e.occurred_at_us, e.event_id FROM events e"  # noqa: S608 - a constant of ours
    " JOIN identifiers v ON v.number = e.visitor JOIN identifiers c ON c.number = e.customer"
    f" WHERE e.seq > :low AND e.seq <= :high AND (e.flags & {UNTRUSTED}) = 0"
)
_EXPOSED = text(
    "SELECT DISTINCT v.id, c.id FROM events e"
    " LEFT JOIN identifiers v ON v.number = e.visitor LEFT JOIN identifiers c ON c.number = e.customer"
    " WHERE e.experiment = :experiment AND e.type = 'exposure' AND e.occurred_at_us < :frozen_at_us"
    " AND e.seq > :low AND e.seq <= :high"
)


class Follower:
    """Keeps the two indexes at the head of the ledger.

    Attributes:
        aliases: customers and their canonical visitors.
        enrolled: units of frozen experiments.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen = 0
        self.aliases = AliasIndex()
        self.enrolled = EnrolledIndex()

    def follow(self, frozen: Mapping[str, tuple[str, int]]) -> None:
        """Read what is new.

        Args:
            frozen: experiment → its unit (visitor or customer) and the moment of its freeze.
        """
        self.enrolled.keep_only(frozen)
        with self._database.read() as session:
            head = int(session.execute(_HEAD).scalar_one())
            self._catch_up([key for key in frozen if key not in self.enrolled], frozen, session)
            while self._seen < head:
                high = min(self._seen + STRIDE, head)
                self._links(session, self._seen, high)
                self._exposed(session, frozen, frozen, self._seen, high)
                self._seen = high

    def _catch_up(self, new: list[str], frozen: Mapping[str, tuple[str, int]], session: Session) -> None:
        self._exposed(session, new, frozen, 0, self._seen)

    def _links(self, session: Session, low: int, high: int) -> None:
        for row in session.execute(_LINKS, {"low": low, "high": high}):
            self.aliases.link(*row)

    def _exposed(
        self,
        session: Session,
        keys: Iterable[str],
        frozen: Mapping[str, tuple[str, int]],
        low: int,
        high: int,
    ) -> None:
        for key in keys:
            unit, frozen_at_us = frozen[key]
            found = session.execute(
                _EXPOSED, {"experiment": key, "frozen_at_us": frozen_at_us, "low": low, "high": high}
            )
            self.enrolled.add(key, self._units(unit, [(row[0], row[1]) for row in found]))

    def _units(self, unit: str, people: list[tuple[str | None, str | None]]) -> set[str]:
        if unit == "customer":
            return {customer for _, customer in people if customer is not None}
        units = {visitor for visitor, _ in people if visitor is not None}
        canonical = {self.aliases.canonical(customer) for _, customer in people if customer is not None}
        return units | {visitor for visitor in canonical if visitor is not None}
