"""Results do not depend on the order of arrival, under either policy; contradicting links are said.

Oracle: the same events sent once, in the order in which they happened.
"""

import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.clock import day_number
from app.database import Database
from app.results.service import close_looks, results
from app.results.units import Policy
from tests.support.effort import examples
from tests.support.results_shop import CLOSED, KEY, START, Shop, exposure, open_shop, order

POLICIES: tuple[Policy, ...] = ("first_touch", "strict")
VISITORS, CUSTOMERS = [f"v-{n}" for n in range(4)], ["anna", "boris"]
_folders = itertools.count()


def _identify(number: int, visitor: str, customer: str, hours: int) -> dict[str, Any]:
    at = (START + timedelta(hours=hours)).isoformat()
    event = {"event_id": f"i-{number:02}", "type": "identify", "occurred_at": at}
    return event | {"visitor_id": visitor, "customer_id": customer}


_identifies = st.lists(
    st.tuples(st.sampled_from(VISITORS), st.sampled_from(CUSTOMERS), st.integers(20, 24)), max_size=6
).map(lambda found: [_identify(number, *one) for number, one in enumerate(found)])
_exposures = st.lists(st.sampled_from(VISITORS), max_size=4, unique=True).map(
    lambda found: [exposure(one, START + timedelta(hours=22, minutes=n)) for n, one in enumerate(found)]
)
_orders = st.lists(
    st.one_of(
        st.sampled_from(VISITORS).map(lambda one: {"visitor_id": one}),
        st.sampled_from(CUSTOMERS).map(lambda one: {"customer_id": one}),
    ),
    max_size=4,
).map(
    lambda found: [
        order(f"o-{n}", START + timedelta(hours=25 + n), None, **who) for n, who in enumerate(found)
    ]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shops")


def _shop(template: Path, folder: Path, batches: list[list[dict[str, Any]]]) -> Shop:
    where = folder / str(next(_folders))
    where.mkdir()
    path = where / "offerlab.sqlite3"
    path.write_bytes(template.read_bytes())
    shop = open_shop(Database(f"sqlite:///{path}"), where)
    shop.define()
    for batch in batches:
        shop.send(batch)
    close_looks(shop.services, KEY, day_number(CLOSED))
    return shop


def _read(shop: Shop, policy: Policy) -> bytes:
    return bytes(results(shop.services, KEY, CLOSED, policy=policy))


@pytest.mark.long
@settings(max_examples=examples(4, 12), deadline=None)
@given(told=st.tuples(_identifies, _exposures, _orders), data=st.data())
def test_links_before_or_after_exposures_shuffled_and_twice_give_the_same_bytes(
    sqlite_template: Path,
    folder: Path,
    told: tuple[list[dict[str, Any]], ...],
    data: st.DataObject,
) -> None:
    events = [event for kind in told for event in kind]
    in_order = sorted(events, key=lambda event: (event["occurred_at"], event["event_id"]))
    arriving = data.draw(st.permutations(events + events[:4]))
    cut = data.draw(st.integers(0, len(arriving)))
    plain = _shop(sqlite_template, folder, [in_order])
    mixed = _shop(sqlite_template, folder, [arriving[:cut], arriving[cut:]])
    for policy in POLICIES:
        assert _read(mixed, policy) == _read(plain, policy)
    for shop in (plain, mixed):
        shop.database.close()


def test_a_later_contradicting_link_is_said_in_the_trust_block_and_merges_nobody(
    sqlite_template: Path, folder: Path
) -> None:
    seen = [exposure(one, START + timedelta(hours=22)) for one in ("v-0", "v-1")]
    true = [_identify(1, "v-0", "anna", 20), _identify(2, "v-1", "boris", 21)]
    contradicting = [_identify(3, "v-1", "anna", 22), _identify(4, "v-1", "anna", 23)]
    shop = _shop(sqlite_template, folder, [contradicting + seen, true])
    found = json.loads(_read(shop, "first_touch"))["trust"]
    assert sum(found["srm"]["counts"].values()) == 2
    checks = {check["key"]: check for check in found["checks"]}
    assert checks["contradicting_links"]["count"] == 1, "a pair that contradicts counts once"
    plain = _shop(sqlite_template, folder, [true + seen])
    assert sum(json.loads(_read(plain, "first_touch"))["trust"]["srm"]["counts"].values()) == 2
    assert "contradicting_links" not in str(json.loads(_read(plain, "first_touch"))["trust"]["checks"])
    for one in (shop, plain):
        one.database.close()
