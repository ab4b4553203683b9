"""Importing a shop's own codes. Oracles: the file's lines by hand; Python's csv module writing them."""

import asyncio
import csv
import io
import json
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.codes import claiming
from app.codes.own_file import LONGEST_LINE, SHORTEST_PERSONAL, BadLine, OwnCode, OwnFile
from tests.support.codes import Shop, code, offer, open_shop, refusal
from tests.support.inprocess import NOW_US, InProcess
from tests.support.ledger import query

GOOD = "code\r\nSPRING-2026-A1\r\nspring-2026-b2\r\n"


def upload(
    service: InProcess, content: str | bytes, kind: str = "mgr", query_string: str = "", **headers: str
) -> httpx.Response:
    """One upload into batch `first` of the treatment."""
    where = query_string or "variant=treatment&batch=first"
    path = f"/api/v1/experiments/codes/codes?{where}"
    body = content if isinstance(content, bytes) else content.encode()
    return service.call(
        "POST", path, kind=kind, content=body, headers={"content-type": "text/csv", **headers}
    )


def in_treatment(shop: Shop, count: int) -> list[str]:
    """Visitors of the treatment."""
    found = []
    for number in range(200):
        visitor = f"v-{number}"
        (given,) = shop.service.assign(visitor_id=visitor, experiments=["codes"]).json()["assignments"]
        found += [visitor] if given["variant"] == "treatment" else []
        if len(found) == count:
            break
    return found


def test_imported_codes_are_drawn_by_claims_and_then_there_are_none_left(service: InProcess) -> None:
    shop = open_shop(service)
    answer = upload(service, GOOD)
    assert answer.json() == {
        "batch": "first",
        "variant": "treatment",
        "added": 2,
        "unchanged": 0,
        "rejected": [],
        "rejected_count": 0,
    }
    first, second, third = in_treatment(shop, 3)
    assert [shop.claim(first), shop.claim(first)] == ["SPRING-2026-A1"] * 2
    assert shop.claim(second) == "spring-2026-b2"
    assert refusal(shop.post("claim", experiment="codes", visitor_id=third)) == (409, "no_codes_left")
    assert shop.redeem("spring 2026 B2", "o-1", second).status_code == 200
    assert refusal(shop.redeem("SPRING2026B2", "o-2", second)) == (409, "spent")


def test_a_file_may_be_imported_before_the_start_and_the_other_arm_still_gets_new_codes(
    service: InProcess,
) -> None:
    from tests.support.codes import with_codes

    service.create(**with_codes())
    assert upload(service, GOOD).json()["added"] == 2
    service.act("codes", "start")
    shop = Shop(service)
    given = {shop.claim(f"v-{number}") for number in range(3)}
    assert len(given) == 3


def test_bad_lines_are_named_and_the_good_ones_kept(service: InProcess) -> None:
    shop = open_shop(service)
    elsewhere = shop.claim(in_treatment(shop, 1)[0])
    lines = [
        "code;valid_until;uses",
        "SPRING-2026-A1;;",  # 2
        "SHORT-7;;",
        "SPRING-2026-€1;;",
        "spring 2026 a1;;",  # 5: the same as line 2
        f"{elsewhere};;",
        "SPRING-2026-B2;2026-02-30;",
        "SPRING-2026-C3;2026-05-01;",
        "SPRING-2026-D4;;0",  # 9
        ";;3",
        "SPRING-2026-E5;31.12.2026;2",
        "SPRING-2026-F6;;;more",
        "",
        "X" * 65,
    ]
    answer = upload(service, "\n".join(lines)).json()
    assert (answer["added"], answer["rejected_count"]) == (2, 10)
    assert [(one["line"], one["code"]) for one in answer["rejected"]] == [
        (3, "too_short"),
        (4, "bad_characters"),
        (5, "duplicate"),
        (6, "used_elsewhere"),
        (7, "bad_valid_until"),
        (8, "over_already"),
        (9, "bad_uses"),
        (10, "no_code"),
        (12, "too_many_cells"),
        (14, "too_long"),
    ]
    assert "SHORT-7" not in json.dumps(answer)


