"""Sentences about codes, profit and moved orders."""

from dashboards.wording.language import Words, mark

COMPONENTS = {
    "margin": mark("Goods margin"),
    "discount": mark("Discounts"),
    "gift": mark("Gifts"),
    "delivery": mark("Delivery"),
    "messages": mark("Messages"),
    "exposure": mark("Showing the offer"),
    "points": mark("Points owed"),
    "refunded": mark("Refunds"),
    "profit": mark("Profit"),
}
DIAGNOSES = {
    "adds": mark("adds orders that are still there at the end"),
    "takes_away": mark("takes orders away"),
    "pulls_forward": mark("moves orders forward: the early gain is gone by the end"),
    "unclear": mark("cannot be told yet from the band"),
}
_WHY = {
    "no_redemptions": mark("no order named a code or an offer of this experiment"),
    "no_takers": mark("the same share of both variants took the offer"),
    "control_has_offer": mark("control has an offer too; this needs a control without one"),
    "leakage": mark("too many codes were used by somebody else’s visitors"),
}


def component_name(words: Words, component: str) -> str:
    """A component of profit."""
    return words.gettext(COMPONENTS[component])


def diagnosis_text(words: Words, diagnosis: str) -> str:
    """What a curve of moved orders says, as the end of “this variant …”."""
    return words.gettext(DIAGNOSES[diagnosis])


def why_not(words: Words, code: str) -> str:
    """Why a part about the offers has no number; other codes as everywhere on the page."""
    from dashboards.wording.missing import why_no_number

    return words.gettext(_WHY[code]) if code in _WHY else why_no_number(words, code)
