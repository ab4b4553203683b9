"""The door of reminders while an experiment lives and after it. Oracle: docs/reminders.md."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from app.ledger.histories import _EXPOSURES, _ORDER_IDS, _SIGNS, _STATES, SessionReader, in_dialect
from app.reminders.candidates import _CANDIDATES
from tests.app.reminders.conftest import Post, reminder
from tests.support.inprocess import closed, in_process


def test_a_pause_and_an_end_are_named_and_nobody_is_messaged(post: Post) -> None:
    post.open(reminder(1), reminder(1))
    (visitor,) = post.visitors("v0")
    post.go_to(3)
    post.send(post.exposure(1, visitor, "v0"))
    found: list[Any] = []
    for action in (None, "pause", "resume", "stop"):
        if action is not None:
            assert post.service.act(post.key, action).status_code == 200
        page = post.page().json()
        found.append((action, [item["unit_id"] for item in page["items"]], page["reason"]))
    assert found == [
        (None, [visitor], None),
        ("pause", [], "PAUSED"),
        ("resume", [visitor], None),
        ("stop", [], "ENDED"),
    ]


def test_after_a_freeze_only_who_was_enrolled_before_is_reminded(post: Post) -> None:
    post.open(reminder(1), reminder(1))
    old, back, new = post.visitors("v0", 3)
    post.go_to(3)
    post.send(post.exposure(1, old, "v0"), post.exposure(0.1, back, "v0"), post.message(0.2, "else"))
    assert post.service.act(post.key, "freeze").status_code == 200
    post.go_to(30)
    post.send(post.exposure(26, new, "v0"), post.exposure(26, back, "v0"))
    assert post.units() == [back]
    assert post.units(at=post.at(4)) == [back, old]


def test_after_a_decision_everybody_gets_the_chosen_reminder_and_who_is_held_back_the_own(post: Post) -> None:
    post.open(reminder(1), reminder(6))
    visitors = [*post.visitors("v0", 40), *post.visitors("v1", 40)]
    post.service.act(post.key, "stop")
    decision = {"variant": "v0", "reason": "earlier is better", "hold_back_share": 0.3}
    assert post.service.act(post.key, "decide", decision).status_code == 200
    post.go_to(10)
    served = post.service.assign
    now = {
        visitor: served(visitor_id=visitor, experiments=[post.key]).json()["assignments"][0]
        for visitor in visitors
    }
    reasons = {visitor: answer["reason"] for visitor, answer in now.items()}
    assert 5 < list(reasons.values()).count("SPLIT") < 50
    post.send(*(post.exposure(2, visitor, str(answer["variant"])) for visitor, answer in now.items()))
    listed = {item["unit_id"]: (item["variant"], item["due_at"]) for item in post.due()}
    due = {"v0": post.at(3), "v1": post.at(8)}
    assert listed == {visitor: (answer["variant"], due[answer["variant"]]) for visitor, answer in now.items()}
    held = [visitor for visitor, answer in now.items() if answer["variant"] == "v1"]
    assert {reasons[visitor] for visitor in held} == {"SPLIT"}


def test_a_basket_left_under_the_variant_that_lost_is_not_followed_up_after_the_decision(post: Post) -> None:
    post.open(reminder(1), reminder(1))
    lost, won = post.visitors("v1")[0], post.visitors("v0")[0]
    post.go_to(1)
    post.send(post.exposure(0.9, lost, "v1"), post.exposure(0.9, won, "v0"))
    post.service.act(post.key, "stop")
    post.service.act(post.key, "decide", {"variant": "v0", "reason": "earlier is better"})
    post.go_to(3)
    assert post.units() == [won]


def test_of_two_senders_at_once_exactly_one_may_send_each_message(post: Post) -> None:
    post.open(reminder(1), reminder(1))
    visitors = post.visitors("v0", 5)
    post.go_to(3)
    post.send(*(post.exposure(1, visitor, "v0") for visitor in visitors))
    lists = [post.due(), post.due()]  # both look before either has told anything
    may_send: list[list[str]] = []
    for sender, items in enumerate(lists):
        told = [_told(post, item, 2.5 + sender / 3600) for item in items]
        refused = {entry["index"]: entry["code"] for entry in post.send(*told)["rejected"]}
        assert set(refused.values()) <= {"conflict"}
        may_send.append([item["unit_id"] for place, item in enumerate(items) if place not in refused])
        again = post.send(*told)  # the answer was lost: the same events again are duplicates, and ours
        assert {entry["index"]: entry["code"] for entry in again["rejected"]} == refused
    assert may_send == [visitors, []]
    assert post.due() == []


def _told(post: Post, item: dict[str, Any], hours: float) -> dict[str, Any]:
    """`message_sent` as docs/reminders.md says: the id of the item, the sender's own moment."""
    event_ = post.message(hours, item["visitor_id"], customer_id=item["customer_id"])
    return event_ | {"event_id": item["event_id"]}


