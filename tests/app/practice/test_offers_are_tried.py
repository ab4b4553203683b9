"""Invented shoppers against the running service. Oracle: what was planted in them, for fixed seeds."""

import csv
import dataclasses
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from app.cli.main import offerlab
from app.clock import SystemClock
from app.database import Database
from app.pages.service import make_login_link
from app.practice.driving import drive, prepare
from app.practice.service import TRIALS, Door, run_of
from app.settings import Settings
from tests.support.live import Live, live_service

FEW = "threshold,second-purchase"


@dataclass(frozen=True)
class Tried:
    """A service, and what a run against it said."""

    live: Live
    code: int
    offers: dict[str, dict[str, Any]]


def simulate(live: Live, *options: str, key: str | None = None) -> tuple[int, str, str]:
    """The command as it is typed, the key in its environment."""
    environment: Mapping[str, str] = {"OFFERLAB_KEY": live.admin_key if key is None else key}
    arguments = ["simulate", "--against", live.url, *options]
    done = CliRunner().invoke(offerlab, arguments, env=environment)
    return done.exit_code, done.stdout, done.stderr


def tried(live: Live, offers: str, seed: int = 1) -> Tried:
    code, said, wrong = simulate(live, "--offers", offers, "--seed", str(seed), "--json")
    assert said, wrong
    return Tried(live, code, {found["trial"]: found for found in json.loads(said)["offers"]})


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    with live_service(tmp_path_factory.mktemp("practice")) as live:
        yield tried(live, FEW)


def page(live: Live, key: str, lang: str) -> str:
    """The words of an experiment's page, as somebody who is logged in reads them."""
    settings = Settings(data_dir=live.data_dir, database_url=live.database_url)
    database = Database(settings.url)
    link = make_login_link(database, settings, "mgr", SystemClock().now_us(), base_url=live.url)
    database.close()
    with httpx.Client(base_url=live.url, follow_redirects=True, timeout=120) as browser:
        browser.get(link).raise_for_status()
        answer = browser.get(f"/experiments/{key}", params={"lang": lang})
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", answer.text)).split())


def headline(found: Mapping[str, Any], lang: str) -> str:
    """The first sentence of the verdict."""
    return " ".join(str(found["text"][lang]).split()).partition(". ")[0]


def test_the_service_says_what_was_planted(few: Tried) -> None:
    assert few.code == 0
    assert {name: found["right"] for name, found in few.offers.items()} == dict.fromkeys(FEW.split(","), True)
    assert few.offers["threshold"]["verdict"] == "keep_control"
    assert few.offers["threshold"]["signs"]["profit_falls"]
    assert few.offers["second-purchase"]["signs"]["pulls_forward"]


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("name", FEW.split(","))
def test_the_page_says_it_too(few: Tried, name: str, lang: str) -> None:
    found = few.offers[name]
    said = page(few.live, found["experiment"], lang)
    assert headline(found, lang) in said
    assert {"en": "Simulated shoppers", "ru": "Смоделированные покупатели"}[lang] in said


def test_a_second_run_reads_the_same_and_sends_nothing(few: Tried) -> None:
    def rows() -> int:
        with few.live.client() as http:
            key = few.offers["threshold"]["experiment"]
            return int(http.get(f"/api/v1/experiments/{key}/results").json()["through_seq"])

    before = rows()
    assert tried(few.live, FEW).offers == few.offers
    assert rows() == before


def test_in_words_the_truth_stands_beside_verdict_estimate_and_page(few: Tried) -> None:
    code, said, _ = simulate(few.live, "--offers", FEW)
    lines = said.splitlines()
    assert code == 0
    assert lines[-1] == "2 of 2 say what was planted"
    assert lines[1:3] == [
        "  planted    the low threshold sells more and earns less",
        "  verdict    keep_control, right",
    ]
    assert re.fullmatch(r"  estimate   conversion_rate, 14 days: \+\d\.\d\d pp \(\+.* … \+.*\)", lines[3])
    assert lines[4] == "  seen       trusted, sells_more, profit_falls, discount_on_the_books"
    assert lines[5] == f"  page       {few.offers['threshold']['text']['en']}"


