"""One-time login links: only the hash of the token is kept."""

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel


class LoginLink(SQLModel, table=True):
    """A link that logs one person in, once."""

    __tablename__ = "login_links"
    __table_args__ = (CheckConstraint("role IN ('ro', 'mgr', 'adm')", name="login_links_role"),)

    token_sha256: str = Field(primary_key=True, max_length=64)
    role: str = Field(max_length=3)
    expires_at_us: int = Field(sa_type=BigInteger)
    used_at_us: int | None = Field(default=None, sa_type=BigInteger)