def test_two_senders_that_make_up_ids_of_their_own_would_both_send(post: Post) -> None:
    """The planted bug of the test above."""
    post.open(reminder(1), reminder(1))
    (visitor,) = post.visitors("v0")
    post.go_to(3)
    post.send(post.exposure(1, visitor, "v0"))
    lists = [post.due(), post.due()]
    told = [post.send(post.message(2.5, item["visitor_id"])) for items in lists for item in items]
    assert [answer["accepted"] for answer in told] == [1, 1]


def test_without_a_key_all_experiments_that_remind_are_listed(post: Post) -> None:
    first, second = Post(post.service).open(), Post(post.service).open(reminder(2), reminder(2))
    ids = [first.visitors("v0")[0], second.visitors("v0")[0]]
    second.go_to(5)
    first.send(
        second.exposure(1, ids[1], "v0"),
        first.event("exposure", 2, ids[0], experiment=first.key, variant="v0"),
    )
    items = post.service.call("GET", "/api/v1/reminders/due?limit=1000", kind="srv").json()["items"]
    assert {(first.key, ids[0]), (second.key, ids[1])} <= {(i["experiment"], i["unit_id"]) for i in items}


def test_a_moment_too_far_ahead_and_an_experiment_without_reminders_are_refused(post: Post) -> None:
    post.open({"kind": "none"}, {"kind": "percent_off", "percent": 5})
    assert post.page().json()["code"] == "no_reminder"
    post.open = Post(post.service).open  # type: ignore[method-assign]  # a second experiment
    other = post.open()
    other.go_to(1)
    assert other.page(at=other.at(1.08)).status_code == 200
    late = other.page(at=other.at(1.09))
    assert (late.status_code, late.json()["field"], late.json()["code"]) == (422, "at", "future_time")


def test_nothing_is_written_by_asking(post: Post) -> None:
    post.open(reminder(1), reminder(1))
    written: list[str] = []

    def watch(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "api_keys" not in statement:  # each worker writes down which keys were used
            written.extend(re.findall(r"^\s*(?:INSERT|UPDATE|DELETE|CREATE)", statement, re.IGNORECASE))

    engine = post.service.services.database.engine
    event.listen(engine, "before_cursor_execute", watch)
    try:
        post.due()
    finally:
        event.remove(engine, "before_cursor_execute", watch)
    assert written == []


STATEMENTS = {
    "candidates": (_CANDIDATES, {"events_of_experiment"}),
    "exposures": (_EXPOSURES, {"events_of_experiment"}),
    "orders": (_ORDER_IDS, {"events_deeds_of_visitor", "events_deeds_of_customer"}),
    "signs": (_SIGNS, {"events_deeds_of_visitor", "events_deeds_of_customer"}),
    "states": (
        _STATES,
        {
            *("events_order_once", "events_updates_of_order"),
            *("events_cancellations_of_order", "events_refunds_of_order"),
        },
    ),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_question_is_answered_by_an_index(post: Post, name: str) -> None:
    statement, indexes = STATEMENTS[name]
    database = post.service.services.database
    is_postgresql = not database.is_sqlite
    keys: Any = ["o-1"] if name == "states" else [1, 2]
    values = {"keys": keys if is_postgresql else str(keys).replace("'", '"')}
    values |= {"experiment": "e", "variant": "v0", "low": 0, "high": 9, "after_seq": 0, "stride": 5}
    explain = "EXPLAIN " if is_postgresql else "EXPLAIN QUERY PLAN "
    with database.read() as session:
        if is_postgresql:  # a table of a test is small enough to be walked through
            session.execute(text("SET LOCAL enable_seqscan = off"))
            session.execute(text("DROP INDEX events_type_occurred, events_refund_once"))  # rolled back
        asked = in_dialect(SessionReader(session), statement)
        given = {key: value for key, value in values.items() if f":{key}" in asked}
        plan = "\n".join(str(row) for row in session.execute(text(explain + asked), given))
    assert {index for index in indexes if index in plan} == indexes, plan
    assert re.search(r"\bSCAN (e|m|events)\b|Seq Scan on events", plan) is None, plan


def test_without_the_database_it_is_503(sqlite_url: str, tmp_path: Path) -> None:
    with in_process(sqlite_url, tmp_path) as service:
        Post(service).open()
        closed(service.services.database)
        answer = service.call("GET", "/api/v1/reminders/due", kind="srv")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
