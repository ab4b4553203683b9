"""Places beside the table of ids where a shop may have put one: keys of events, names, attributes."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import TextClause, bindparam, text
from sqlmodel import Session

from app.ledger.events import MAX_ID_LENGTH

SHORTEST_SEARCHED: Final = 6
"""An id shorter than this is found by chance everywhere; it is looked for in the person's own rows only."""

KEYS: Final = ("event_id", "order_id", "refund_id", "name")
COLUMNS: Final = (*KEYS, "rest")
OF_OTHERS: Final = ("event_id", "name", "rest")  # an order of somebody else keeps its id: refunds look for it
_RUN = re.compile(r"[A-Za-z0-9]+")
_OWN: Final = "(visitor IN :numbers OR customer IN :numbers)"

Change = dict[str, Any]
"""`seq` and the new values of all `COLUMNS`."""


class Traces:
    """Finds ids of a person in rows of the ledger and says what the rows are without them.

    In the person's own rows every column is looked at, and in rows that name nobody (refunds, cancellations);
    in rows of others all but the ids of orders and refunds.

    Args:
        ids: of the person.
        numbers: that stand for them.
        mark: what is found → what stands in its place; says nothing, differs for different texts.
    """

    def __init__(self, ids: Sequence[str], numbers: Sequence[int], mark: Callable[[str], str]) -> None:
        searched = [one for one in ids if len(one) >= SHORTEST_SEARCHED]
        self._mark = mark
        self._own, self._everywhere = _pattern(ids), _pattern(searched)
        self._statement, self._values = _query(searched, numbers)

    def changes(self, session: Session, low: int, high: int) -> Iterator[Change]:
        """Rows in (low, high] that hold an id, as they are without it."""
        for row in session.execute(self._statement, {**self._values, "low": low, "high": high}):
            pattern = self._own if row.own else self._everywhere
            before = {name: getattr(row, name) for name in COLUMNS}
            columns = COLUMNS if row.own or row.nobody else OF_OTHERS
            after = before | {name: self._clean(pattern, name, before[name]) for name in columns}
            if after != before:
                yield {"seq": row.seq, **after}

    def order(self, order_id: str) -> str:
        """What an order of the person is called from now on."""
        return str(self._clean(self._own, "order_id", order_id))

    def _clean(self, pattern: "re.Pattern[str] | None", name: str, value: str | None) -> str | None:
        if value is None or pattern is None:
            return value
        cleaned = pattern.sub(lambda found: self._mark(found[0]), value)
        is_too_long = name in KEYS and len(cleaned) > MAX_ID_LENGTH
        return self._mark(value) if is_too_long else cleaned


def _query(searched: Sequence[str], numbers: Sequence[int]) -> tuple[TextClause, dict[str, Any]]:
    """The rows worth a look: the person's own, and those that hold the longest plain part of an id."""
    likes = {f"like{place}": f"%{_plain_part(one)}%" for place, one in enumerate(searched)}
    nobody = "(visitor IS NULL AND customer IS NULL)"
    anywhere = "lower(" + " || ' ' || ".join(f"coalesce({name}, '')" for name in COLUMNS) + ")"
    found = " OR ".join(f"{anywhere} LIKE :{name}" for name in likes) or "1 = 0"
    statement = (
        f"SELECT seq, {', '.join(COLUMNS)}, {_OWN} AS own, {nobody} AS nobody FROM events"  # noqa: S608 - texts of ours
        f" WHERE seq > :low AND seq <= :high AND ({_OWN} OR {found})"
    )
    return text(statement).bindparams(bindparam("numbers", expanding=True)), {
        "numbers": list(numbers),
        **likes,
    }


def _plain_part(one: str) -> str:
    """ASCII letters and digits that stand in every way of writing the id.

    >>> _plain_part("Привет-V0042")
    'v0042'
    """
    return max(_RUN.findall(one), key=len, default="").lower()


def _pattern(ids: Sequence[str]) -> "re.Pattern[str] | None":
    """Any of the ids as a word of its own, in any case, as plain text or inside JSON."""
    in_json = {json.dumps(one, ensure_ascii=is_ascii)[1:-1] for one in ids for is_ascii in (False, True)}
    forms = {*ids, *in_json}
    if not forms:
        return None
    words = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])", re.IGNORECASE)
