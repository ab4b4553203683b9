"""What a variant's offer says of its codes, worked out once; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.clock import MICROSECONDS
from app.offers.ready import Ready, prepare
from app.strict import moment_us

DAY_US = 86_400 * MICROSECONDS
_SUMS = ("amount_minor", "reward_minor", "value_minor")


@dataclass(frozen=True, slots=True)
class Scope:
    """One budget.

    Attributes:
        variant: whose; empty: the experiment's.
        money_minor: what may be given away; None: no limit. `uses` likewise.
        next_minor: what the next claim would hold at most; `next_uses` likewise.
    """

    variant: str
    money_minor: int | None
    uses: int | None
    next_minor: int
    next_uses: int


@dataclass(frozen=True, slots=True)
class CodeTerms:
    """The terms under which a variant's codes are given and used.

    Attributes:
        experiment: key.
        variant: key.
        unit: what the experiment randomises: visitor or customer.
        offer: as stored.
        ready: the same, as quotes read it.
        issue: shared or per_visitor.
        uses: of one code, over everybody; None: no limit.
        uses_per_customer: of one code by one person; None: no limit.
        order_days: so many days after the order that triggers it a code ends, or None.
        needs_order: without such an order there is no code; else the days count from the claim.
        valid_days: life of a claim in days; None: by the offer alone.
        starts_at_us: not to be used before, or None; `ends_at_us`: not from then on.
        bound: only its owner may use it.
        gives_back: whether a cancelled or wholly refunded order gives the use back.
        most_minor: the most that one use gives away, or None when the offer has no bound.
        beside_minor: what of it is no discount: the cost of a gift, the value of a partner's voucher.
        scopes: the budgets it counts against.
    """

    experiment: str
    variant: str
    unit: str
    offer: Mapping[str, Any]
    ready: Ready
    issue: str
    uses: int | None
    uses_per_customer: int | None
    order_days: int | None
    needs_order: bool
    valid_days: int | None
    starts_at_us: int | None
    ends_at_us: int | None
    bound: bool
    gives_back: bool
    most_minor: int | None
    beside_minor: int = 0
    scopes: tuple[Scope, ...] = ()

    @property
    def claimed_uses(self) -> int:
        """Uses a claim promises, and so the budget holds; of a code without a limit, the first."""
        return _promised(self.uses_per_customer if self.issue == "shared" else self.uses)

    @property
    def use_minor(self) -> int:
        """What the budget holds in money for one use; 0 where a discount has no bound."""
        return self.most_minor or 0

    @property
    def unsaid_minor(self) -> int:
        """The discount of an order of which the shop says nothing: the most that it can be."""
        return 0 if self.beside_minor else self.use_minor

    def charge(self, discount_minor: int) -> int:
        """What a use with this discount costs the budget, in minor units."""
        return max(discount_minor, self.beside_minor)

    def valid_until_us(self, claimed_at_us: int, ordered_at_us: int | None = None) -> int | None:
        """When a code claimed then ends.

        Args:
            claimed_at_us: moment of the claim, microseconds since 1970 UTC.
            ordered_at_us: of the order that triggers it; None: none is known.
        """
        ends = [self.ends_at_us]
        if self.valid_days is not None:
            ends.append(claimed_at_us + self.valid_days * DAY_US)
        if self.order_days is not None:
            began_us = claimed_at_us if ordered_at_us is None else ordered_at_us
            ends.append(began_us + self.order_days * DAY_US)
        return min((end for end in ends if end is not None), default=None)


def _promised(uses: int | None) -> int:
    return 1 if uses is None else uses


def terms_of(definition: Mapping[str, Any], variant: str, since_us: int = 0) -> CodeTerms | None:
    """The terms of a variant's codes; None where its offer has none.

    Args:
        definition: of an experiment, as stored.
        variant: key of one of its variants.
        since_us: moment of the start: earlier orders trigger nothing.
    """
    found = next((one for one in definition["variants"] if one["key"] == variant), None)
    bare = None if found is None else _bare(definition, found)
    if bare is None:
        return None
    others = [
        one for one in (_bare(definition, other) for other in definition["variants"]) if one is not None
    ]
    scopes = [_scope("", definition.get("budget"), others), _scope(variant, bare.offer.get("budget"), [bare])]
    kept = tuple(scope for scope in scopes if scope is not None)
    return replace(bare, scopes=kept, ready=replace(bare.ready, since_us=since_us))


def _bare(definition: Mapping[str, Any], variant: Mapping[str, Any]) -> CodeTerms | None:
    """The terms without budgets."""
    offer = variant["offer"] or {}
    code = offer.get("code") or {}
    ready = None if code.get("issue", "none") == "none" else prepare(definition["key"], variant["key"], offer)
    if ready is None:
        return None
    validity = offer.get("validity") or {}
    total, each = code.get("uses_total"), code.get("uses_per_customer")
    days, after = validity.get("days"), validity.get("days_after")
    after_order = days if after == "order" else None
    lives = [code.get("valid_days"), days if after == "claim" else None]
    own_days = min((one for one in lives if one is not None), default=None)
    return CodeTerms(
        experiment=definition["key"],
        variant=variant["key"],
        unit=definition["unit"],
        offer=offer,
        ready=ready,
        issue=code["issue"],
        uses=each if total is None and code["issue"] == "per_visitor" else total,
        uses_per_customer=each,
        order_days=after_order or (None if own_days else offer.get("valid_days")),
        needs_order=after_order is not None,
        valid_days=own_days,
        starts_at_us=_moment(validity.get("starts_at")),
        ends_at_us=_moment(validity.get("ends_at")),
        bound=bool(code.get("bound")),
        gives_back=bool(code.get("give_back", True)),
        most_minor=largest_discount(offer),
        beside_minor=_beside(offer),
    )


def _moment(text: str | None) -> int | None:
    return None if text is None else moment_us(text)


def _scope(variant: str, budget: Mapping[str, Any] | None, users: list[CodeTerms]) -> Scope | None:
    money, uses = (budget or {}).get("money_minor"), (budget or {}).get("uses")
    if money is None and uses is None:
        return None
    next_minor = max((one.use_minor * one.claimed_uses for one in users), default=0)
    return Scope(variant, money, uses, next_minor, max((one.claimed_uses for one in users), default=1))


def largest_discount(offer: Mapping[str, Any]) -> int | None:
    """The largest discount of one use in minor units; None: it grows with the basket.

    >>> largest_discount({"kind": "amount_off", "amount_minor": 500, "max_discount_minor": None})
    500
    >>> largest_discount({"kind": "percent_off", "percent": 10}) is None
    True
    """
    bounds = [offer.get("max_discount_minor")]
    bounds += [offer.get(name) for name in _SUMS]
    if offer["kind"] == "referral":
        bounds.append(offer["referrer_minor"] + offer["invited_minor"])
    if offer["kind"] == "gift" and offer.get("cost_minor") is not None:
        bounds.append(offer["cost_minor"] * offer.get("quantity", 1))
    return min((bound for bound in bounds if bound is not None), default=None)


def _beside(offer: Mapping[str, Any]) -> int:
    if offer["kind"] == "gift":
        return (offer.get("cost_minor") or 0) * int(offer.get("quantity", 1))
    return int(offer["value_minor"]) if offer["kind"] == "partner_voucher" else 0
