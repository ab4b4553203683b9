"""A planted bug: the ledger stores orders without their discounts.

`application_factory` is started in place of the real one; everything else of the service is as it is.
"""

from typing import Any

from app.ledger import contents, intake
from app.main import application_factory as sound_factory


def _without_discount(event: Any, occurred_at_us: int) -> dict[str, Any]:
    content = contents.content_of(event, occurred_at_us)
    return content | ({"discount_minor": 0} if "discount_minor" in content else {})


def application_factory() -> Any:
    """The service that forgets what it gave away."""
    vars(intake)["content_of"] = _without_discount
    return sound_factory()