def test_the_same_file_again_changes_nothing_and_names_the_same_lines(service: InProcess) -> None:
    open_shop(service)
    content = GOOD + "SPRING-2026-A1\r\nshort\r\n"
    first, second = (upload(service, content).json() for _ in range(2))
    assert (first["added"], first["unchanged"], second["added"], second["unchanged"]) == (2, 0, 0, 2)
    assert first["rejected"] == second["rejected"]
    assert [(one["line"], one["code"]) for one in first["rejected"]] == [(5, "too_short"), (4, "duplicate")][
        ::-1
    ]
    assert query(service.services.database, "SELECT codes FROM code_batches") == [(2,)]
    actions = query(service.services.database, "SELECT action FROM audit WHERE action LIKE 'codes.%'")
    assert actions == [("codes.import",)]


def test_own_ends_and_uses_hold(service: InProcess) -> None:
    terms = offer(code=code(valid_days=30, uses_per_customer=None))
    shop = open_shop(service, terms)
    upload(
        service, "code,valid_until,uses\nSPRING-2026-A1,2026-05-30,2\nSPRING-2026-B2,2027-01-01T00:00:00Z,\n"
    )
    first, second = in_treatment(shop, 2)
    answers = [
        shop.post("claim", experiment="codes", visitor_id=visitor).json()["valid_until"]
        for visitor in (first, second)
    ]
    assert answers == [
        "2026-05-30T21:00:00Z",
        "2026-06-27T20:26:40Z",
    ]  # the end of the day in Moscow; 30 days
    statuses = [shop.redeem("SPRING-2026-A1", f"o-{n}", f"v-{n}").status_code for n in range(3)]
    assert statuses == [200, 200, 409]


def test_an_imported_code_that_was_used_without_a_claim_is_not_given_away(service: InProcess) -> None:
    shop = open_shop(service)
    upload(service, GOOD)
    assert shop.redeem("SPRING-2026-A1", "o-1", "v-9").status_code == 200
    first, second = in_treatment(shop, 2)
    assert shop.claim(first) == "spring-2026-b2"
    assert refusal(shop.post("claim", experiment="codes", visitor_id=second)) == (409, "no_codes_left")


def test_a_shared_code_may_be_the_shops_own_and_short_and_there_is_one(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(issue="shared")))
    answer = upload(service, "code\nWELCOME10\nWELCOME11\nTWO\n").json()
    assert answer["added"] == 1
    assert [(one["line"], one["code"]) for one in answer["rejected"]] == [
        (3, "shared_code_exists"),
        (4, "too_short"),
    ]
    visitors = in_treatment(shop, 3)
    assert {shop.claim(visitor) for visitor in visitors} == {"WELCOME10"}
    assert shop.redeem("welcome-1O", "o-1", visitors[0]).status_code == 200
    assert upload(service, "code\nWELCOME10\n").json()["unchanged"] == 1


@pytest.mark.parametrize(
    ("content", "where", "status", "word"),
    [
        ("", "", 422, "bad_header"),
        ("codes\nSPRING-2026-A1\n", "", 422, "bad_header"),
        ("code,valid_untill\nSPRING-2026-A1,\n", "", 422, "bad_header"),
        ("code\n" + "X" * (LONGEST_LINE + 1), "", 422, "line_too_long"),
        (GOOD, "variant=treatment", 422, "missing"),
        (GOOD, "variant=treatment&batch=two%20words", 422, "invalid_key"),
        (GOOD, "variant=treatment&batch=first&more=1", 422, "extra_forbidden"),
        (GOOD, "variant=nobody&batch=first", 422, "unknown_variant"),
    ],
)
def test_a_file_that_is_none_or_a_wrong_question_is_refused(
    service: InProcess, content: str, where: str, status: int, word: str
) -> None:
    open_shop(service)
    answer = upload(service, content, query_string=where)
    assert (answer.status_code, answer.json()["code"]) == (status, word), answer.text
    assert query(service.services.database, "SELECT count(*) FROM codes") == [(0,)]