def test_another_seed_needs_another_suffix_and_no_message_holds_the_key(few: Tried) -> None:
    code, said, wrong = simulate(few.live, "--offers", "threshold", "--seed", "9")
    assert (code, said) == (1, "")
    assert "choose another --suffix" in wrong
    stolen = "olk_adm_" + "b" * 43
    code, said, wrong = simulate(few.live, "--offers", "threshold", key=stolen)
    assert (code, said) == (1, "")
    assert "401" in wrong
    assert stolen not in wrong
    for options, words in (
        (("--seed", "-1"), "must be 0 or more"),
        (("--suffix", "a b"), "--suffix may have"),
        (("--write", "here"), "do not go with it"),
        (("--offers", "gifts"), "no such offer: gifts"),
    ):
        code, said, wrong = simulate(few.live, *options)
        assert (code, said) == (1, "")
        assert words in wrong
    code, said, wrong = simulate(few.live, key="")
    assert (code, said) == (1, "")
    assert "OFFERLAB_KEY or --key-file" in wrong


class Broken(Exception):  # noqa: N818 - the power went
    """The run broke off."""


def test_a_run_that_broke_off_is_continued_and_counts_nothing_twice(few: Tried) -> None:
    trial = dataclasses.replace(TRIALS["code-reuse"], name="broken-off", units=260)

    def break_off(_done: int) -> None:
        raise Broken

    with Door(few.live.url, few.live.admin_key) as door:
        run = run_of(door, 1, "", SystemClock().now_us())
        prepare(run, [trial])
        with pytest.raises(Broken):
            drive(run, trial, break_off)
        key = drive(run, trial, lambda _: None)
        path = f"/api/v1/experiments/{key}"
        document = door.call("GET", f"{path}/results")
        orders, used = (
            list(csv.DictReader(door.ask("GET", f"{path}/export/{name}.csv").text.splitlines()))
            for name in ("orders", "redemptions")
        )
    assert sum(document["trust"]["srm"]["counts"].values()) == trial.units
    assert len({order["order_id"] for order in orders}) == len(orders)
    kept = [use["order_id"] for use in used if use["status"] == "confirmed" and not use["reversed_at"]]
    assert len(set(kept)) == len(kept) == document["offers"]["leakage"]["redemptions"] > 0
    assert [use for use in used if use["status"] != "confirmed"] == []


def all_is_said(live: Live, seed: int) -> None:
    """Every verdict is the planted one, and every page says it in both languages."""
    run = tried(live, "all", seed)
    assert {name: found["right"] for name, found in run.offers.items()} == dict.fromkeys(TRIALS, True)
    assert run.code == 0
    for found in run.offers.values():
        for lang in ("en", "ru"):
            assert headline(found, lang) in page(live, found["experiment"], lang)


@pytest.mark.long
def test_every_offer_of_practice_is_judged_as_planted_and_every_page_says_it(tmp_path: Path) -> None:
    with live_service(tmp_path) as live:
        all_is_said(live, seed=1)


@pytest.mark.long
def test_so_it_is_with_other_shoppers_on_postgresql_and_two_workers(
    postgres_url: str, tmp_path: Path
) -> None:
    environment = {"OFFERLAB_DATABASE_URL": postgres_url, "OFFERLAB_WORKERS": "2"}
    with live_service(tmp_path, environment) as live:
        all_is_said(live, seed=2)


@pytest.mark.long
def test_a_service_that_forgets_discounts_is_called_out(tmp_path: Path) -> None:
    """The planted bug: with discounts off the books the loser looks like a winner, and the run says so."""
    planted = "tests.support.discounts_off_the_books:application_factory"
    with live_service(tmp_path, factory=planted) as live:
        run = tried(live, FEW)
        assert run.code == 1
        assert run.offers["threshold"]["verdict"] == "roll_out"
        for found in run.offers.values():
            assert not found["right"]
            assert not found["signs"]["discount_on_the_books"]
