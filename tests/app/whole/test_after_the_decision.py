"""What lives on after a decision. Oracle: the contract's sections Experiments and Codes, docs/decided.md."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from app.clock import isoformat
from tests.support.codes import Shop, code, refusal
from tests.support.inprocess import InProcess, on_each_database
from tests.support.ledger import query

DAY_SECONDS = 86_400
CART = {"currency": "RUB", "lines": [{"sku": "tea", "quantity": 1, "price_minor": 5000}], "shipping_minor": 0}
_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with on_each_database(request, tmp_path_factory.mktemp("decided")) as running:
        yield running


class Decided(Shop):
    """A shop with 3.00 off against 5.00 off, both with codes of 30 days, for people from RU."""

    def ids(self, variant: str, count: int) -> list[str]:
        """Visitors whom the hash gives a variant."""
        names = (f"{self.key}-{place}" for place in itertools.count())
        found = (name for name in names if self.answer(name)["variant"] == variant)
        return list(itertools.islice(found, count))

    def answer(self, visitor_id: str, country: str = "RU") -> dict[str, Any]:
        """What the assignments door says."""
        attributes = {"country": country}
        answer = self.service.assign(visitor_id=visitor_id, attributes=attributes, experiments=[self.key])
        found: dict[str, Any] = answer.json()["assignments"][0]
        return found

    def quote(self, visitor_id: str, codes: list[str]) -> dict[str, Any]:
        """A quote for 50.00."""
        body = {"visitor_id": visitor_id, "attributes": {"country": "RU"}, "cart": CART, "codes": codes}
        found: dict[str, Any] = self.service.call("POST", "/api/v1/quote", body, "srv").json()
        return found

    def act(self, action: str, **body: Any) -> None:
        """One action, which must succeed."""
        answer = self.service.act(self.key, action, body or None)
        assert answer.status_code == 200, answer.text

    def decide(self, variant: str = "five", **more: Any) -> None:
        """Stop, and choose, a minute later."""
        self.service.clock.advance(60)
        self.act("stop")
        self.act("decide", variant=variant, reason="it earns more", **more)

    def expose(self, visitor_id: str, variant: str | None = None) -> None:
        """An exposure now."""
        shown = self.answer(visitor_id)["variant"] if variant is None else variant
        self.send(self.event("exposure", visitor_id, experiment=self.key, variant=shown))

    def event(self, kind: str, visitor_id: str, **fields: Any) -> dict[str, Any]:
        """An event now."""
        when = isoformat(self.service.clock.now_us())
        common = {"event_id": f"d-{next(_numbers)}", "type": kind, "occurred_at": when}
        return common | {"visitor_id": visitor_id, **fields}

    def results(self) -> dict[str, Any]:
        """The result document."""
        found: dict[str, Any] = self.service.call(
            "GET", f"/api/v1/experiments/{self.key}/results", kind="ro"
        ).json()
        return found

    def counted(self) -> dict[str, int]:
        """Variant → exposed units that are analysed."""
        counts: dict[str, int] = self.results()["trust"]["srm"]["counts"]
        return counts


def amount(minor: int, **fields: Any) -> dict[str, Any]:
    """So much off, with a personal single-use code of 30 days."""
    plain = {"kind": "amount_off", "amount_minor": minor, "currency": "RUB", "code": code(valid_days=30)}
    return plain | fields


@pytest.fixture
def shop(service: InProcess) -> Decided:
    return open_decided(service)


def open_decided(service: InProcess, **fields: Any) -> Decided:
    key = f"decided-{next(_numbers)}"
    variants = [
        {"key": "three", "weight": 0.5, "control": True, "offer": amount(300)},
        {"key": "five", "weight": 0.5, "offer": amount(500)},
    ]
    service.running(**({"key": key, "audience": {"country": "RU"}, "variants": variants} | fields))
    service.clock.advance(60)
    return Decided(service, key)


def test_the_chosen_offer_goes_to_the_whole_audience_and_to_nobody_else(shop: Decided) -> None:
    people = [*shop.ids("three", 5), *shop.ids("five", 5)]
    shop.decide()
    said = [shop.answer(one) for one in people]
    assert {(one["variant"], one["reason"], one["in_experiment"]) for one in said} == {
        ("five", "DECIDED", False)
    }
    assert {one["offer"]["amount_minor"] for one in said} == {500}
    outside = shop.answer(people[0], country="KZ")
    assert (outside["variant"], outside["reason"], outside["offer"]) == (None, "NOT_TARGETED", None)
    flag = shop.service.call(
        "POST",
        f"/ofrep/v1/evaluate/flags/{shop.key}",
        {"context": {"targetingKey": people[0], "country": "RU"}},
        "srv",
    ).json()
    assert (flag["reason"], flag["value"]["amount_minor"]) == ("STATIC", 500)


def test_open_codes_of_every_arm_live_to_their_end_whatever_became_of_the_experiment(shop: Decided) -> None:
    owners = {variant: shop.ids(variant, 5) for variant in ("three", "five")}
    attributes = {"country": "RU"}
    codes = {one: shop.claim(one, attributes=attributes) for ids in owners.values() for one in ids}
    order_ids = (f"{shop.key}-o-{n}" for n in itertools.count())
    for state, place in (("stop", 0), ("decide", 1), ("archive", 2)):
        shop.act(state, **({"variant": "five", "reason": "more"} if state == "decide" else {}))
        for ids, worth in ((owners["three"], 300), (owners["five"], 500)):
            one = ids[place]
            checked = shop.post("validate", code=codes[one], visitor_id=one, cart=CART)
            assert (checked.status_code, checked.json()["discount_minor"]) == (200, worth), state
            used = shop.redeem(codes[one], next(order_ids), one, discount_minor=worth)
            assert (used.status_code, used.json()["status"]) == (200, "redeemed"), state
            again = shop.redeem(codes[one], next(order_ids), one, discount_minor=worth)
            assert refusal(again) == (409, "spent")
    shop.service.clock.advance(30 * DAY_SECONDS - 120)
    late = [ids[3] for ids in owners.values()]
    assert [shop.post("validate", code=codes[one], visitor_id=one).status_code for one in late] == [200, 200]
    shop.service.clock.advance(120)
    assert [refusal(shop.post("validate", code=codes[one], visitor_id=one)) for one in late] == [
        (410, "expired")
    ] * 2


def test_a_claim_after_the_decision_gives_the_chosen_code_to_anybody_of_the_audience(shop: Decided) -> None:
    lost, other = shop.ids("three", 2)
    (won,) = shop.ids("five", 1)
    old = shop.claim(lost, attributes={"country": "RU"})
    shop.decide()
    found = {
        one: shop.post("claim", experiment=shop.key, visitor_id=one, attributes={"country": "RU"}).json()
        for one in (lost, other, won)
    }
    assert {one: (answer["variant"], answer["terms"]["amount_minor"]) for one, answer in found.items()} == {
        lost: ("three", 300),  # it has one already, and keeps it
        other: ("five", 500),
        won: ("five", 500),
    }
    assert found[lost]["code"] == old
    assert shop.redeem(found[other]["code"], f"{shop.key}-o", other, discount_minor=500).status_code == 200
    outside = shop.post("claim", experiment=shop.key, visitor_id="kz", attributes={"country": "KZ"})
    assert (refusal(outside), outside.json()["reason"]) == ((409, "not_assigned"), "NOT_TARGETED")
    shop.act("archive")
    ended = shop.post("claim", experiment=shop.key, visitor_id="late", attributes={"country": "RU"})
    assert (refusal(ended), ended.json()["reason"]) == ((409, "not_assigned"), "ENDED")


def test_where_the_choice_is_no_offer_nobody_gets_a_code(service: InProcess) -> None:
    variants = [
        {"key": "none", "weight": 0.5, "control": True, "offer": {"kind": "none"}},
        {"key": "five", "weight": 0.5, "offer": amount(500)},
    ]
    shop = open_decided(service, variants=variants)
    (one,) = shop.ids("five", 1)
    shop.decide("none")
    answer = shop.post("claim", experiment=shop.key, visitor_id=one, attributes={"country": "RU"})
    assert (refusal(answer), answer.json()["reason"]) == ((409, "not_assigned"), "NO_CODES")
    assert shop.answer(one)["offer"] == {"kind": "none"}


def test_a_budget_holds_after_the_decision_and_the_decision_stays(service: InProcess) -> None:
    shop = open_decided(service, budget={"money_minor": 1500, "uses": None})
    (early,) = shop.ids("three", 1)
    given = {early: shop.claim(early, attributes={"country": "RU"})}
    shop.decide()
    people = [f"{shop.key}-new-{n}" for n in range(6)]
    said = {
        one: shop.post("claim", experiment=shop.key, visitor_id=one, attributes={"country": "RU"})
        for one in people
    }
    given |= {one: answer.json()["code"] for one, answer in said.items() if answer.status_code == 200}
    refused = {refusal(answer) for answer in said.values() if answer.status_code != 200}
    assert (len(given), refused) == (3, {(409, "budget")})  # 300 + 500 + 500; 200 is left
    assert shop.status() == "decided"
    for place, (one, text) in enumerate(given.items()):
        worth = 300 if one == early else 500
        assert shop.redeem(text, f"{shop.key}-o-{place}", one, discount_minor=worth).status_code == 200
    kept = query(
        service.services.database,
        f"SELECT money_spent, money_held FROM code_budgets WHERE experiment = '{shop.key}'",  # noqa: S608 - a test's own word
    )
    assert kept == [(1300, 0)]


def test_a_quote_has_the_chosen_offer_and_an_old_code_brings_its_own(
    service: InProcess,
) -> None:
    plain = [
        {"key": "three", "weight": 0.5, "control": True, "offer": amount(300)},
        {"key": "five", "weight": 0.5, "offer": amount(500, code=None)},
    ]
    shop = open_decided(service, variants=plain)
    one, two = shop.ids("three", 2)
    old = shop.claim(one, attributes={"country": "RU"})
    shop.decide()

    def applied(visitor_id: str, *codes: str) -> list[tuple[str, int]]:
        found = shop.quote(visitor_id, list(codes))["applied"]
        return [(o["variant"], o["discount_minor"]) for o in found if o["experiment"] == shop.key]

    assert applied(two) == [("five", 500)]
    assert applied(one, old) == [("five", 500)]  # the better of the two, never both
    shop.act("archive")
    assert (applied(two), applied(one, old)) == ([], [("three", 300)])


def test_who_is_held_back_keeps_the_own_variant_and_goes_on_entering_the_analysis(service: InProcess) -> None:
    shop = open_decided(service)
    before = [*shop.ids("three", 3), *shop.ids("five", 3)]
    for one in before:
        shop.expose(one)
    shop.decide(hold_back_share=0.5)
    shop.service.clock.advance(600)
    later = [f"{shop.key}-later-{n}" for n in range(40)]
    said = {one: shop.answer(one) for one in later}
    held = {one: answer["variant"] for one, answer in said.items() if answer["in_experiment"]}
    assert {said[one]["reason"] for one in held} == {"SPLIT"}
    assert {said[one]["variant"] for one in later if one not in held} == {"five"}
    assert set(held.values()) == {"three", "five"}
    for one, answer in said.items():
        shop.expose(one, answer["variant"])
    shop.service.clock.advance(60)
    counts = {variant: 3 + list(held.values()).count(variant) for variant in ("three", "five")}
    assert shop.counted() == counts
    checks = shop.results()["trust"]["checks"]
    outside = {one["key"]: one["count"] for one in checks}["exposures_outside_running"]
    assert outside == len(later) - len(held)
    exported = shop.service.call(
        "GET", f"/api/v1/experiments/{shop.key}/export/exposures.csv", kind="ro"
    ).text
    assert exported.count(",true,") == 6 + len(held)
    shop.act("archive")
    shop.service.clock.advance(60)
    shop.send(shop.event("exposure", f"{shop.key}-after", experiment=shop.key, variant="five"))
    assert shop.counted() == counts


def test_without_a_hold_back_nobody_enters_after_the_decision(shop: Decided) -> None:
    (one, two) = shop.ids("five", 2)
    shop.expose(one)
    shop.decide()
    shop.service.clock.advance(60)
    shop.expose(two)
    shop.service.clock.advance(60)
    assert shop.counted() == {"three": 0, "five": 1}


def test_an_exposure_of_between_the_stop_and_the_decision_is_no_one_s(shop: Decided) -> None:
    people = shop.ids("five", 30)
    shop.act("stop")
    shop.service.clock.advance(60)
    late = [shop.event("exposure", one, experiment=shop.key, variant="five") for one in people]
    shop.service.clock.advance(60)
    shop.act("decide", variant="five", reason="more", hold_back_share=0.9)
    shop.send(*late)
    shop.service.clock.advance(60)
    assert shop.counted().get("five", 0) == 0
