"""Codes of an experiment as lists and counts; the text of a code is never among what is read."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

State = Literal["unclaimed", "open", "used", "spent", "expired"]

_USES: Final = "(SELECT count(*) FROM code_uses u WHERE u.code = c.id AND u.state <> 'given_back')"
_USED: Final = "EXISTS (SELECT 1 FROM code_uses u WHERE u.code = c.id AND u.state <> 'given_back')"
_STATE: Final = (
    "CASE WHEN c.uses_left = 0 THEN 'spent'"
    " WHEN c.valid_until_us <= :now_us OR c.variant IN ({over}) THEN 'expired'"
    f" WHEN {_USED} THEN 'used'"
    " WHEN c.kind = 'own' AND c.owner IS NULL THEN 'unclaimed' ELSE 'open' END"
)
_LIST: Final = (
    "SELECT c.id, c.variant, c.kind, c.batch, {uses}, c.uses_left, c.valid_until_us, c.created_at_us,"
    " {state} FROM codes c WHERE c.experiment = :experiment AND c.id > :after{more}"
    " ORDER BY c.id LIMIT :most"
)
_FILTERS: Final = {
    "variant": " AND c.variant = :variant",
    "batch": " AND c.batch = :batch",
    "state": f" AND {_STATE} = :state",
}
_MADE = text(
    "SELECT variant, count(*), sum(CASE WHEN kind = 'own' AND owner IS NULL"
    " AND (uses_left IS NULL OR uses_left > 0)"
    " AND (valid_until_us IS NULL OR valid_until_us > :now_us) THEN 1 ELSE 0 END)"
    " FROM codes WHERE experiment = :experiment GROUP BY variant"
)
_CLAIMED = text("SELECT variant, count(*) FROM code_claims WHERE experiment = :experiment GROUP BY variant")
_REDEEMED = text(
    "SELECT variant, sum(CASE WHEN type = 'redemption' THEN 1 ELSE -1 END) FROM events"
    " WHERE experiment = :experiment AND type IN ('redemption', 'reversal') GROUP BY variant"
)


class Listed(NamedTuple):
    """One code of a list; see `tables.CodeRow`.

    Attributes:
        id: surrogate.
        variant: whose terms it carries.
        kind: personal, shared, own or pool.
        batch: of its import or pool, or None.
        uses: how often it is used or reserved now.
        uses_left: how often it may still be used; None: no limit.
        valid_until_us: microseconds since 1970 UTC, or None: by the offer alone.
        created_at_us: when it was stored.
        state: see `State`.
    """

    id: int
    variant: str
    kind: str
    batch: str | None
    uses: int
    uses_left: int | None
    valid_until_us: int | None
    created_at_us: int
    state: State


class Counts(NamedTuple):
    """Codes of one variant.

    Attributes:
        variant: key.
        issued: codes there are, imported and pooled ones included.
        claimed: units that have one.
        redeemed: uses by orders, those given back left out.
        left: of the shop's own, those that a claim may still draw.
    """

    variant: str
    issued: int
    claimed: int
    redeemed: int
    left: int


def listed(  # noqa: PLR0913 - what a list may be asked for
    session: Session,
    experiment: str,
    now_us: int,
    *,
    limit: int,
    after: int = 0,
    over: Sequence[str] = (),
    variant: str | None = None,
    batch: str | None = None,
    state: State | None = None,
) -> list[Listed]:
    """Codes in the order they were stored.

    Args:
        session: to read with.
        experiment: key.
        now_us: what is over by then is expired.
        limit: how many, 1 or more.
        after: only codes with a larger id.
        over: variants whose offer has ended.
        variant: only its codes, or None.
        batch: only its codes, or None.
        state: only codes in this state, or None.
    """
    wanted = {"variant": variant, "batch": batch, "state": state}
    given = {name: value for name, value in wanted.items() if value is not None}
    more = "".join(_FILTERS[name] for name in given)
    ended = {f"over_{place}": key for place, key in enumerate(over)}
    names = ", ".join(f":{name}" for name in ended) or "NULL"
    statement = _LIST.format(uses=_USES, state=_STATE, more=more).replace("{over}", names)
    values = {"experiment": experiment, "after": after, "most": limit, "now_us": now_us, **given, **ended}
    return [Listed(*row) for row in session.execute(text(statement), values)]


def counted(session: Session, experiment: str, variants: list[str], now_us: int) -> list[Counts]:
    """Counts of each variant, in the order of the definition."""
    values = {"experiment": experiment, "now_us": now_us}
    made = {row[0]: row[1:] for row in session.execute(_MADE, values)}
    claimed, redeemed = (
        {row[0]: int(row[1]) for row in session.execute(statement, {"experiment": experiment})}
        for statement in (_CLAIMED, _REDEEMED)
    )
    return [
        _counts(key, made.get(key, (0, 0)), claimed.get(key, 0), redeemed.get(key, 0)) for key in variants
    ]


def _counts(variant: str, made: Any, claimed: int, redeemed: int) -> Counts:
    return Counts(variant, int(made[0]), claimed, redeemed, int(made[1]))
