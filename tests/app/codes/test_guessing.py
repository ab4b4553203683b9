"""The limit on guessing codes, over all workers of a host. Oracle: counting by hand."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.edge.guessing import MOST_OF_ONE, Asker, Counters, GuessLimit
from app.errors import TooManyRequests
from tests.support.codes import Shop, code, offer, open_shop, refusal
from tests.support.inprocess import NOW_US, InProcess, in_process

ROOT = Path(__file__).resolve().parents[3]
GUESS = "ABCDEFGHJK"


def counters(folder: Path) -> Counters:
    """What one worker counts with."""
    return Counters(folder / "guesses", lambda: b"s" * 32)


def asker(shopper: str = "v-1", address: str = "10.0.0.1") -> Asker:
    """Somebody behind the shop's server."""
    return Asker("k_1", address, shopper)


def refused(limit: GuessLimit, who: Asker, now_us: int = NOW_US) -> int | None:
    """Seconds to wait, or None."""
    try:
        limit.admit(who, now_us)
    except TooManyRequests as refusal:
        return refusal.retry_after_seconds
    return None


def test_the_limit_is_one_over_all_workers_and_ends_with_the_minute(tmp_path: Path) -> None:
    workers = [GuessLimit(counters(tmp_path), most=10, most_of_one=100) for _ in range(3)]
    for number in range(10):
        assert refused(workers[0], asker(f"v-{number}")) is None
        workers[number % 3].count(asker(f"v-{number}"), NOW_US)
    assert [refused(worker, asker("new")) for worker in workers] == [20] * 3  # 20:26:40
    alone = GuessLimit(counters(tmp_path / "alone"), most=10, most_of_one=100)  # the planted bug
    assert refused(alone, asker("new")) is None
    assert refused(workers[0], asker("new", "10.0.0.2")) is None
    assert refused(workers[0], asker("new"), NOW_US + 20_000_000) is None


def test_one_shopper_is_stopped_before_the_shop_is(tmp_path: Path) -> None:
    limit = GuessLimit(counters(tmp_path), most=100, most_of_one=5)
    for _ in range(5):
        limit.count(asker("guesser"), NOW_US)
    assert refused(limit, asker("guesser")) == 20
    assert refused(limit, asker("somebody else")) is None


def test_each_redemption_lets_one_more_be_mistyped(tmp_path: Path) -> None:
    limit = GuessLimit(counters(tmp_path), most=10, most_of_one=100)
    for number in range(12):
        limit.count(asker(f"v-{number}"), NOW_US)
    assert refused(limit, asker("new")) == 20
    for number in range(3):
        limit.redeemed(asker(f"b-{number}"), NOW_US)
    assert refused(limit, asker("new")) is None


def test_workers_tell_each_other_of_redemptions_a_few_at_a_time(tmp_path: Path) -> None:
    mine, other = (GuessLimit(counters(tmp_path), most=10, most_of_one=100) for _ in range(2))
    mine.count(asker(), NOW_US, guesses=60)
    assert refused(other, asker("new")) == 20
    for number in range(64):
        mine.redeemed(asker(f"b-{number}"), NOW_US)
    assert refused(other, asker("new")) is None


COUNTING = """
import sys; from pathlib import Path; from app.edge.guessing import Counters
mine = Counters(Path(sys.argv[1]), lambda: b"s" * 32)
print("ready", flush=True); sys.stdin.readline()
for _ in range(5000): mine.add("till", 7, 1)
"""


def test_processes_that_count_at_once_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNTING, str(tmp_path / "guesses")]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    workers = [subprocess.Popen(command, **pipes) for _ in range(2)]
    assert {worker.stdout.readline() for worker in workers if worker.stdout} == {"ready\n"}
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=60)
    assert counters(tmp_path).read("till", 7) == 10_000


def test_a_full_table_forgets_what_is_over_and_small_counts_first(tmp_path: Path) -> None:
    mine = counters(tmp_path)
    mine.add("guesser", 7, 500)
    for number in range(30_000):
        mine.add(f"other-{number}", 7, 1)
    assert mine.read("guesser", 7) == 500
    mine.add("guesser", 8, 1)
    assert (mine.read("guesser", 8), mine.read("nobody", 8)) == (1, 0)


def test_without_a_place_for_the_file_a_worker_counts_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    limit = GuessLimit(Counters(tmp_path / "file" / "guesses", lambda: b"s" * 32), most=2, most_of_one=9)
    for _ in range(2):
        limit.count(asker(), NOW_US)
    assert refused(limit, asker("new")) == 20


@pytest.fixture
def shop(sqlite_url: str, tmp_path: Path) -> Any:
    with in_process(sqlite_url, tmp_path) as service:
        yield open_shop(service, offer(code=code(uses_per_customer=None)))


def tried(shop: Shop, shopper: str, door: str = "validate") -> int:
    """Status of one guess."""
    answer = shop.post(door, code=GUESS, visitor_id=shopper, order_id="o")
    if answer.status_code == 429:
        assert (answer.json()["code"], answer.headers["retry-after"]) == ("too_many_guesses", "20")
        refusal(answer)
    return answer.status_code


def quoted(service: InProcess, shopper: str, count: int) -> int:
    """Status of a quote with so many guesses."""
    body = {"visitor_id": shopper, "cart": {"currency": "RUB", "lines": []}}
    codes = [f"{GUESS}{number}" for number in range(count)]
    return service.call("POST", "/api/v1/quote", body | {"codes": codes}, "srv").status_code


def test_a_guesser_is_told_to_wait_at_every_door_and_the_others_are_not(shop: Shop) -> None:
    given = shop.claim("v-1")
    statuses = Counter(tried(shop, "guesser", door) for door in ("validate", "reserve", "redeem") * 25)
    assert statuses == Counter({404: MOST_OF_ONE, 429: 75 - MOST_OF_ONE})
    assert quoted(shop.service, "guesser", 1) == 429
    assert shop.redeem(given, "o-1", "v-1").status_code == 200
    shop.service.clock.advance(60)
    assert tried(shop, "guesser") == 404


def test_guesses_in_quotes_count_one_by_one(shop: Shop) -> None:
    assert [quoted(shop.service, "guesser", 20) for _ in range(4)] == [200, 200, 200, 429]


def test_a_good_shops_server_is_not_kept_waiting(shop: Shop, tmp_path: Path) -> None:
    """Nine hundred shoppers in a minute from one address, of whom two in three mistype: 600 unknown codes."""
    limit = GuessLimit(counters(tmp_path / "shop"))
    for number in range(900):
        assert refused(limit, asker(f"v-{number}")) is None
        if number % 3:
            limit.count(asker(f"v-{number}"), NOW_US)
        else:
            limit.redeemed(asker(f"v-{number}"), NOW_US)
    given = shop.claim("v-1")
    for number in range(90):
        assert tried(shop, f"v-{number}") == 404
    assert shop.redeem(given, "o-1", "v-1").status_code == 200


def test_what_lies_on_disk_names_nobody(shop: Shop, tmp_path: Path) -> None:
    tried(shop, "somebody-special")
    content = (tmp_path / "guesses").read_bytes()
    assert any(content)
    assert b"somebody" not in content
