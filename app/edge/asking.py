"""Who asks for which unit, and what the rules answer: shared by the assignments door and OFREP."""

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from app.access.service import Principal, allow, customer_signature
from app.edge.http import Scope, bearer_token
from app.offers.ready import Ready
from app.serving.sheet import Asked
from app.serving.snapshot import ServedExperiment, Snapshot
from assignment.decision import Assigned, NotAssigned, decide
from assignment.panel import unit_of, unit_rule

if TYPE_CHECKING:
    from app.bootstrap import Services

IGNORED_CUSTOMER = {
    "code": "customer_id_ignored",
    "detail": "a publishable key needs customer_signature to name a customer",
}
LONGEST_ID = 200


def authenticate(services: "Services", scope: Scope, operation: str) -> Principal:
    """Whose key it is, if its kind may do this.

    Raises:
        Unauthorized: no good key.
        Forbidden: a good key of the wrong kind.
    """
    principal = services.keys.authenticate(bearer_token(scope), services.clock.now_us())
    allow(principal, operation)
    return principal


def vouched_customer(
    principal: Principal, customer_id: str | None, signature: str | None, secret: str
) -> str | None:
    """The customer id if the sender may name it: a server may, a browser needs the shop's signature."""
    if customer_id is None or principal.kind != "pub":
        return customer_id
    expected = customer_signature(secret, customer_id)
    given = (signature or "").lower().encode()
    return customer_id if hmac.compare_digest(given, expected.encode()) else None


class Asking(NamedTuple):
    """One request's question, put to every experiment; a NamedTuple because each request makes one.

    Attributes:
        services: the process.
        snapshot: what is served; the same for the whole request.
        visitor: unit id for experiments on visitors: the canonical visitor of a known customer.
        customer: unit id for experiments on customers.
        attributes: what the audience is matched against.
        is_bot: the storefront recognised a crawler (`"bot": true` among the attributes).
        now_us: the moment of the request.
    """

    services: "Services"
    snapshot: Snapshot
    visitor: str | None
    customer: str | None
    attributes: dict[str, Any]
    is_bot: bool
    now_us: int

    @property
    def asked(self) -> Asked:
        """The person, as ready-made answers need it."""
        return Asked(self.visitor or None, self.customer or None, self.attributes, self.is_bot)

    @property
    def enrolled(self) -> Callable[[str, str], bool]:
        """Who was exposed before a freeze."""
        return self.services.snapshots.follower.enrolled.holds

    def unit_of(self, served: ServedExperiment) -> str | None:
        """The unit id the experiment randomises, or None when the request lacks it."""
        return unit_of(unit_rule(served.rules), self.visitor, self.customer)

    def decide(self, served: ServedExperiment, unit_id: str | None) -> Assigned | NotAssigned:
        """What the experiment's rules say about a unit at this moment."""
        rules = served.rules_at(self.now_us)
        enrolled = (
            self.services.snapshots.follower.enrolled.holds(served.key, unit_id)
            if rules.state == "frozen" and unit_id is not None
            else None
        )
        return decide(rules, unit_id, self.attributes, is_bot=self.is_bot, enrolled=enrolled)


def offers_of(asking: Asking) -> list[Ready]:
    """The offers of every experiment served, as the assignments door would answer; fallbacks too."""
    sheet = asking.snapshot.sheet(asking.now_us)
    return sheet.offers(sheet.decide(asking.asked, asking.enrolled))


def ask(
    services: "Services",
    visitor_id: str | None,
    customer_id: str | None,
    attributes: dict[str, Any] | None,
    *,
    is_bot: bool = False,
) -> Asking:
    """Prepare a question; never touches the database.

    Args:
        services: the process.
        visitor_id: the visitor, or None.
        customer_id: a customer the sender may name, or None.
        attributes: for the audience.
        is_bot: a crawler's browser asks; `"bot": true` among the attributes says so as well.
    """
    visitor = visitor_id
    if customer_id is not None:
        visitor = services.snapshots.follower.aliases.canonical(customer_id) or visitor_id
    values = {} if attributes is None else attributes
    return Asking(
        services,
        services.snapshots.current,
        visitor,
        customer_id,
        values,
        is_bot or values.get("bot") is True,
        services.clock.now_us(),
    )
