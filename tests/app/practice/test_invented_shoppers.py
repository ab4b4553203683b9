"""Invented shoppers without a service. Oracle: what is planted in them, counted by hand."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest

from app.experiments.rules import check
from app.experiments.schemas import Definition
from app.practice.door import Door, Stopped, batches
from app.practice.driving import Run, prepare
from app.practice.habits import Habit, wait_days
from app.practice.reminding import Sender
from app.practice.service import TRIALS, Trial, chosen
from app.practice.till import HttpTill
from app.practice.visits import Order, Paid, Shopper
from app.practice.wire import Answer, HttpWire, Unreachable
from tests.support.live import free_port

START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = datetime(2026, 5, 28, 12, tzinfo=UTC)
KEY = "olk_adm_" + "k" * 43
trials = pytest.mark.parametrize("trial", TRIALS.values(), ids=TRIALS.keys())


class FreeTill:
    """Takes nothing off."""

    def pay(self, _shopper: Shopper, _order: Order) -> Paid:
        """The full price."""
        return Paid()


def story(trial: Trial, number: int, variant: str, seed: int = 1) -> list[dict[str, Any]]:
    shopper = Shopper(trial, "practice", number, START, seed, variant)
    return shopper.story(FreeTill())


def share_that_buys_again(trial: Trial, variant: str, days: int) -> float:
    """Among shoppers whose first order is the decision point."""
    again = 0
    for number in range(2000):
        first, *rest = [event for event in story(trial, number, variant) if event["type"] == "order"]
        since = [datetime.fromisoformat(event["occurred_at"]) for event in (first, *rest)]
        again += any((at - since[0]).total_seconds() / 86_400 <= days for at in since[1:])
    return again / 2000


@trials
def test_a_definition_is_one_that_the_service_takes(trial: Trial) -> None:
    body = trial.definition("practice-x", "0" * 16, START.isoformat(), 100 if trial.stock else None)
    check(Definition.model_validate(body).model_dump(mode="json"))


@trials
def test_the_same_seed_gives_the_same_shoppers_and_another_one_others(trial: Trial) -> None:
    variant = list(trial.offers)[1]
    told = [story(trial, number, variant) for number in range(40)]
    assert told == [story(trial, number, variant) for number in range(40)]
    assert told != [story(trial, number, variant, seed=2) for number in range(40)]


@trials
def test_the_exposure_is_logged_in_every_arm_and_first_unless_an_order_is_the_decision_point(
    trial: Trial,
) -> None:
    for variant in trial.offers:
        for number in range(60):
            kinds = [event["type"] for event in story(trial, number, variant)]
            assert kinds.count("exposure") == 1
            assert kinds.index("exposure") == (1 if trial.after_order else 0)


def test_hurried_orders_are_moved_and_none_is_added() -> None:
    trial = TRIALS["second-purchase"]
    for days, low, high in ((7, 0.06, 0.3), (60, -0.04, 0.04)):
        gained = share_that_buys_again(trial, "seven-days", days) - share_that_buys_again(
            trial, "nothing", days
        )
        assert low < gained < high, days


def test_a_wait_is_at_least_a_day_and_ends_with_its_window() -> None:
    habit = Habit(buys=1, again=1, again_days=20, hurried=0.5)
    shopper = Shopper(TRIALS["gift"], "practice", 0, START, 1)
    waits = [wait_days(habit, shopper.rng) for _ in range(2000)]
    assert min(waits) >= 1
    assert max(waits) <= 20


def test_offers_are_chosen_by_name() -> None:
    assert chosen("all") == list(TRIALS.values())
    for wrong in ("gift,gifts", "", ","):
        with pytest.raises(Stopped, match="there are threshold"):
            chosen(wrong)


@dataclass(frozen=True)
class Told:
    """A wire whose other end is a function."""

    answers: Callable[[str], Answer]

    def exchange(self, method: str, _path: str, _body: object) -> Answer:
        """The function's answer to a method."""
        return self.answers(method)

    def close(self) -> None:
        """Nothing to close."""


def said(status: int, content: object = None, retry_after: str | None = None) -> Answer:
    return Answer(status, json.dumps(content).encode(), retry_after)


def door(answers: Any, waited: list[float] | None = None) -> Door:
    pauses = [] if waited is None else waited
    return Door("http://shop.test", KEY, pauses.append, Told(answers))


def test_who_is_told_to_come_later_comes_later() -> None:
    told = iter([(429, "3"), (503, None), (200, None)])

    def answer(_method: str) -> Answer:
        status, later = next(told)
        return said(status, {"ok": 1}, later)

    waited: list[float] = []
    with door(answer, waited) as shop:
        assert shop.call("GET", "/") == {"ok": 1}
    assert waited == [3.0, 1.0]


