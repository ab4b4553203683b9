"""The till: asks the service what a cart costs, and uses a code as a shop does: validate, reserve, redeem."""

from datetime import datetime, timedelta
from typing import Any

from app.practice.door import Door, Stopped
from app.practice.visits import Order, Paid, Shopper

_SOMETIMES = 5  # every fifth order reserves its code first; every fifth of those leaves the till once


class HttpTill:
    """The till of one trial.

    Args:
        door: the service.
        key: of the trial's experiment.
        now: the present moment; a quote is judged by the service's own clock, so the date of an earlier order
            is told by the same distance from it.
    """

    def __init__(self, door: Door, key: str, now: datetime) -> None:
        self._door = door
        self._key = key
        self._now = now

    def pay(self, shopper: Shopper, order: Order) -> Paid:
        """Quote the order, and redeem its code where the quote says that it applies.

        Raises:
            Stopped: an offer of another experiment reached the cart, or the service refused a code that it
                had quoted.
        """
        quoted = self._door.call("POST", "/api/v1/quote", self._question(shopper, order))
        applied = self._ours(quoted["applied"])
        if applied is None:
            return self._before(shopper, order, quoted["blocked"])
        gifts = sum(gift["cost_minor"] or 0 for gift in applied["gifts"])
        paid = Paid(
            quoted["discount_minor"], quoted["shipping_discount_minor"], gifts, applied["code"], offered=True
        )
        if paid.code is not None:
            self._use(shopper, order, paid)
        return paid

    def _before(self, shopper: Shopper, order: Order, blocked: list[dict[str, Any]]) -> Paid:
        """What this order paid in a run that broke off after its code was used; else the full price."""
        if not any(one["code"] is not None and one["reason"] == "spent" for one in blocked):
            return Paid()
        body = {"code": order.code, "customer_id": shopper.customer_id, "order_id": order.order_id}
        answer = self._door.ask("POST", "/api/v1/codes/validate", body)
        if not answer.is_success or answer.json()["status"] != "redeemed":
            return Paid()
        offer = shopper.trial.offers[str(shopper.variant)] or {}
        gift = int(offer.get("cost_minor", 0))
        return Paid(answer.json()["discount_minor"], 0, gift, order.code, offered=True)

    def _question(self, shopper: Shopper, order: Order) -> dict[str, Any]:
        history: dict[str, Any] = {"orders_count": 0}
        if order.before is not None:
            items_minor, days = order.before
            at = (self._now - timedelta(days=days)).isoformat()
            history = {"orders_count": 1, "last_order_at": at, "last_order_minor": items_minor}
        codes = [] if order.code is None else [order.code]
        return {**shopper.request(**history), "cart": order.cart(shopper.trial.shelf), "codes": codes}

    def _ours(self, applied: list[dict[str, Any]]) -> dict[str, Any] | None:
        """What applies of this trial; what another experiment gives would spoil what was planted."""
        foreign = sorted({one["experiment"] for one in applied} - {self._key})
        if foreign:
            raise Stopped(
                f"the offers of {', '.join(foreign)} reach the invented shoppers too; "
                "use a service without experiments on all customers"
            )
        return applied[0] if applied else None

    def _use(self, shopper: Shopper, order: Order, paid: Paid) -> None:
        body = {"code": paid.code, "customer_id": shopper.customer_id, "order_id": order.order_id}
        if shopper.number % _SOMETIMES == 0:
            self._reserve(body, leaves=shopper.number % (_SOMETIMES * _SOMETIMES) == 0)
        given = {"discount_minor": paid.discount_minor, "occurred_at": order.at.isoformat()}
        self._door.call("POST", "/api/v1/codes/redeem", body | given)

    def _reserve(self, body: dict[str, Any], *, leaves: bool) -> None:
        """Validate and reserve; who leaves the till gives the use back and comes again.

        Where an earlier run has redeemed the code for this order there is nothing left to reserve.
        """
        if self._door.call("POST", "/api/v1/codes/validate", body)["status"] == "redeemed":
            return
        self._door.call("POST", "/api/v1/codes/reserve", body)
        if leaves:
            self._door.call("POST", "/api/v1/codes/rollback", body)
