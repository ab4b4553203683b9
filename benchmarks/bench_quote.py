"""A quote of 20 lines × 10 offers, in process, against a msgspec decode of the same request; CPU time."""

import msgspec

from app.edge.quote import QuoteRequest
from app.offers.quoting import quote
from app.offers.ready import Ready, prepare
from benchmarks.side_by_side import compare, machine, report

CALLS = 200
ROUNDS = 41
NOW_US = 1_780_000_000_000_000
LINES = [
    {"sku": f"sku-{place:02d}", "quantity": 1 + place % 3, "price_minor": 9_900 + 377 * place}
    for place in range(20)
]
BODY = msgspec.json.encode(
    {
        "visitor_id": "0199f2d0-0000-7000-8000-000000000001",
        "attributes": {"country": "RU", "orders_count": 3, "purchases_minor": 1_500_000},
        "cart": {"currency": "RUB", "lines": LINES, "shipping_minor": 35_000},
        "codes": [],
    }
)
COMMON = {"currency": "RUB"}
EXCLUSIVE: list[dict[str, object]] = [
    {
        "kind": "percent_off",
        "percent": 5 + place,
        "min_order_minor": 100_000 * (place % 6),
        "max_discount_minor": 50_000,
    }
    for place in range(10)
]
KEYS = [f"e-{place}" for place in range(10)]
MIXED: list[dict[str, object]] = [
    {"kind": "percent_off", "percent": 10, "min_order_minor": 100_000},
    {"kind": "amount_off", "amount_minor": 30_000, "min_order_minor": 300_000},
    {"kind": "free_delivery", "min_order_minor": 900_000, "stacking": {"combinable_with": KEYS}},
    {"kind": "gift", "product": "sample", "cost_minor": 4_000, "stacking": {"combinable_with": KEYS}},
    {
        "kind": "bundle",
        "products": ["sku-01", "sku-02"],
        "percent": 10,
        "stacking": {"combinable_with": KEYS},
    },
    {"kind": "points", "rate": 0.05, "point_value_minor": 100, "stacking": {"combinable_with": KEYS}},
    {"kind": "next_order_discount", "percent": 15, "valid_days": 7},
    {"kind": "spend_reward", "spend_minor": 700_000, "reward_minor": 7_000},
    {"kind": "cumulative_discount", "tiers": [{"from_minor": 1_000_000, "percent": 5}]},
    {"kind": "content", "title": "Ten recipes"},
]


def ready(offers: list[dict[str, object]]) -> list[Ready]:
    """The offers as a snapshot holds them."""
    made = [prepare(key, "a", {**COMMON, **terms}) for key, terms in zip(KEYS, offers, strict=True)]
    return [one for one in made if one is not None]


def main() -> None:
    """Print both mixes; the goal is at most 20×."""
    print(machine())
    decoder = msgspec.json.Decoder(QuoteRequest)
    cart = decoder.decode(BODY).cart
    for what, offers in (("10 exclusive discounts", ready(EXCLUSIVE)), ("10 kinds mixed", ready(MIXED))):

        def ours(offers: list[Ready] = offers) -> None:
            for _ in range(CALLS):
                quote(cart, offers, NOW_US)

        def reference() -> None:
            for _ in range(CALLS):
                decoder.decode(BODY)

        report(
            f"quote, 20 lines × {what}, against decoding the request", compare(ours, reference, ROUNDS), CALLS
        )


if __name__ == "__main__":
    main()
