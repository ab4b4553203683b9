"""Claims and redemptions that are told late. Oracle: docs/decisions/0011-whose-clock.md."""

import pytest

from tests.support.codes import Shop, code, offer, open_shop, refusal
from tests.support.inprocess import NOW_US, InProcess

DAY_US = 86_400_000_000
LAST_MONTH = "2026-04-28T20:26:40Z"  # thirty days before NOW_US
TOO_LATE = "2026-05-28T20:31:41Z"  # five minutes and a second after it


def dates(shop: Shop) -> dict[str, tuple[int, int]]:
    """Type → (occurred, received) of the rows of codes."""
    connection = shop.service.services.database.raw_connection()
    statement = (
        "SELECT type, occurred_at_us, received_at_us FROM events WHERE type IN ('claim', 'redemption')"
    )
    try:
        rows = connection.execute(statement).fetchall()
    finally:
        connection.close()
    return {kind: (occurred, received) for kind, occurred, received in rows}


def test_what_is_told_late_is_on_the_books_under_its_own_day(service: InProcess) -> None:
    shop = open_shop(service)
    given = shop.claim(occurred_at=LAST_MONTH)
    assert shop.redeem(given, occurred_at="2026-05-01T23:26:40+03:00").status_code == 200
    assert dates(shop) == {
        "claim": (NOW_US - 30 * DAY_US, NOW_US),
        "redemption": (NOW_US - 27 * DAY_US, NOW_US),
    }


def test_without_a_date_both_happen_now(service: InProcess) -> None:
    shop = open_shop(service)
    shop.redeem(shop.claim())
    assert dates(shop) == {"claim": (NOW_US, NOW_US), "redemption": (NOW_US, NOW_US)}


def test_a_date_lengthens_and_shortens_no_codes_life(service: InProcess) -> None:
    shop = open_shop(service, offer(code=code(valid_days=7)))
    claimed = shop.post("claim", experiment="codes", visitor_id="v-1", occurred_at=LAST_MONTH).json()
    assert (claimed["claimed_at"], claimed["valid_until"]) == (
        "2026-05-28T20:26:40Z",
        "2026-06-04T20:26:40Z",
    )
    service.clock.advance(8 * 86_400)
    late = shop.redeem(claimed["code"], occurred_at="2026-05-29T20:26:40Z")
    assert refusal(late) == (410, "expired")


def test_a_date_gives_no_second_use(service: InProcess) -> None:
    shop = open_shop(service)
    given = shop.claim()
    assert shop.redeem(given, "o-1").status_code == 200
    assert refusal(shop.redeem(given, "o-2", occurred_at=LAST_MONTH)) == (409, "spent")
    assert shop.claim(occurred_at=LAST_MONTH) == given
    assert len(shop.ledger("claim")) == 1


@pytest.mark.parametrize(
    ("moment", "found"),
    [
        (TOO_LATE, "future_time"),
        ("1969-12-31T23:59:59Z", "time_before_1970"),
        ("2026-05-28T20:26:40", "invalid_field"),
        ("yesterday", "invalid_field"),
        (5, "invalid_field"),
    ],
    ids=["future", "before 1970", "without offset", "words", "number"],
)
def test_an_impossible_date_is_refused_by_name(service: InProcess, moment: object, found: str) -> None:
    shop = open_shop(service)
    given = shop.claim()
    for answer in (
        shop.redeem(given, occurred_at=moment),
        shop.post("claim", experiment="codes", visitor_id="v-2", occurred_at=moment),
    ):
        assert refusal(answer) == (422, found)
        assert answer.json()["field"] == "occurred_at"
    assert shop.redeem(given).status_code == 200


@pytest.mark.parametrize("door", ["validate", "reserve", "rollback"])
def test_only_claims_and_redemptions_have_a_date(service: InProcess, door: str) -> None:
    shop = open_shop(service)
    answer = shop.post(door, code=shop.claim(), visitor_id="v-1", order_id="o-1", occurred_at=LAST_MONTH)
    assert refusal(answer) == (422, "extra_forbidden")
