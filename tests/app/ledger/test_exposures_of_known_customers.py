"""An exposure is judged by the unit that was assigned, not only by the visitor at hand.

Oracle: the variant that the assignments door itself gave.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.access.service import customer_signature, identity_secret
from app.clock import isoformat
from app.ledger.rows import CONTRADICTS_HASH
from tests.support.inprocess import NOW_US, InProcess, in_process
from tests.support.ledger import query

KEY = "promo-code-reuse"
SECOND_US = 1_000_000


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(sqlite_url, tmp_path) as running:
        running.running()
        yield running


def _assigned(service: InProcess, kind: str = "srv", **who: Any) -> dict[str, Any]:
    found = service.assign(kind, experiments=[KEY], **who).json()["assignments"][0]
    return dict(found)


def _visitors_of_both_variants(service: InProcess) -> tuple[str, str]:
    of_variant: dict[str, str] = {}
    for number in range(40):
        visitor_id = f"v-{number}"
        of_variant.setdefault(_assigned(service, visitor_id=visitor_id)["variant"], visitor_id)
    return of_variant["single-use"], of_variant["reusable"]


def _post(service: InProcess, kind: str, *events: dict[str, Any]) -> dict[str, Any]:
    common = {"occurred_at": isoformat(NOW_US - SECOND_US)}
    sent = [common | event for event in events]
    return dict(service.call("POST", "/api/v1/events", {"events": sent}, kind).json())


@pytest.mark.parametrize("kind", ["pub", "srv"])
def test_a_customer_on_a_second_device_is_shown_the_variant_of_the_first_and_may_say_so(
    service: InProcess, kind: str
) -> None:
    first, second = _visitors_of_both_variants(service)
    links = [
        {"event_id": f"link-{visitor}", "type": "identify", "visitor_id": visitor, "customer_id": "anna"}
        | {"occurred_at": isoformat(NOW_US - seconds * SECOND_US)}
        for visitor, seconds in ((first, 20), (second, 10))
    ]
    assert _post(service, "srv", *links)["accepted"] == 2
    service.services.snapshots.poll()
    secret = identity_secret(service.services.settings)
    anna = {"visitor_id": second, "customer_id": "anna"}
    anna |= {"customer_signature": customer_signature(secret, "anna")}
    shown = _assigned(service, kind, **anna)
    assert (shown["unit_id"], shown["variant"]) == (first, "single-use")
    exposure = {"event_id": "x", "type": "exposure", "experiment": KEY, "variant": "single-use"}
    assert _post(service, kind, exposure | anna) == {"accepted": 1, "duplicates": 0, "rejected": []}
    stored = query(service.services.database, "SELECT flags FROM events WHERE type = 'exposure'")
    assert [flags & CONTRADICTS_HASH for (flags,) in stored] == [0]


def test_without_a_link_the_other_variant_still_contradicts(service: InProcess) -> None:
    _, second = _visitors_of_both_variants(service)
    exposure = {"event_id": "x", "type": "exposure", "experiment": KEY, "variant": "single-use"}
    found = _post(service, "pub", exposure | {"visitor_id": second})
    assert [one["code"] for one in found["rejected"]] == ["contradicts_assignment"]


def test_a_signature_in_capitals_is_the_same_signature_at_both_doors(service: InProcess) -> None:
    signature = customer_signature(identity_secret(service.services.settings), "anna").upper()
    anna = {"visitor_id": "v-1", "customer_id": "anna", "customer_signature": signature}
    assert "warnings" not in service.assign("pub", **anna).json()
    sent = {"event_id": "c", "type": "custom", "name": "n"} | anna
    assert "warnings" not in _post(service, "pub", sent)