def test_keys_types_and_names_that_are_taken(service: InProcess) -> None:
    open_shop(service)
    assert upload(service, GOOD, kind="srv").status_code == 403
    assert upload(service, GOOD, kind="nobody").status_code == 401
    other_type = {"content-type": "application/json"}
    assert upload(service, GOOD, **other_type).json()["code"] == "not_csv_type"
    assert upload(service, GOOD).status_code == 200
    taken = upload(service, GOOD, query_string="variant=control&batch=first")
    assert (taken.status_code, taken.json()["code"]) == (409, "batch_taken")
    missing = service.call(
        "POST",
        "/api/v1/experiments/nothing/codes?variant=a&batch=b",
        content=b"code\n",
        kind="mgr",
        headers={"content-type": "text/csv"},
    )
    assert missing.json()["code"] == "unknown_experiment"


def read(content: bytes, size: int = 7) -> list[OwnCode | BadLine]:
    """What a file says, fed in small pieces."""
    file = OwnFile(SHORTEST_PERSONAL, "Europe/Moscow", NOW_US)
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    found = [line for piece in pieces for line in file.feed(piece)]
    return found + list(file.feed(b"", is_last=True))


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_what_spreadsheets_write_is_read_whatever_the_pieces(ending: str) -> None:
    quotings: list[Any] = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL]
    for delimiter, quoting, mark, size in product(",;\t", quotings, ["", "\ufeff"], [1, 4096]):
        written = io.StringIO(newline="")
        writer = csv.writer(written, delimiter=delimiter, lineterminator=ending, quoting=quoting)
        writer.writerows([["Code", "uses"], ["ВЕСНА-2026-А", "2"], ["'-SPRING-2026", ""]])
        found = read((mark + written.getvalue()).encode(), size)
        assert found == [OwnCode(2, "ВЕСНА-2026-А", None, 2), OwnCode(3, "-SPRING-2026", None, None)]


def test_a_line_that_names_the_delimiter_and_one_that_is_no_text() -> None:
    assert read(b"sep=;\r\ncode;uses\r\nSPRING-2026-A1;4\r\n") == [OwnCode(3, "SPRING-2026-A1", None, 4)]
    (bad,) = read(b"code\nSPRING-\xff\xfe-2026\n")
    assert (bad.line, getattr(bad, "code", None)) == (2, "bad_characters")


def test_claims_at_once_never_share_an_imported_code(
    service: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(service)
    given = "".join(f"SPRING-2026-{number:02}\n" for number in range(12))
    upload(service, "code\n" + given)

    def claims(prefix: str) -> list[tuple[int, str | None]]:
        async def all_at_once() -> list[httpx.Response]:
            headers = {"authorization": f"Bearer {service.keys['srv']}"}
            bodies = [{"experiment": "codes", "visitor_id": f"{prefix}-{n}"} for n in range(60)]
            path = "/api/v1/codes/claim"
            return await asyncio.gather(
                *(service._call("POST", path, body, None, headers) for body in bodies)
            )

        bodies = [answer.json() for answer in service.runner.run(all_at_once())]
        own = [body for body in bodies if body.get("variant") != "control"]
        return [(200 if "code" in body and "type" not in body else 409, body.get("code")) for body in own]

    found = claims("sound")
    codes = [text for status, text in found if status == 200]
    assert len(codes) == len(set(codes)) == 12
    assert {text for status, text in found if status == 409} == {"no_codes_left"}
    assert shop.ledger("claim")
    careless = claiming._TAKE_OWN.replace("owner IS NULL AND ", "").replace("AND owner IS NULL ", "")
    monkeypatch.setattr(claiming, "_TAKE_OWN", careless)  # the planted bug: nobody looks whose it is
    codes = [text for status, text in claims("planted") if status == 200]
    assert len(codes) > len(set(codes))


def test_codes_at_rest_are_sealed(service: InProcess, tmp_path: Path) -> None:
    open_shop(service)
    upload(service, GOOD)
    rows = query(service.services.database, "SELECT * FROM codes")
    assert "SPRING" not in repr(rows).upper()
    assert not [path for path in tmp_path.glob("offerlab.sqlite3*") if b"SPRING-2026" in path.read_bytes()]
