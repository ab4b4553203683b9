"""After `DELETE /api/v1/visitors/{id}` no byte of the id or its aliases is anywhere. Oracle: all files."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text

from app.database import Database
from app.erasure.log import SEALED_SECONDS, ErasureLog
from app.erasure.scrub import scrub
from app.erasure.service import erase, tidy
from app.ledger.writer import Writer
from tests.support.inprocess import NOW_US, InProcess, in_process, second_replica
from tests.support.postgres import program

PHONE, LAPTOP, ANNA, BORIS = "phone-Anna-7Kq2", "laptop-Anna-9Zx4", "anna-customer-55", "boris-customer-77"
ALL = (PHONE, LAPTOP, ANNA)
STRANGER = "phone-Anna"
"""A part of the phone's id, and somebody else's; shorter by more than chance could put behind it."""

OCCURRED = "2026-05-27T10:00:00Z"
FILLER = 400


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(database_url, tmp_path) as running:
        yield running


def event(kind: str, number: int, **fields: Any) -> dict[str, Any]:
    return {"event_id": f"e-{number}", "type": kind, "occurred_at": OCCURRED} | fields


def order(number: int, order_id: str, **fields: Any) -> dict[str, Any]:
    money = {"currency": "RUB", "items_minor": 1000, "discount_minor": 0, "shipping_minor": 0}
    return event("order", number, order_id=order_id) | money | fields


def send(service: InProcess, *events: dict[str, Any]) -> dict[str, Any]:
    answer = service.call("POST", "/api/v1/events", {"events": list(events)}, "srv")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["rejected"] == [], found
    return found


def live(service: InProcess) -> str:
    """An experiment that runs, with Anna and many others in it; her ids stand wherever one can put them."""
    key = service.running()
    variant = str(service.assign(visitor_id=PHONE).json()["assignments"][0]["variant"])
    exposure = {"visitor_id": PHONE, "experiment": key, "variant": variant}
    send(service, event("exposure", 1, **exposure, attributes={"id": PHONE, "city": "Tver"}))
    send(service, event("identify", 2, visitor_id=PHONE, customer_id=ANNA))
    send(service, event("identify", 3, visitor_id=LAPTOP, customer_id=ANNA))
    send(service, event("custom", 4, visitor_id=STRANGER, name="seen"))
    send(
        service, event("custom", 5, visitor_id="friend", name=f"told {PHONE}") | {"event_id": f"x:{PHONE}:1"}
    )
    send(service, order(6, f"{PHONE}/1", visitor_id=PHONE), order(7, "o-2", customer_id=ANNA))
    send(service, event("refund", 8, refund_id="r-1", order_id=f"{PHONE}/1", amount_minor=400))
    send(service, event("identify", 9, visitor_id=LAPTOP, customer_id=BORIS))  # contradicts: not merged
    send(service, event("referral", 10, referrer=ANNA, invited="friend"))  # as a visitor too, which nobody is
    send(service, event("referral", 11, referrer={"customer_id": BORIS}, invited={"visitor_id": LAPTOP}))
    send(service, order(12, "o-3", customer_id=ANNA, codes=[f"GIFT-FOR-{ANNA}"]))
    send(service, *(event("custom", 100 + n, visitor_id=f"other-{n:05}", name="x") for n in range(FILLER)))
    pinned = service.call(
        "PUT", f"/api/v1/experiments/{key}/forced", {"units": {PHONE: variant, "qa": variant}}
    )
    assert pinned.status_code == 200, pinned.text
    members = {"members": [ANNA, "somebody"]}
    assert service.call("PUT", "/api/v1/segments/vip", members).status_code == 200
    service.services.snapshots.poll()
    return key


def forms(ids: tuple[str, ...]) -> list[bytes]:
    return [form.encode() for one in ids for form in (one, one.lower(), one.upper())]


def places(service: InProcess, folder: Path, ids: tuple[str, ...] = ALL) -> list[str]:
    """Files of the data folder, and the dump of the database, that hold one of the ids."""
    found = [
        (str(path.relative_to(folder)), path.read_bytes()) for path in folder.rglob("*") if path.is_file()
    ]
    if not service.services.database.is_sqlite:
        found.append(("dump", dump(service.services.database.url)))
    return sorted(name for name, content in found if any(form in content for form in forms(ids)))


def dump(url: str) -> bytes:
    address = url.replace("postgresql+psycopg://", "postgresql://", 1)
    return subprocess.run([program("pg_dump"), address], capture_output=True, check=True).stdout


def erased(service: InProcess, person_id: str = PHONE) -> dict[str, Any]:
    answer = service.call("DELETE", f"/api/v1/visitors/{person_id}", kind="adm")
    assert answer.status_code == 200, answer.text
    assert not any(form in answer.content for form in forms(ALL))
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("person_id", ALL)
def test_no_byte_of_any_alias_is_left_in_any_file(
    service: InProcess, tmp_path: Path, person_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = live(service)
    before = places(service, tmp_path)
    assert any("links.sqlite3" in name for name in before)
    assert "snapshot.json" in before
    assert ("dump" in before) or ("offerlab.sqlite3" in " ".join(before))
    assert erased(service, person_id) | {"erased_at": ""} == {
        "erasure": 1,
        "ids": 3,
        "erased_at": "",
        "finished": True,
    }
    assert places(service, tmp_path) == []
    assert not any(one in caplog.text for one in ALL)
    for kind in ("exposures", "events", "orders", "units"):
        export = service.call("GET", f"/api/v1/experiments/{key}/export/{kind}.csv", kind="adm")
        assert not any(form in export.content for form in forms(ALL)), kind
    audit = service.call("GET", "/api/v1/audit", kind="adm")
    assert not any(form in audit.content for form in forms(ALL))
    assert audit.json()["items"][0]["action"] == "visitor.erase"
    assert service.call("GET", "/api/v1/audit/verify", kind="adm").json()["ok"]


def test_the_search_shows_an_erasure_that_only_deletes_the_row(service: InProcess, tmp_path: Path) -> None:
    # the planted bug: the mapping is deleted, and nobody looks at pages, log, local files or the snapshot
    live(service)
    with service.services.database.write() as session:
        session.connection().execute(text("DELETE FROM identifiers WHERE id = :id"), {"id": PHONE})
    assert len(places(service, tmp_path, (PHONE,))) >= 2


def test_somebody_with_a_similar_id_and_whoever_logged_in_on_the_laptop_stay(service: InProcess) -> None:
    live(service)
    longer = f"{PHONE}x"
    send(service, event("custom", 800, visitor_id=longer, name=longer))
    erased(service)
    with service.services.database.read() as session:
        kept = session.connection().execute(text("SELECT id FROM identifiers")).scalars().all()
        names = session.connection().execute(text("SELECT name FROM events WHERE event_id = 'e-800'"))
        assert names.scalars().all() == [longer]
    assert {STRANGER, BORIS, longer, "friend", "other-00000"} <= set(kept)
    assert not set(ALL) & set(kept)


def test_figures_stay(service: InProcess) -> None:
    key = live(service)
    path = f"/api/v1/experiments/{key}/results?as_of=2026-07-20"
    counts = [_figures(service.call("GET", path).json())]
    refunds = _joined(service)
    erased(service)
    counts.append(_figures(service.call("GET", path).json()))
    assert counts[0] == counts[1]
    assert (refunds, _joined(service)) == (1, 1)  # the refund still finds its order under its new name


def test_a_use_of_a_code_still_meets_its_order(service: InProcess, tmp_path: Path) -> None:
    key = live(service)
    code = _code_of_somebody(service, key)
    lines = [{"sku": "a", "quantity": 1, "price_minor": 200000}]
    use: dict[str, Any] = {"code": code, "visitor_id": PHONE, "order_id": f"{PHONE}/1"}
    use["cart"] = {"currency": "RUB", "lines": lines, "shipping_minor": 0}
    redeemed = service.call("POST", "/api/v1/codes/redeem", use, "srv")
    assert redeemed.status_code == 200, redeemed.text
    erased(service)
    assert places(service, tmp_path) == []
    statement = (
        "SELECT count(*) FROM code_uses u JOIN events o ON o.order_id = u.order_id AND o.type = 'order'"
    )
    with service.services.database.read() as session:
        assert session.connection().execute(text(statement)).scalar_one() == 1


def _code_of_somebody(service: InProcess, key: str) -> str:
    """A code of whoever is in the variant that has codes."""
    for number in range(40):
        body = {"experiment": key, "visitor_id": f"claims-{number}"}
        answer = service.call("POST", "/api/v1/codes/claim", body, "srv")
        if answer.status_code == 200:
            return str(answer.json()["code"])
    raise AssertionError(answer.text)


def _figures(results: dict[str, Any]) -> Any:
    return [results["trust"]["srm"], results["metrics"]]


def _joined(service: InProcess) -> int:
    statement = (
        "SELECT count(*) FROM events r JOIN events o ON o.order_id = r.order_id AND o.type = 'order'"
        " WHERE r.type = 'refund'"
    )
    with service.services.database.read() as session:
        return int(session.connection().execute(text(statement)).scalar_one())


def number_of(service: InProcess, event_id: str) -> int:
    statement = text("SELECT visitor FROM events WHERE event_id = :id")
    with service.services.database.read() as session:
        return int(session.connection().execute(statement, {"id": event_id}).scalar_one())


def test_a_later_event_of_the_id_is_somebody_new(service: InProcess) -> None:
    live(service)
    old = number_of(service, "e-1")
    erased(service)
    assert send(service, event("custom", 900, visitor_id=PHONE, name="back"))["accepted"] == 1
    assert number_of(service, "e-900") != old
    assert number_of(service, "e-1") == old
    assert service.services.snapshots.follower.aliases.canonical(ANNA) is None
    assert erased(service)["ids"] == 1  # alone now: the past does not come back


def test_that_shows_a_writer_that_remembers_numbers_of_erased_ids(
    service: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(service)
    old = number_of(service, "e-1")
    monkeypatch.setattr(Writer, "_notice", lambda _self, _erasures: None)  # the planted bug
    erased(service)
    send(service, event("custom", 900, visitor_id=PHONE, name="back"))
    assert number_of(service, "e-900") == old


def test_what_comes_again_is_not_counted_again(service: InProcess) -> None:
    live(service)
    erased(service)
    answer = service.call("POST", "/api/v1/events", {"events": [order(7, "o-2", customer_id=ANNA)]}, "srv")
    assert answer.json()["accepted"] == 0


def test_erasing_again_or_somebody_unknown_takes_nothing_away(service: InProcess) -> None:
    live(service)
    erased(service)
    assert erased(service)["ids"] == 0
    assert erased(service, "nobody-knows-this-one")["ids"] == 0
    assert service.call("DELETE", "/api/v1/visitors/" + "x" * 201, kind="adm").status_code == 422
    assert service.call("DELETE", "/api/v1/visitors/a%00b", kind="adm").status_code == 422


def test_an_id_with_slashes_and_letters_of_any_script(service: InProcess, tmp_path: Path) -> None:
    one = "магазин/Анна 7-Kq2"
    send(service, event("custom", 1, visitor_id=one, name="x", value=1))
    answer = service.call("DELETE", f"/api/v1/visitors/{quote(one, safe='')}", kind="adm")
    assert answer.json()["ids"] == 1
    assert places(service, tmp_path, (one,)) == []


def test_a_short_id_is_erased_too(service: InProcess) -> None:
    send(
        service, event("custom", 1, visitor_id="v1", name="x"), event("custom", 2, visitor_id="v12", name="x")
    )
    assert erased(service, "v1") | {"erased_at": ""} == {
        "erasure": 1,
        "ids": 1,
        "erased_at": "",
        "finished": True,
    }


def test_another_replica_drops_the_ids_at_its_next_look(service: InProcess, tmp_path: Path) -> None:
    live(service)
    folder = tmp_path / "replica"
    replica = second_replica(service, folder)
    replica.snapshots.start()
    assert replica.snapshots.follower.aliases.canonical(ANNA) == PHONE
    assert places(service, folder) != []
    erased(service)
    replica.snapshots.poll()  # what its threads do every second
    assert replica.snapshots.follower.aliases.canonical(ANNA) is None
    assert [name for name in places(service, folder) if name != "dump"] == []
    replica.snapshots.close()
    replica.database.close()


def test_a_link_made_after_the_erasure_survives_a_replica_that_hears_of_both_at_once(
    service: InProcess, tmp_path: Path
) -> None:
    live(service)
    replica = second_replica(service, tmp_path / "replica")
    replica.snapshots.start()
    erased(service)
    send(service, event("identify", 900, visitor_id="new-phone-123", customer_id=ANNA))
    replica.snapshots._follower.follow({}, 0)  # the links first
    replica.snapshots.poll()
    assert replica.snapshots.follower.aliases.canonical(ANNA) == "new-phone-123"
    replica.snapshots.close()
    replica.database.close()


def test_after_a_week_the_sealed_ids_go_and_a_replica_that_missed_them_begins_anew(
    service: InProcess, tmp_path: Path
) -> None:
    live(service)
    folder = tmp_path / "replica"
    replica = second_replica(service, folder)
    replica.snapshots.start()
    erased(service)
    wired = service.services
    tidy(wired.database, wired.erasures, NOW_US + SEALED_SECONDS * 1_000_000)
    with wired.database.read() as session:
        assert session.connection().execute(text("SELECT sealed FROM erasures")).scalars().all() == [None]
    replica.snapshots.poll()
    assert [name for name in places(service, folder) if name != "dump"] == []
    assert replica.snapshots.follower.aliases.canonical(BORIS) is None
    replica.snapshots.close()
    replica.database.close()


def test_an_erasure_that_a_reader_holds_up_is_finished_later(sqlite_url: str, tmp_path: Path) -> None:
    with in_process(sqlite_url, tmp_path) as service:
        live(service)
        reader = service.services.database.raw_connection()
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchall()
        assert erased(service)["finished"] is False
        reader.execute("ROLLBACK")
        reader.close()
        tidy(service.services.database, service.services.erasures, NOW_US)
        assert places(service, tmp_path) == []


def test_the_document_names_the_kind_of_key(service: InProcess) -> None:
    operation = service.fastapi.openapi()["paths"]["/api/v1/visitors/{id}"]["delete"]
    assert operation["x-key-kinds"] == ["adm"]


def test_erasing_needs_no_service(database: Database, tmp_path: Path) -> None:
    from app.settings import Settings

    sealing = ErasureLog(Settings(secret="s" * 32, data_dir=tmp_path))
    assert erase(database, sealing, "nobody", "test", NOW_US).ids == 0
    assert scrub(database, ["nobody"]) is True
