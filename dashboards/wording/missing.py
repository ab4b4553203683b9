"""Why there is no number, and what a page should say about an experiment before its numbers."""

from dashboards.wording.language import Words, mark

_WHY = {
    "no_look_yet": mark("no reading yet"),
    "below_minimum": mark("too few buyers for a first reading"),
    "no_mature_units": mark("no visitor's window has closed yet"),
    "no_units": mark("no visitors yet"),
    "no_orders": mark("no orders yet"),
    "no_redemptions": mark("nobody has used a code yet"),
    "lines_missing": mark("an order came without its lines"),
    "value_missing": mark("an event came without its value"),
    "no_variation": mark("all values are equal, so nothing can be estimated"),
    "zero_variance": mark("all values are equal, so nothing can be estimated"),
    "no_variance": mark("all values are equal, so nothing can be estimated"),
    "unusable": mark("some values cannot be used"),
    "zero_control_mean": mark("control's mean is zero, so there is no relative change"),
    "control_near_zero": mark("control's mean is too close to zero for a relative change"),
    "too_few_at_risk": mark("too few buyers followed for long enough"),
    "margin_unknown": mark("the goods margin is unknown"),
    "profit_unknown": mark("the goods margin is unknown"),
    "currency_without_rate": mark("an order is in a currency without an exchange rate"),
    "delivery_cost_missing": mark("the delivery cost is unknown"),
    "no_economics": mark("the experiment names no currency"),
    "no_new_information": mark("no new information since the last reading"),
}

_NOTICES = {
    "aa_test": mark(
        "This is an A/A test on real orders: no offer was shown and both variants are the same. "
        "It shows what the service says when there is nothing to find."
    ),
    "simulated": mark(
        "Simulated shoppers: these visitors and orders were made by a program, to show the service at work."
    ),
    "false_winner_explained": mark(
        "This A/A test shows a false winner. Both variants are the same, so the difference is chance: "
        "about one A/A test in twenty does this, which is exactly the error rate that was agreed on."
    ),
    "restored": mark(
        "The looks were restored from a backup; their numbers are those of the day they were taken."
    ),
    "imported": mark("The data were imported; the experiment did not run live on this service."),
    "paused": mark("The experiment is paused: new visitors are not enrolled."),
}


def why_no_number(words: Words, code: str) -> str:
    """The reason there is no number, as the end of “no number: …”; an unknown code shows itself.

    >>> from dashboards.wording.language import words_for
    >>> why_no_number(words_for("en"), "below_minimum"), why_no_number(words_for("en"), "moon_phase")
    ('too few buyers for a first reading', 'moon_phase')
    """
    return words.gettext(_WHY[code]) if code in _WHY else code


def is_known_gap(code: str) -> bool:
    """Whether `why_no_number` has words for a code."""
    return code in _WHY


def notice_text(words: Words, code: str) -> str:
    """A notice above the numbers; an unknown code shows itself."""
    return words.gettext(_NOTICES[code]) if code in _NOTICES else code
