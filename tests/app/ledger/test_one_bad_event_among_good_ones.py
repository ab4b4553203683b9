"""A bad event never takes its neighbours with it. Oracle: the contract's section Errors."""

import json
from typing import Any

import pytest

from app.database import Database
from app.errors import BadRequest
from app.ledger.intake import read_envelope
from app.ledger.service import head_seq
from tests.support.ledger import custom, door, order, parsed, post, running_ledger

HALF_AN_EMOJI = "\ud83d"


@pytest.mark.parametrize("field", ["event_id", "visitor_id", "name"])
def test_half_an_emoji_in_one_event_is_rejected_alone(database: Database, field: str) -> None:
    with running_ledger(database) as ledger:
        to = door(ledger)
        bad = custom("n") | {field: f"cut {HALF_AN_EMOJI}"}
        answer = post(to, json.dumps({"events": [custom("n"), bad, custom("n")]}).encode())
    assert answer.status_code == 200
    found = answer.json()
    assert (found["accepted"], [(one["index"], one["code"]) for one in found["rejected"]]) == (
        2,
        [(1, "bad_json")],
    )
    assert head_seq(database) == 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"events":["\\ud83d", NaN]}',
        b'{"events":["\\ud83d"],"colour":1}',
        b'{"events":"\\ud83d"}',
        b'{"events":["\\ud83d"]} more',
        b'\xef\xbb\xbf{"events":["\\ud83d"]}',
    ],
)
def test_what_is_no_envelope_stays_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_envelope(body)


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"colour": 1}, "colour: no such field"),
        ({"fingerprints": {"colour": 1}}, "fingerprints.colour: no such field"),
        ({"discounts": [{"amount_minor": 0, "colour": 1}]}, "discounts[0].colour: no such field"),
    ],
)
def test_an_unknown_field_is_named_with_its_place(fields: dict[str, Any], detail: str) -> None:
    (rejected,) = parsed(order("o", **fields)).rejected
    assert (rejected.code, rejected.detail) == ("unknown_field", detail)
