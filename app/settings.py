"""Every setting of the service, read from the environment (prefix `OFFERLAB_`)."""

import hashlib
import hmac
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings; each is described in docs/reference/settings.md."""

    model_config = SettingsConfigDict(env_prefix="OFFERLAB_", extra="ignore", frozen=True)

    database_url: str = Field("", description="SQLAlchemy address; empty: SQLite in DATA_DIR")
    data_dir: Path = Field(Path("var"), description="where SQLite, the secret and the last snapshot live")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on")
    workers: int = Field(1, ge=1, le=64, description="server processes")
    admin_key: str = Field("", description="an adm key to accept; empty: one is made and printed once")
    secret: str = Field("", description="root of every derived key; empty: made at first start, mode 0600")
    public_origins: str = Field("", description="comma-separated origins that browsers may call from (CORS)")
    engine: Literal["duckdb", "spark"] = Field("duckdb", description="counting engine")
    spark_master: str = Field("", description="address of the Spark master, for ENGINE=spark")
    timezone: str = Field("UTC", description="default zone in which shop days are cut")
    compiled: bool = Field(default=False, description="hash units in machine code; needs the extra `fast`")
    mode: Literal["development", "production"] = Field("development", description="production is strict")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not an IANA time zone, for example Europe/Moscow")
        return value

    @property
    def url(self) -> str:
        """The database address in force."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'offerlab.sqlite3'}"

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded database is used."""
        return self.url.startswith("sqlite")

    @property
    def origins(self) -> tuple[str, ...]:
        """Allowed CORS origins."""
        return tuple(origin.strip() for origin in self.public_origins.split(",") if origin.strip())

    @cached_property
    def root_secret(self) -> bytes:
        """The secret, from the environment or its file (made on first use outside production).

        Raises:
            ValueError: production without OFFERLAB_SECRET.
        """
        if self.secret:
            return self.secret.encode()
        if self.mode == "production":
            raise ValueError("OFFERLAB_SECRET is not set; production refuses to start without it")
        return _secret_file(self.data_dir / "secret")

    def derived_key(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, HMAC-SHA256(secret, purpose)."""
        return hmac.new(self.root_secret, purpose.encode(), hashlib.sha256).digest()


def _secret_file(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes().strip()
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_urlsafe(32).encode())
    return path.read_bytes().strip()
