"""What the exports of people hold: who invited whom, and who seems to be one person under several ids."""

from typing import Final

import pyarrow as pa

from app.exports.pseudonyms import pseudonyms
from app.exports.rows import MOMENT
from app.identity.referrals import Clusters
from app.results.referred import PAIRS, Invitations
from app.results.suspects import Suspects

_BY_ID: Final = [("occurred_us", "ascending"), ("event_id", "ascending")]


def referral_table(invited: Invitations | None, key: bytes) -> pa.Table:
    """Referrals, where an offer of the experiment is one.

    Args:
        invited: `Inputs.invited`.
        key: secret behind the names of people.

    Returns:
        event_id, occurred_at, referrer_id and invited_id (people, before they were put into clusters),
        unit_id (the cluster of who was invited), standing (`counted`, or why it is not).
    """
    pairs = PAIRS.empty_table() if invited is None else invited.pairs.sort_by(_BY_ID)
    found = Clusters() if invited is None else invited.clusters
    heads = [found.root_of.get(unit, unit) for unit in pairs["invited"].to_pylist()]
    return pa.table(
        {
            "event_id": pairs["event_id"],
            "occurred_at": pairs["occurred_us"].cast(MOMENT),
            "referrer_id": pseudonyms(pairs["referrer"], key),
            "invited_id": pseudonyms(pairs["invited"], key),
            "unit_id": pseudonyms(pa.chunked_array([pa.array(heads, pa.int64())]), key),
            "standing": pa.array([found.standing[one] for one in pairs["event_id"].to_pylist()], pa.string()),
        }
    )


def suspect_table(suspects: Suspects | None, exposures: pa.Table, key: bytes) -> pa.Table:
    """Exposed units that seem to be one person under several ids: unit_id, reason.

    Args:
        suspects: `Inputs.suspects`.
        exposures: analysed ones.
        key: secret behind the names of units.
    """
    found = (suspects or Suspects()).table(exposures)
    named = pa.table({"unit_id": pseudonyms(found["unit"], key), "reason": found["reason"]})
    return named.sort_by("unit_id")
