"""`Idempotency-Key`: a named call is carried out once and answered alike. Oracle: the contract."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.access.service import create_key
from app.bootstrap import Services
from app.database import Database
from app.edge.http import Send
from app.errors import Conflict
from app.idempotency import door as door_module
from app.idempotency.door import Once, is_kept
from app.idempotency.service import ABANDONED_SECONDS, KEPT_SECONDS, AnswerBook, Claim
from tests.support.inprocess import NOW_US, InProcess, closed, definition, in_process

PATH = "/api/v1/experiments"
NAMED = {"idempotency-key": "call-1"}


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(database_url, tmp_path) as running:
        yield running


def created(service: InProcess) -> int:
    """How many experiments were created, by the audit log."""
    entries = service.call("GET", "/api/v1/audit?limit=1000", kind="adm").json()["items"]
    return sum(entry["action"] == "experiment.create" for entry in entries)


def create(service: InProcess, **fields: Any) -> Any:
    return service.call("POST", PATH, definition(**fields), headers=NAMED)


def custom_event(event_id: str = "e-1") -> dict[str, Any]:
    occurred = "2026-05-28T00:00:00Z"
    event = {"event_id": event_id, "type": "custom", "name": "x", "occurred_at": occurred, "visitor_id": "v"}
    return {"events": [event]}


def test_the_same_call_again_gets_the_same_answer_and_is_not_carried_out_again(service: InProcess) -> None:
    first, again = create(service), create(service)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert created(service) == 1
    assert service.call("POST", PATH, definition()).status_code == 409  # without a name it is another call


def test_events_are_counted_once_and_the_answer_says_accepted_both_times(service: InProcess) -> None:
    answers = [service.call("POST", "/api/v1/events", custom_event(), "srv", headers=NAMED) for _ in range(2)]
    assert [answer.json()["accepted"] for answer in answers] == [1, 1]
    with service.services.database.read() as session:
        assert session.connection().execute(text("SELECT count(*) FROM events")).scalar() == 1


def test_another_body_or_door_under_the_same_name_is_refused(service: InProcess) -> None:
    create(service)
    other = create(service, name="another name")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    elsewhere = service.call("POST", f"{PATH}/promo-code-reuse/start", definition(), headers=NAMED)
    assert elsewhere.status_code == 422
    assert created(service) == 1


def test_names_of_one_key_mean_nothing_to_another(service: InProcess) -> None:
    create(service)
    second = create_key(service.services.database, "mgr", "other", NOW_US, actor="test")["key"]
    service.services.snapshots.refresh()
    answer = service.call("POST", PATH, definition(name="other"), kind=str(second), headers=NAMED)
    assert (answer.status_code, answer.json()["code"]) == (409, "key_taken")


def test_a_refusal_for_good_is_repeated_too(service: InProcess) -> None:
    first = create(service, coverage=7)
    again = create(service, coverage=7)
    assert (first.status_code, first.content) == (422, again.content)
    assert "idempotency-replayed" in again.headers


def claim_by_hand(service: InProcess) -> Claim:
    """What another process does that is carrying this call out: nothing of its answer is known."""
    request = service.runner.run(_request_of(service))
    (key_id,) = {p.key_id for p in [service.services.keys.authenticate(service.keys["mgr"], NOW_US)]}
    found = service.services.answers.claim(key_id, "call-1", request)
    assert isinstance(found, Claim)
    return found


async def _request_of(_service: InProcess) -> bytes:
    import httpx

    content = httpx.Request("POST", "http://shop.test" + PATH, json=definition()).content
    return b"POST\n" + PATH.encode() + b"\n" + b"\n" + content


def test_a_call_in_progress_elsewhere_is_409_and_an_abandoned_one_is_made_again(service: InProcess) -> None:
    claim_by_hand(service)
    waiting = create(service)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "idempotency_in_progress")
    assert waiting.headers["retry-after"] == "1"
    service.clock.advance(ABANDONED_SECONDS)
    assert create(service).status_code == 201


def test_who_comes_back_after_its_claim_was_taken_over_changes_nothing(service: InProcess) -> None:
    late = claim_by_hand(service)
    service.clock.advance(ABANDONED_SECONDS)
    kept = create(service)
    service.services.answers.release(late)
    assert create(service).content == kept.content


def test_after_a_day_the_name_is_free_and_the_row_is_gone(service: InProcess) -> None:
    create(service)
    service.clock.advance(KEPT_SECONDS - 1)
    service.services.answers.sweep()
    assert create(service).status_code == 201
    service.clock.advance(1)
    assert create(service).status_code == 409  # carried out anew: the experiment exists
    service.clock.advance(KEPT_SECONDS)
    service.services.answers.sweep()
    assert rows(service) == []


def rows(service: InProcess) -> list[Any]:
    with service.services.database.read() as session:
        return list(session.connection().execute(text("SELECT * FROM kept_answers")))


def test_neither_the_name_nor_the_answer_can_be_read_in_the_database(service: InProcess) -> None:
    create(service)
    (row,) = rows(service)
    written = b"".join(bytes(part) if not isinstance(part, str | int) else str(part).encode() for part in row)
    for secret in (b"call-1", b"promo-code-reuse", b"variants"):
        assert secret not in written


def test_doors_of_keys_do_not_take_part(service: InProcess) -> None:
    body = {"kind": "srv", "name": "x"}
    made = [service.call("POST", "/api/v1/keys", body, "adm", headers=NAMED).json()["key"] for _ in range(2)]
    assert made[0] != made[1]


def test_a_publishable_key_does_not_take_part(service: InProcess) -> None:
    found = [service.call("POST", "/api/v1/events", custom_event(), "pub", headers=NAMED) for _ in range(2)]
    assert [answer.json()["duplicates"] for answer in found] == [0, 1]


@pytest.mark.parametrize("name", ["", "x" * 256, "\x01", "é"])
def test_a_name_that_is_none_is_refused(service: InProcess, name: str) -> None:
    headers: Any = {"idempotency-key": name.encode("latin-1")}
    answer = service.call("POST", PATH, definition(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_idempotency_key")


def test_without_a_database_nothing_is_done_and_the_name_stays_free(
    service: InProcess, tmp_path: Path
) -> None:
    database = service.services.database
    gone = Database(f"sqlite:///{tmp_path / 'gone.sqlite3'}")
    closed(gone)
    service.services.answers._database = gone
    refused = create(service)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    service.services.answers._database = database
    assert create(service).status_code == 201


def test_a_503_of_the_door_itself_is_not_kept(service: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.errors import Unavailable

    async def full(_items: Any) -> Any:
        raise Unavailable("full", "queue_full", retry_after_seconds=1)

    with monkeypatch.context() as patched:
        patched.setattr(service.services.ledger, "append", full)
        refused = service.call("POST", "/api/v1/events", custom_event(), "srv", headers=NAMED)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    again = service.call("POST", "/api/v1/events", custom_event(), "srv", headers=NAMED)
    assert (again.json()["accepted"], again.headers.get("idempotency-replayed")) == (1, None)


# ---- the answer is lost on its way


class Forgetful(Once):
    """A planted bug: the answer is sent first and kept afterwards."""

    async def _carry_out(self, call: Callable[[Send], Awaitable[None]], send: Send, claim: Claim) -> None:
        try:
            await call(send)
        except OSError:
            await self._write(lambda: self._services.answers.release(claim))
            raise


def lose_the_answer(service: InProcess, once: Once) -> None:
    """Create an experiment; the connection breaks when the answer is sent."""
    service.edge.once = once
    content = b"".join([service.runner.run(_request_of(service)).split(b"\n\n", 1)[1]])
    headers = [
        (b"authorization", f"Bearer {service.keys['mgr']}".encode()),
        (b"content-type", b"application/json"),
        (b"idempotency-key", b"call-1"),
    ]
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers, "query_string": b""}

    async def receive() -> Any:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(_message: Any) -> None:
        raise OSError("planted: the connection is gone")

    full = scope | {"raw_path": PATH.encode(), "root_path": "", "scheme": "http", "http_version": "1.1"}
    with pytest.raises(OSError, match="planted"):
        service.runner.run(service.edge(full | {"server": ("shop.test", 80)}, receive, send))


def test_an_answer_lost_after_the_commit_is_repeated(service: InProcess) -> None:
    lose_the_answer(service, Once(service.services))
    again = create(service)
    assert (again.status_code, again.json()["key"], created(service)) == (201, "promo-code-reuse", 1)


def test_the_lost_answer_shows_a_door_that_keeps_answers_too_late(service: InProcess) -> None:
    lose_the_answer(service, Forgetful(service.services))
    assert create(service).status_code == 409  # carried out a second time


# ---- many at once, as several processes would


class CheckThenAct(AnswerBook):
    """A planted bug: looks whether the name is free, and only then takes it."""

    meeting: threading.Barrier

    def claim(self, key_id: str, name: str, request: bytes) -> Any:
        with self._database.read() as session:
            taken = session.connection().execute(text("SELECT count(*) FROM kept_answers")).scalar()
        self.meeting.wait(20)
        return super().claim(key_id, f"{name}{threading.get_ident()}", request) if not taken else None


def race(services: Services, make: Callable[[Database], AnswerBook], attempts: int = 12) -> tuple[int, int]:
    """So many claims of one call at once; how many were let through, and how many refused as in progress."""
    start, won, refused = threading.Barrier(attempts), [], []
    databases = [Database(services.settings.url) for _ in range(attempts)]

    def claim(database: Database) -> None:
        book = make(database)
        start.wait(20)
        try:
            won.append(book.claim("k", "name", b"request"))
        except Conflict as conflict:
            refused.append(conflict.code)

    threads = [threading.Thread(target=claim, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for database in databases:
        database.close()
    return len(won), len(refused)


def test_of_many_processes_exactly_one_carries_the_call_out(service: InProcess) -> None:
    wired = service.services
    assert race(wired, lambda database: AnswerBook(database, wired.settings, wired.clock)) == (1, 11)


def test_the_race_shows_a_book_that_checks_and_then_acts(service: InProcess) -> None:
    wired = service.services
    meeting = threading.Barrier(12)

    def planted(database: Database) -> AnswerBook:
        book = CheckThenAct(database, wired.settings, wired.clock)
        book.meeting = meeting
        return book

    won, _ = race(wired, planted)
    assert won > 1


def test_the_document_names_the_header_where_it_works(service: InProcess) -> None:
    for path, operations in service.fastapi.openapi()["paths"].items():
        for method, operation in operations.items():
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert ("Idempotency-Key" in names) == is_kept(method.upper(), path), (method, path)
            if is_kept(method.upper(), path):
                assert {"409", "422"} <= set(operation["responses"])


def test_unnamed_calls_and_questions_do_not_pass_through_it(service: InProcess) -> None:
    once = service.edge.once
    assert once is not None

    def passes(path: str, headers: list[tuple[bytes, bytes]]) -> bool:
        return once.concerns({"method": "POST", "path": path, "headers": headers})

    named = [(door_module.NAME, b"x")]
    assert passes("/api/v1/events", named)
    assert not passes("/api/v1/events", [])
    assert not passes("/api/v1/assignments", named)
