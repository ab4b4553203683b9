"""Pools for mailings, and lists of codes. Oracles: counts by hand; the codes a quote accepts."""

import csv
import io
import tracemalloc
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.codes.alphabet import ALPHABET, LENGTH
from app.codes.pools import written_pool
from app.codes.service import Vault
from app.codes.terms import terms_of
from tests.support.codes import PUBLIC_MESSAGE, Shop, code, offer, open_shop, refusal
from tests.support.inprocess import InProcess, in_process
from tests.support.ledger import query

CODES = "/api/v1/experiments/codes/codes"


def fill(service: InProcess, kind: str = "mgr", **fields: Any) -> httpx.Response:
    """One call for a pool of the treatment."""
    body = {"variant": "treatment", "count": 5, "batch": "july"} | fields
    return service.call("POST", f"{CODES}/pool", body, kind)


def export(service: InProcess, batch: str = "july", kind: str = "mgr") -> httpx.Response:
    """The file of a batch."""
    return service.call("GET", f"/api/v1/experiments/codes/codes.csv?batch={batch}", kind=kind)


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    """The lines of a file."""
    return list(csv.DictReader(io.StringIO(answer.text)))


def said(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["code"]


def listed(service: InProcess, question: str = "", kind: str = "ro") -> dict[str, Any]:
    """One page of the list."""
    answer = service.call("GET", f"{CODES}?{question}", kind=kind)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_pool_is_made_once_grows_when_asked_and_its_codes_are_good(service: InProcess) -> None:
    shop = open_shop(service)
    until = {"valid_until": "2026-08-01T00:00:00+03:00"}
    assert [fill(service, **until).json()["added"] for _ in range(2)] == [5, 0]
    grown = fill(service, count=2_300, **until).json()
    assert (grown["codes"], grown["added"], grown["valid_until"]) == (2_300, 2_295, "2026-07-31T21:00:00Z")
    answer = export(service)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = rows_of(answer)
    assert {(row["variant"], row["valid_until"]) for row in rows} == {("treatment", "2026-07-31T21:00:00Z")}
    texts = [row["code"] for row in rows]
    assert len(set(texts)) == len(texts) == 2_300
    assert {len(text) for text in texts} == {LENGTH}
    assert {letter for text in texts for letter in text} == set(ALPHABET)
    assert shop.redeem(texts[0], "o-1", "v-1").json()["variant"] == "treatment"
    assert refusal(shop.redeem(texts[0], "o-2", "v-2")) == (409, "spent")
    service.clock.advance(90 * 86_400)
    assert refusal(shop.redeem(texts[1], "o-3", "v-3")) == (410, "expired")


def test_who_made_and_who_took_a_pool_is_on_record(service: InProcess) -> None:
    open_shop(service)
    fill(service)
    fill(service)
    export(service)
    database = service.services.database
    entries = query(
        database, "SELECT action, subject, actor FROM audit WHERE action LIKE 'codes.%' ORDER BY id"
    )
    assert [entry[:2] for entry in entries] == [("codes.pool", "codes"), ("codes.export", "codes")]
    assert all(entry[2].startswith("key:") for entry in entries)
    assert service.call("GET", "/api/v1/audit/verify", kind="adm").json()["ok"] is True


@pytest.mark.parametrize(
    ("policy", "fields", "status", "word"),
    [
        (code(issue="shared"), {}, 409, "shared_code"),
        (code(bound=True), {}, 409, "bound_codes"),
        (code(issue="none"), {}, 409, "no_codes"),
        (code(), {"variant": "nobody"}, 422, "unknown_variant"),
        (code(), {"count": 0}, 422, "invalid_field"),
        (code(), {"count": 1_000_001}, 422, "invalid_field"),
        (code(), {"batch": "two words"}, 422, "invalid_field"),
        (code(), {"valid_until": "2026-08-01"}, 422, "invalid_field"),
        (code(), {"valid_until": "2020-01-01T00:00:00Z"}, 422, "over_already"),
        (code(), {"more": 1}, 422, "extra_forbidden"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(
    service: InProcess, policy: dict[str, Any], fields: dict[str, Any], status: int, word: str
) -> None:
    open_shop(service, offer(code=policy))
    answer = fill(service, **fields)
    assert (answer.status_code, answer.json()["code"]) in {(status, word), (status, "invalid_field")}, (
        answer.text
    )


def test_a_name_that_is_taken_and_one_that_nobody_knows(service: InProcess) -> None:
    open_shop(service)
    fill(service)
    for fields in ({"variant": "control"}, {"valid_until": "2026-08-01T00:00:00Z"}):
        assert said(fill(service, **fields)) == (409, "batch_taken")
    assert said(export(service, "june")) == (404, "unknown_batch")
    assert {fill(service, kind).status_code for kind in ("srv", "ro", "pub")} == {403}
    assert {export(service, kind=kind).status_code for kind in ("srv", "ro", "pub")} == {403}


def test_a_cell_that_a_spreadsheet_would_run_is_led_by_an_apostrophe_and_read_back(
    service: InProcess,
) -> None:
    open_shop(service)
    where = f"{CODES}?variant=treatment&batch=own"
    headers = {"content-type": "text/csv"}
    service.call("POST", where, kind="mgr", content=b"code\n-SPRING-2026\n", headers=headers)
    answer = export(service, "own")
    assert answer.text.splitlines()[1] == "'-SPRING-2026,treatment,"
    sent_back = "code\n" + rows_of(answer)[0]["code"] + "\n"
    again = service.call("POST", where, kind="mgr", content=sent_back.encode(), headers=headers).json()
    assert (again["added"], again["unchanged"], again["rejected"]) == (0, 1, [])


def _states(shop: Shop) -> list[str]:
    """A code in each state; what is claimed, used, spent, over."""
    service = shop.service
    fill(service, count=4)
    texts = [row["code"] for row in rows_of(export(service))]
    shop.redeem(texts[0], "o-1", "v-1")
    shop.redeem(texts[0], "o-2", "v-2")
    shop.redeem(texts[1], "o-3", "v-3")
    shop.redeem(texts[2], "o-4", "v-4")
    shop.post("rollback", code=texts[2], visitor_id="v-4", order_id="o-4")
    fill(service, count=1, batch="brief", valid_until="2026-05-28T21:00:00Z")
    service.clock.advance(3600)
    headers = {"content-type": "text/csv"}
    where = f"{CODES}?variant=control&batch=own"
    service.call(
        "POST", where, kind="mgr", content=b"code,uses\nSPRING-2026,\nSPRING-2027,1\n", headers=headers
    )
    return texts


def test_the_list_shows_states_and_counts_and_never_a_text(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(uses_per_customer=1, uses_total=2)))
    texts = _states(shop)
    claimed = next(f"c-{n}" for n in range(99) if _variant(shop, f"c-{n}") == "control")
    shop.claim(claimed)
    page = listed(service)
    shown = [
        (one["kind"], one["batch"], one["state"], one["uses"], one["uses_left"]) for one in page["items"]
    ]
    assert shown == [
        ("pool", "july", "spent", 2, 0),
        ("pool", "july", "used", 1, 1),
        ("pool", "july", "open", 0, 2),
        ("pool", "july", "open", 0, 2),
        ("pool", "brief", "expired", 0, 2),
        ("own", "own", "open", 0, 2),
        ("own", "own", "unclaimed", 0, 1),
    ]
    assert page["variants"] == [
        {"variant": "control", "issued": 2, "claimed": 1, "redeemed": 0, "left": 1},
        {"variant": "treatment", "issued": 5, "claimed": 0, "redeemed": 3, "left": 0},
    ]
    answer = service.call("GET", CODES, kind="ro").text
    assert [text for text in [*texts, "SPRING"] if text in answer] == []
    assert PUBLIC_MESSAGE not in answer


def _variant(shop: Shop, visitor: str) -> str:
    (given,) = shop.service.assign(visitor_id=visitor, experiments=["codes"]).json()["assignments"]
    return str(given["variant"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{CODES}?batch=%00", 422),
        ("GET", f"{CODES}?variant=a%00", 422),
        ("GET", "/api/v1/experiments/a%00/codes", 404),
        ("GET", "/api/v1/experiments/a%00/codes.csv?batch=july", 404),
        ("GET", "/api/v1/experiments/codes/codes.csv?batch=%00", 422),
        ("GET", "/api/v1/experiments/codes/codes.csv", 422),
        ("POST", "/api/v1/experiments/a%00/codes?variant=a&batch=b", 404),
        ("POST", f"{CODES}?variant=%00&batch=b", 422),
        ("DELETE", CODES, 405),
    ],
)
def test_a_hostile_question_is_refused(service: InProcess, method: str, path: str, status: int) -> None:
    open_shop(service)
    content = {"content": b"code\n", "headers": {"content-type": "text/csv"}} if method == "POST" else {}
    answer = service.call(method, path, kind="mgr", **content)  # type: ignore[arg-type]  # as written above
    assert answer.status_code == status, answer.text
    assert status != 405 or answer.headers["allow"] == "GET, POST"


def test_a_code_is_over_with_its_offer(service: InProcess) -> None:
    open_shop(service, offer(validity={"ends_at": "2026-05-29T00:00:00Z"}))
    fill(service)
    assert {one["state"] for one in listed(service)["items"]} == {"open"}
    assert rows_of(export(service))[0]["valid_until"] == "2026-05-29T00:00:00Z"
    service.clock.advance(86_400)
    assert {one["state"] for one in listed(service)["items"]} == {"expired"}
    assert listed(service, "state=open")["items"] == []


def test_the_list_is_paged_and_filtered(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(uses_per_customer=1, uses_total=2)))
    _states(shop)
    whole = listed(service)["items"]
    pages, cursor = [], ""
    while True:
        page = listed(service, f"limit=3{cursor}")
        pages.append(page)
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert [one for page in pages for one in page["items"]] == whole
    assert [page["variants"] is None for page in pages] == [False, True, True]
    for state in ("spent", "used", "open", "expired", "unclaimed"):
        assert listed(service, f"state={state}")["items"] == [one for one in whole if one["state"] == state]
    assert listed(service, "batch=brief&variant=treatment")["items"] == [whole[4]]
    for question in ("state=lost", "limit=0", "limit=1001", "cursor=x"):
        assert service.call("GET", f"{CODES}?{question}", kind="ro").status_code == 422
    assert service.call("GET", "/api/v1/experiments/nothing/codes", kind="ro").status_code == 404
    assert {service.call("GET", CODES, kind=kind).status_code for kind in ("srv", "pub")} == {403}


def _memory(service: InProcess, count: int) -> int:
    """Most memory, in bytes, while a pool of so many codes is made and read."""
    tracemalloc.start()
    try:
        assert fill(service, count=count, batch=f"of-{count}").json()["codes"] == count
        definition = service.services.snapshots.current.experiments["codes"].definition
        terms = terms_of(definition, "treatment")
        assert terms is not None
        vault = Vault(service.services.settings)
        parts = written_pool(service.services.database, vault, terms, f"of-{count}")
        assert sum(part.count(b"\n") for part in parts) == count + 1
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.long
def test_memory_does_not_grow_with_a_pool(sqlite_url: str, tmp_path: Path) -> None:
    with in_process(sqlite_url, tmp_path) as service:
        open_shop(service)
        _memory(service, 2_000)
        small, large = _memory(service, 5_000), _memory(service, 100_000)
    assert large < small * 1.3 + 2**20
