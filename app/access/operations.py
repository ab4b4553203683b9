"""The matrix: which kinds of key may do which operation. Every operationId of the service stands here."""

from typing import Final, Literal

Kind = Literal["pub", "srv", "ro", "mgr", "adm"]

KINDS: Final[tuple[Kind, ...]] = ("pub", "srv", "ro", "mgr", "adm")

_STOREFRONT: Final[frozenset[Kind]] = frozenset({"pub", "srv", "adm"})
_BROWSER: Final[frozenset[Kind]] = frozenset({"pub"})
_SHOP: Final[frozenset[Kind]] = frozenset({"srv", "adm"})
_READERS: Final[frozenset[Kind]] = frozenset({"ro", "mgr", "adm"})
_MANAGERS: Final[frozenset[Kind]] = frozenset({"mgr", "adm"})
_ADMINS: Final[frozenset[Kind]] = frozenset({"adm"})

OPERATIONS: Final[dict[str, frozenset[Kind]]] = {
    # what the storefront asks and tells
    "assign": _STOREFRONT,
    "get_configuration": _SHOP,  # seeds and every variant: not for browsers
    "ofrep_evaluate_flag": _STOREFRONT,
    "ofrep_evaluate_flags": _STOREFRONT,
    "segment_events": _STOREFRONT,  # pub: exposure and custom only, message by message
    "segment_events_track": _STOREFRONT,
    "segment_events_t": _STOREFRONT,
    "segment_events_identify": _STOREFRONT,
    "segment_events_i": _STOREFRONT,
    "segment_events_page": _STOREFRONT,
    "segment_events_p": _STOREFRONT,
    "segment_events_screen": _STOREFRONT,
    "segment_events_s": _STOREFRONT,
    "segment_events_group": _STOREFRONT,
    "segment_events_g": _STOREFRONT,
    "segment_events_alias": _STOREFRONT,
    "segment_events_a": _STOREFRONT,
    "ofrep_events": _BROWSER,
    "growthbook_features": _BROWSER,  # its key stands in a URL
    "growthbook_subscribe": _BROWSER,
    "growthbook_evaluate": _BROWSER,
    "growthbook_track": _BROWSER,
    "quote": _SHOP,
    "list_due_reminders": _SHOP,
    "post_events": _STOREFRONT,  # pub: exposure and custom only, item by item
    # codes
    "claim_code": _SHOP,
    "validate_code": _SHOP,
    "reserve_code": _SHOP,
    "redeem_code": _SHOP,
    "rollback_code": _SHOP,
    "import_codes": _MANAGERS,
    "fill_code_pool": _MANAGERS,
    "export_codes": _MANAGERS,  # the only door that shows texts of codes nobody has claimed
    "list_codes": _READERS,
    # experiments
    "create_experiment": _MANAGERS,
    "list_experiments": _READERS,
    "get_experiment": _READERS,
    "change_experiment": _MANAGERS,
    "start_experiment": _MANAGERS,
    "pause_experiment": _MANAGERS,
    "resume_experiment": _MANAGERS,
    "ramp_experiment": _MANAGERS,
    "freeze_experiment": _MANAGERS,
    "stop_experiment": _MANAGERS,
    "decide_experiment": _MANAGERS,
    "archive_experiment": _MANAGERS,
    "get_conflicts": _READERS,
    "put_layer": _MANAGERS,
    "list_layers": _READERS,
    "put_holdout": _MANAGERS,
    "list_holdouts": _READERS,
    "put_segment": _MANAGERS,
    "list_segments": _READERS,
    "put_forced": _MANAGERS,
    "get_forced": _READERS,
    # results
    "close_looks": _MANAGERS,
    "get_results": _READERS,
    "export_data": _READERS,
    # keys, audit, erasure
    "create_key": _ADMINS,
    "list_keys": _ADMINS,
    "revoke_key": _ADMINS,
    "get_identity_secret": _ADMINS,
    "list_audit": _ADMINS,
    "verify_audit": _ADMINS,
    "erase_visitor": _ADMINS,
    # webhooks
    "put_source": _ADMINS,
    "list_sources": _ADMINS,
}


def kinds_of(operation: str) -> list[Kind]:
    """The kinds an operation admits, in the order of `KINDS`; for `x-key-kinds`.

    >>> kinds_of("assign")
    ['pub', 'srv', 'adm']
    """
    return [kind for kind in KINDS if kind in OPERATIONS[operation]]
