"""Sessions of people: one-time links in, signed cookies out."""

import hashlib
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import update

from app.clock import MICROSECONDS
from app.database import Database
from app.pages.tables import LoginLink
from app.settings import Settings

LINK_SECONDS = 3600
SESSION_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A logged-in person.

    Attributes:
        role: `ro`, `mgr` or `adm`, as the key kinds.
        csrf: token that every form of this session carries.
    """

    role: str
    csrf: str


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def make_login_link(
    database: Database, settings: Settings, role: str, now_us: int, base_url: str | None = None
) -> str:
    """A link that works once, within an hour.

    Args:
        database: where its hash is kept.
        settings: host and port, unless `base_url` is given.
        role: what the person may do: `ro`, `mgr` or `adm`.
        now_us: the present moment.
        base_url: scheme, host and port of the service.
    """
    token = secrets.token_urlsafe(32)
    with database.write() as session:
        expires = now_us + LINK_SECONDS * MICROSECONDS
        session.add(LoginLink(token_sha256=_digest(token), role=role, expires_at_us=expires))
    return f"{base_url or f'http://{settings.host}:{settings.port}'}/login/{token}"


def use_login_link(database: Database, token: str, now_us: int) -> str | None:
    """The role of a link, which is used up by this; None when unknown, expired or used before."""
    links = LoginLink.__table__  # type: ignore[attr-defined]  # SQLModel adds it
    statement = (
        update(links)
        .where(
            links.c.token_sha256 == _digest(token),
            links.c.used_at_us.is_(None),
            links.c.expires_at_us > now_us,
        )
        .values(used_at_us=now_us)
        .returning(links.c.role)
    )
    with database.write() as session:
        role = session.execute(statement).scalar()
    return None if role is None else str(role)


def _serializer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.derived_key("session"), salt="offerlab-session")


def session_cookie(settings: Settings, role: str) -> str:
    """A signed cookie for a person with that role."""
    return str(_serializer(settings).dumps({"role": role, "csrf": secrets.token_urlsafe(16)}))


def read_session(settings: Settings, cookie: str | None) -> Session | None:
    """The session of a cookie; None when there is none, or it is forged or older than a week."""
    if not cookie:
        return None
    try:
        values = _serializer(settings).loads(cookie, max_age=SESSION_SECONDS)
        return Session(role=values["role"], csrf=values["csrf"])
    except (BadSignature, KeyError, TypeError):
        return None
