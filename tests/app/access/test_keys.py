"""API keys: made once, hashed, refused when they should be. Oracle: the contract's section Keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from app.access.keyring import KeyRing
from app.access.service import create_key, customer_signature, ensure_admin_key, list_keys, revoke_key
from app.access.tables import ApiKeyRow
from app.database import Database
from app.errors import Unauthorized
from app.settings import Settings
from tests.support.inprocess import ADMIN_KEY, NOW_US, InProcess, in_process

SECOND_US = 1_000_000


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(sqlite_url, tmp_path) as running:
        yield running


def test_a_key_is_shown_once_and_only_its_hash_is_stored(database: Database) -> None:
    made = create_key(database, "srv", "storefront", NOW_US, actor="test")
    kind, text = made["key"].split("_")[1], made["key"].removeprefix("olk_srv_")
    assert (kind, len(text)) == ("srv", 43)
    shown = list_keys(database)[0]
    assert "key" not in shown
    assert made["key"].startswith(shown["prefix"])
    with database.read() as session:
        row = session.exec(select(ApiKeyRow)).one()
    assert made["key"] not in str(row.model_dump())


def test_a_key_is_refused_from_its_expiry_on(database: Database) -> None:
    made = create_key(database, "ro", "audit", NOW_US, actor="test", expires_at_us=NOW_US + SECOND_US)
    ring = KeyRing()
    with database.read() as session:
        ring.reload(session)
    assert ring.authenticate(made["key"], NOW_US + SECOND_US - 1).kind == "ro"
    with pytest.raises(Unauthorized, match="expired"):
        ring.authenticate(made["key"], NOW_US + SECOND_US)


def test_a_revoked_key_is_refused_and_revoking_twice_changes_nothing(database: Database) -> None:
    made = create_key(database, "ro", "audit", NOW_US, actor="test")
    first = revoke_key(database, made["id"], NOW_US, actor="test")
    again = revoke_key(database, made["id"], NOW_US + 1, actor="test")
    assert first == again
    ring = KeyRing()
    with database.read() as session:
        ring.reload(session)
    with pytest.raises(Unauthorized, match="revoked"):
        ring.authenticate(made["key"], NOW_US)


def test_last_use_is_written_at_most_once_a_minute(database: Database) -> None:
    made = create_key(database, "ro", "audit", NOW_US, actor="test")
    ring = KeyRing()
    with database.write() as session:
        ring.reload(session)
        ring.authenticate(made["key"], NOW_US)
        ring.authenticate(made["key"], NOW_US + 59 * SECOND_US)
        ring.write_last_used(session)
    assert not ring.has_unwritten_uses
    assert list_keys(database)[0]["last_used_at"] == "2026-05-28T20:26:40Z"
    ring.authenticate(made["key"], NOW_US + 60 * SECOND_US)
    assert ring.has_unwritten_uses


def test_the_first_start_makes_one_admin_key_and_later_starts_none(
    database: Database, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path)
    first = ensure_admin_key(database, settings, NOW_US)
    assert first is not None
    assert first.startswith("olk_adm_")
    assert ensure_admin_key(database, settings, NOW_US) is None
    assert len(list_keys(database)) == 1


def test_the_admin_key_of_the_settings_is_accepted_and_a_new_one_replaces_it(
    database: Database, tmp_path: Path
) -> None:
    for text in ("first-admin-key", "second-admin-key"):
        assert ensure_admin_key(database, Settings(data_dir=tmp_path, admin_key=text), NOW_US) is None
    ring = KeyRing()
    with database.read() as session:
        ring.reload(session)
    assert ring.authenticate("second-admin-key", NOW_US).kind == "adm"
    with pytest.raises(Unauthorized):
        ring.authenticate("first-admin-key", NOW_US)


def test_a_key_made_over_http_works_at_once_and_not_after_its_revocation(service: InProcess) -> None:
    made = service.call("POST", "/api/v1/keys", {"kind": "ro", "name": "analyst"}, "adm")
    assert made.status_code == 201
    key = made.json()["key"]
    assert service.call("GET", "/api/v1/experiments", kind=key).status_code == 200
    assert service.call("DELETE", f"/api/v1/keys/{made.json()['id']}", kind="adm").status_code == 200
    assert service.call("GET", "/api/v1/experiments", kind=key).status_code == 401


def test_keys_are_listed_in_pages_without_their_text(service: InProcess) -> None:
    first = service.call("GET", "/api/v1/keys?limit=4", kind="adm").json()
    rest = service.call("GET", f"/api/v1/keys?limit=4&cursor={first['next']}", kind="adm").json()
    ids = [item["id"] for item in first["items"] + rest["items"]]
    assert len(set(ids)) == 6
    assert rest["next"] is None
    assert all("key" not in item for item in first["items"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "root", "name": "x"}, "kind"),
        ({"kind": "ro"}, "name"),
        ({"kind": "ro", "name": "x", "expires_at": "2026-06-01T00:00:00"}, "expires_at"),
        ({"kind": "ro", "name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"kind": "ro", "name": "x", "secret": 1}, "secret"),
        ({"kind": "ro", "name": "\0"}, "name"),
    ],
)
def test_a_bad_key_request_names_its_field(service: InProcess, body: dict[str, object], field: str) -> None:
    answer = service.call("POST", "/api/v1/keys", body, "adm")
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_an_unknown_key_id_is_404(service: InProcess) -> None:
    for key_id in ("k_nobody", "%00", "%F0%9F%92%A9"):
        assert service.call("DELETE", f"/api/v1/keys/{key_id}", kind="adm").status_code == 404


def test_the_api_key_header_works_as_well_as_the_bearer(service: InProcess) -> None:
    answer = service.call("GET", "/api/v1/keys", kind=None, headers={"x-api-key": ADMIN_KEY})
    assert answer.status_code == 200


def test_a_customer_signature_is_the_hmac_of_the_contract() -> None:
    # oracle: printf 'c-1' | openssl dgst -sha256 -hmac 'secret'
    expected = "a100a5424bb71d25e03a16053b72b17ee72c4838482347753df4478c17af6c86"
    assert customer_signature("secret", "c-1") == expected
