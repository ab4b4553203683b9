"""OpenFeature tells nobody what was shown or bought; these two do, through a client of ours.

Needs the `openfeature-sdk` package in the shop; without it this module can be imported and not used.
"""

from typing import TYPE_CHECKING, Any

from app.clients.tracking import EXPOSURE, Tracking

if TYPE_CHECKING:
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.hook import Hook
    from openfeature.provider import FeatureProvider
    from openfeature.track import TrackingEventDetails
else:
    try:
        from openfeature.hook import Hook
    except ImportError:  # the service itself does without
        Hook = object

_MEASURED = "SPLIT"  # nothing is measured of a variant that was decided on or forced


class Exposures(Hook):
    """Reports each evaluation that gave a variant; add it where the offer is then really shown.

    Args:
        client: a `Client` or `AsyncClient`.
    """

    def __init__(self, client: Tracking) -> None:
        self._client = client

    def after(self, hook_context: Any, details: Any, hints: Any) -> None:  # noqa: ARG002 - OpenFeature's words
        """Called by OpenFeature after each evaluation."""
        reason = (details.flag_metadata or {}).get("assignmentReason", details.reason)
        if details.variant is None or reason != _MEASURED:
            return
        shown = {"experiment_id": hook_context.flag_key, "variation_id": details.variant}
        self._client.track_message(EXPOSURE, shown, **_who(hook_context.evaluation_context))


def tracking(provider: "FeatureProvider", client: Tracking) -> "FeatureProvider":
    """The provider, whose `track` now reports: OpenFeature's `client.track` reaches the ledger.

    Args:
        provider: any provider; changed in place.
        client: a `Client` or `AsyncClient`.
    """

    def track(
        name: str,
        evaluation_context: "EvaluationContext | None" = None,
        tracking_event_details: "TrackingEventDetails | None" = None,
    ) -> None:
        said = tracking_event_details
        value = {} if said is None or said.value is None else {"value": said.value}
        properties = value if said is None else {**value, **said.attributes}
        client.track_message(name, properties, **_who(evaluation_context))

    provider.track = track  # type: ignore[method-assign, assignment]  # OpenFeature offers no other place
    return provider


def _who(context: "EvaluationContext | None") -> dict[str, str | None]:
    if context is None:
        return {}
    customer = context.attributes.get("customer_id")
    return {"anonymousId": context.targeting_key, "userId": customer if isinstance(customer, str) else None}