def test_who_is_told_so_for_ever_stops() -> None:
    with door(lambda _: said(503)) as shop, pytest.raises(Stopped, match="still 503"):
        shop.call("GET", "/")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (said(403, {"detail": "this key may not", "field": None}), "403 this key may not"),
        (said(422, {"detail": "is odd", "field": "plan.mde"}), "422 plan.mde: is odd"),
        (Answer(502, b"bad gateway"), "502 bad gateway"),
        (Answer(200, b"<html>"), "is this the address of Offerlab"),
    ],
    ids=["forbidden", "field", "proxy", "another server"],
)
def test_a_refusal_is_told_in_the_services_words_and_never_with_the_key(answer: Answer, words: str) -> None:
    with door(lambda _: answer) as shop, pytest.raises(Stopped) as stopped:
        shop.call("POST", "/api/v1/quote")
    assert words in str(stopped.value)
    assert KEY not in str(stopped.value)


def test_a_batch_holds_a_thousand_events_at_most_and_a_rejected_one_stops_the_run() -> None:
    assert [len(batch) for batch in batches({"n": n} for n in range(2500))] == [1000, 1000, 500]
    rejected = said(200, {"rejected": [{"code": "conflict"}]})
    with door(lambda _: rejected) as shop, pytest.raises(Stopped, match="conflict"):
        shop.send([{}])


def test_an_experiment_of_another_seed_is_left_alone() -> None:
    def answer(method: str) -> Answer:
        assert method == "GET"
        return said(200, {"seed": "f" * 16, "status": "running"})

    with door(answer) as shop, pytest.raises(Stopped, match="choose another --suffix"):
        prepare(Run(shop, 1, "", NOW), [TRIALS["gift"]])


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://shop.test", "http://", "http://[", "http://x:port"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Unreachable, match="must be like"):
        HttpWire(url, {})
    with pytest.raises(Stopped, match="must be like"):
        Door(url, KEY)


def test_nobody_at_home_is_said_without_the_key() -> None:
    with Door(f"http://127.0.0.1:{free_port()}", KEY) as shop, pytest.raises(Stopped) as stopped:
        shop.call("GET", "/livez")
    assert "no answer from 127.0.0.1" in str(stopped.value)
    assert KEY not in str(stopped.value)


def test_a_connection_that_went_stale_is_made_anew() -> None:
    """A server that answers one call per connection and says nothing of closing it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_answer_once_each, args=(server, 3), daemon=True).start()
        wire = HttpWire(f"http://127.0.0.1:{server.getsockname()[1]}/front/", {})
        assert [wire.exchange("POST", "/x", {"n": n}).json() for n in range(3)] == ["/front/x"] * 3
        wire.close()


def _answer_once_each(server: socket.socket, times: int) -> None:
    for _ in range(times):
        connection, _address = server.accept()
        with connection:
            path = connection.recv(65_536).split()[1].decode()
            body = json.dumps(path).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


def test_letters_go_to_whom_the_service_says_page_by_page_and_day_by_day() -> None:
    trial, asked = TRIALS["reminder"], list[str]()
    left = [Shopper(trial, "practice", number, START, 1, "one-hour") for number in range(3)]

    def due(path: str) -> Answer:
        asked.append(path)
        first = "&cursor=" not in path
        people = left[:2] if first else left[2:]
        items = [
            {
                "customer_id": one.customer_id,
                "event_id": f"reminder-{one.number}",
                "due_at": "2026-01-05T12:00:00Z",
            }
            for one in people
        ]
        return said(200, {"items": items, "next": "more" if first else None})

    with Door("http://shop.test", KEY, wire=Due(due)) as shop:
        sender = Sender(shop, "practice", HttpTill(shop, "practice", NOW))
        told = sender.messages(left)
        sender.messages([])
    letters = [event for event in told if event["type"] == "message_sent"]
    assert [event["event_id"] for event in letters] == ["reminder-0", "reminder-1", "reminder-2"]
    assert {event["occurred_at"] for event in letters} == {"2026-01-05T12:00:00+00:00"}
    assert {event["customer_id"] for event in told} <= {one.customer_id for one in left}
    days = [path.partition("at=")[2][:10] for path in asked]
    assert days == ["2026-01-06", "2026-01-06", "2026-01-07", "2026-01-07"]


@dataclass(frozen=True)
class Due:
    """A wire at whose other end nothing but the list of reminders is."""

    answers: Callable[[str], Answer]

    def exchange(self, method: str, path: str, _body: object) -> Answer:
        """The list; a cart costs what it costs."""
        return self.answers(path) if method == "GET" else said(200, {"applied": [], "blocked": []})

    def close(self) -> None:
        """Nothing to close."""


def test_a_friend_is_invited_before_it_buys_and_rewarded_after() -> None:
    trial, seen = TRIALS["referral"], 0
    for number in range(200):
        told = story(trial, number, "small-now")
        invited = [event for event in told if event["type"] == "referral"]
        for event in invited:
            seen += 1
            friend, inviter = event["invited"]["customer_id"], event["referrer"]["customer_id"]
            assert inviter == f"practice-{number:05d}"
            after = told[told.index(event) + 1 :]
            kinds = [(one["type"], one.get("customer_id")) for one in after]
            assert kinds.index(("order", friend)) < kinds.index(("points_earned", inviter))
            assert after[kinds.index(("points_earned", inviter))]["value_minor"] == 20_000
    assert 20 < seen < 75
