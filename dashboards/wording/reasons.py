"""The sentence of each reason code and what each state asks the shop to do.

A reason's lead stands before the action (“lead: action.”), so it has no full stop of its own. `%(effect)s` is
the clause with the difference and its interval; `bare` is said when there is no such number.
"""

from dataclasses import dataclass

from dashboards.wording.language import mark


@dataclass(frozen=True, slots=True)
class ReasonWords:
    """What one reason code says.

    Attributes:
        lead: as the first reason, before the action, with the effect.
        bare: the same without an effect.
        more: as a further reason, a whole sentence; empty: `bare` with a full stop.
    """

    lead: str
    bare: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class StateWords:
    """What one verdict state says.

    Attributes:
        chip: two or three words.
        symbol: a sign that tells states apart without colour.
        action: the imperative that ends the first sentence.
        next_step: what to do now, a paragraph.
    """

    chip: str
    symbol: str
    action: str
    next_step: str


STATES = {
    "collecting": StateWords(
        mark("Collecting"),
        "◔",
        mark("keep collecting"),
        mark("Leave the experiment running. Looking at this page every day does not spoil the result."),
    ),
    "roll_out": StateWords(
        mark("Roll out"),
        "▲",
        mark("roll it out"),
        mark("Record the decision and serve this offer to everyone; a small hold-back can keep measuring."),
    ),
    "keep_control": StateWords(
        mark("Keep control"),
        "■",
        mark("keep “%(control)s”"),
        mark(
            "Stop the experiment and keep the present offer. Write down what was learnt before the next idea."
        ),
    ),
    "no_difference": StateWords(
        mark("No difference"),
        "=",
        mark("choose the cheaper one"),
        mark("Either offer may stay. Choose the one that is simpler to run, and test a bolder change next."),
    ),
    "do_not_trust": StateWords(
        mark("Do not trust this"),
        "✕",
        mark("do not decide on these numbers"),
        mark("Find and mend the cause named below, then start a new version. No winner is named until then."),
    ),
}

# `no_difference` where profit is shown to fall: the offers sell alike, and one of them costs more.
DEARER = StateWords(
    mark("No difference"),
    "=",
    mark("keep “%(control)s”, which earns more"),
    mark("Stop the experiment and keep the present offer: it sells as much and earns more."),
)

# `collecting` of an experiment that collects no more.
ENDED = StateWords(
    mark("No answer"),
    "◔",
    mark("no decision follows from this"),
    mark("The experiment has ended before an answer was reached. Treat the difference as unknown."),
)

REASONS = {
    "no_look_yet": ReasonWords(
        mark("No reading has been taken yet"),
        mark("No reading has been taken yet"),
    ),
    "below_minimum": ReasonWords(
        mark("There are still too few buyers for a first reading"),
        mark("There are still too few buyers for a first reading"),
    ),
    "in_progress": ReasonWords(
        mark("So far %(effect)s; nothing is proven yet"),
        mark("Nothing is proven yet"),
        mark("Other comparisons are still open."),
    ),
    "plan_reached": ReasonWords(
        mark("The planned size is reached: %(effect)s, which is not proof"),
        mark("The planned size is reached and nothing is proven"),
        mark("The planned size is reached."),
    ),
    "crossed": ReasonWords(
        mark("%(effect)s"),
        mark("“%(variant)s” is proven better on %(metric)s"),
        mark("The difference in %(metric)s is proven."),
    ),
    "harm": ReasonWords(
        mark("%(effect)s; this harm is proven"),
        mark("“%(variant)s” is proven worse on %(metric)s"),
        mark("Harm is proven on %(metric)s."),
    ),
    "not_proven": ReasonWords(
        mark("Time is up and no gain is proven: %(effect)s"),
        mark("Time is up and no gain is proven"),
        mark("No gain is proven on %(metric)s."),
    ),
    "inside_margin": ReasonWords(
        mark("The offers do equally well for all that matters: %(effect)s"),
        mark("The offers do equally well for all that matters"),
        mark("The difference in %(metric)s is too small to matter."),
    ),
    "alike_but_dearer": ReasonWords(
        mark("The offers sell alike for all that matters: %(effect)s"),
        mark("The offers sell alike for all that matters"),
        mark("The difference in %(metric)s is too small to matter."),
    ),
    "profit_falls": ReasonWords(
        mark("Sales alone do not decide: %(effect)s, but profit falls"),
        mark("Profit per visitor is shown to fall"),
        mark("Profit per visitor is shown to fall, so the gain in sales does not pay."),
    ),
    "profit_unknown": ReasonWords(
        mark("The profit is unknown: %(effect)s, but nobody can say whether it pays"),
        mark("The profit is unknown"),
        mark("The profit is unknown, so nobody can say whether the gain pays."),
    ),
    "guardrail_not_passed": ReasonWords(
        mark("The guardrail “%(metric)s” has not shown itself safe yet"),
        mark("The guardrail “%(metric)s” has not shown itself safe yet"),
    ),
    "guardrail_harmed": ReasonWords(
        mark("The guardrail is broken: %(effect)s"),
        mark("The guardrail “%(metric)s” is broken"),
    ),
    "gain_blocked": ReasonWords(
        mark("Time is up, and a proven gain may not be rolled out: %(effect)s"),
        mark("Time is up, and a proven gain may not be rolled out"),
        mark("The gain in %(metric)s is proven and does not outweigh that."),
    ),
    "effect_fades": ReasonWords(
        mark("The effect fades: visitors of the first week gained more than later ones"),
        mark("The effect fades: visitors of the first week gained more than later ones"),
    ),
    "capped_uncapped_disagree": ReasonWords(
        mark("A few very large orders turn the sign of the difference"),
        mark("A few very large orders turn the sign of the difference"),
    ),
    "sample_ratio": ReasonWords(
        mark("The variants did not get their planned shares of visitors (p %(pvalue)s)"),
        mark("The variants did not get their planned shares of visitors"),
    ),
    "untrusted": ReasonWords(
        mark("A check of the data has failed"),
        mark("A check of the data has failed"),
    ),
    "crossover": ReasonWords(
        mark("Too many visitors saw two variants, more from one variant than from the other"),
        mark("Too many visitors saw two variants, more from one variant than from the other"),
    ),
    "merged": ReasonWords(
        mark("In one variant more visitors turned out to be the same person than in the others"),
        mark("In one variant more visitors turned out to be the same person than in the others"),
    ),
    "restated": ReasonWords(
        mark("Later cancellations and refunds have taken back a result that had been proven"),
        mark("Later cancellations and refunds have taken back a result that had been proven"),
    ),
    "policies_contradict": ReasonWords(
        mark("The answer depends on how visitors are linked to customers"),
        mark("The answer depends on how visitors are linked to customers"),
    ),
}
