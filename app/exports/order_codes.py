"""The codes that orders name, as the JSON lists of the export of orders."""

import json
from collections import defaultdict
from typing import Any

from app.codes.service import NamedCode, Vault, named_codes
from app.database import Database
from app.errors import Unavailable
from app.ledger.queries import Cut


def code_lists(database: Database, vault: Vault, cut: Cut) -> dict[str, str]:
    """Order → the codes it names: of ours with experiment, variant and status, of others with their text.

    Args:
        database: where the ledger is.
        vault: opens texts that are no codes of ours; a text of ours is never shown.
        cut: which events there are.
    """
    lists: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for named in named_codes(database, cut):
        lists[named.order_id].append(_shown(named, vault))
    return {
        order_id: json.dumps(sorted(codes, key=_in_order), ensure_ascii=False)
        for order_id, codes in lists.items()
    }


def _shown(named: NamedCode, vault: Vault) -> dict[str, Any]:
    if named.standing == "foreign":
        return {"code": _opened(named, vault), "status": named.standing}
    return {"experiment": named.experiment, "variant": named.variant, "status": named.standing}


def _opened(named: NamedCode, vault: Vault) -> str | None:
    """The text; None once its person is erased, or when it was sealed under another secret."""
    if named.ciphertext is None:
        return None
    try:
        return vault.open_text(named.digest, named.ciphertext)
    except Unavailable:
        return None


def _in_order(shown: dict[str, Any]) -> str:
    return json.dumps(shown, sort_keys=True)
