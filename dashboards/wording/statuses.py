"""Words for the states of an experiment."""

from dashboards.wording.language import Words, mark

_STATUSES = {
    "draft": mark("Draft"),
    "running": mark("Running"),
    "paused": mark("Paused"),
    "frozen": mark("Frozen"),
    "stopped": mark("Stopped"),
    "decided": mark("Decided"),
    "archived": mark("Archived"),
}
_LABELS = {"aa_test": mark("A/A test"), "simulated": mark("simulated")}


def status_name(words: Words, status: str) -> str:
    """An experiment's state; an unknown one shows itself."""
    return words.gettext(_STATUSES[status]) if status in _STATUSES else status


def notice_label(words: Words, code: str) -> str:
    """A notice as a short label for the list; empty where only the page tells it."""
    return words.gettext(_LABELS[code]) if code in _LABELS else ""
