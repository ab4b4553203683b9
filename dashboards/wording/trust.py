"""Words of the trust banner: what is wrong with the data, why it matters and what to do."""

from dataclasses import dataclass

from dashboards.wording.language import Words, mark
from stats.results import Check


@dataclass(frozen=True, slots=True)
class CheckWords:
    """One check in words.

    Attributes:
        title: what was found.
        cause: what usually causes it.
        remedy: what to do.
    """

    title: str
    cause: str
    remedy: str


_CHECKS = {
    "sample_ratio": CheckWords(
        mark("The variants did not get their planned shares of visitors"),
        mark(
            "One variant loses or gains visitors: a redirect, a crash, a bot filter or a late exposure event."
        ),
        mark(
            "Compare the counts below with the plan, find where visitors are lost, and start a new version."
        ),
    ),
    "crossover": CheckWords(
        mark("More visitors than chance explains saw two variants, and unequally"),
        mark("Log-ins or shared devices join two visitors into one, and one variant causes it more often."),
        mark(
            "Consider an experiment whose unit is the customer, "
            "or look at how each variant asks for a log-in."
        ),
    ),
    "merged": CheckWords(
        mark("In one variant more visitors turned out to be the same person than in the others"),
        mark("The offer, or the page it is on, makes people log in, and logging in joins their devices."),
        mark(
            "Compare log-ins per variant. The variants now hold different people: start a new version "
            "whose unit is the customer."
        ),
    ),
    "contradicting_links": CheckWords(
        mark("Some visitors are linked to two customers"),
        mark("A shared device, or a wrong id in the identify event. The first link counts."),
        mark("Check which id the shop sends at log-in."),
    ),
    "exposures_contradicting_hash": CheckWords(
        mark("Some visitors were shown another variant than the one assigned"),
        mark("A cache, a hard-coded variant or an old configuration in the storefront."),
        mark("Ask for the assignment on each page view and report the variant that was really shown."),
    ),
    "exposures_outside_running": CheckWords(
        mark("Exposures arrived before the start or after the end"),
        mark("The storefront shows the offer while the experiment is not running. They are not analysed."),
        mark("Show the offer only while the assignment says so."),
    ),
    "exposures_without_unit": CheckWords(
        mark("Some exposures do not say who was exposed"),
        mark(
            "The experiment's unit is the customer, and these exposures carry only a visitor, or the reverse."
        ),
        mark("Send the id the experiment is randomised by. Such exposures are not analysed."),
    ),
    "exposures_after_freeze": CheckWords(
        mark("New visitors were exposed after the experiment was frozen"),
        mark("The storefront still shows the offer to people outside the test. They are not analysed."),
        mark("Show the offer only while the assignment says so."),
    ),
    "exposures_forced": CheckWords(
        mark("Exposures of units that quality assurance pinned to a variant"),
        mark("Testers look at the offers. Their exposures are kept and never analysed."),
        mark("Nothing to do. Take the pins off when the testers are done."),
    ),
    "exposures_of_bots": CheckWords(
        mark("Exposures of crawlers"),
        mark("Search engines and other robots visit the shop. Their exposures are kept and never analysed."),
        mark("Nothing to do, unless they are a large share: then look at which addresses they come from."),
    ),
    "budget_cut": CheckWords(
        mark("The budget was reached, so no new visitors entered any variant from then on"),
        mark(
            "Codes given before that are honoured. All variants stopped at the same moment, so they compare."
        ),
        mark("Nothing to do. If too few visitors entered, plan the next version with a larger budget."),
    ),
    "selection_trap": CheckWords(
        mark("Most visitors had not ordered before they saw the offer"),
        mark(
            "Who then buys is chosen by the offer, so a repeat rate among buyers compares different people."
        ),
        mark("Decide by repeat buyers per visitor, or start the experiment at an order."),
    ),
    "policies_contradict": CheckWords(
        mark("The answer depends on how visitors are linked to customers"),
        mark("Read by first touch and by visitors as randomised, the verdicts differ."),
        mark("Look at log-ins per variant; consider an experiment whose unit is the customer."),
    ),
    "orders_without_exposure": CheckWords(
        mark("Orders came from visitors who were never exposed"),
        mark("Usually visitors outside the test; many of them can mean lost exposure events or other ids."),
        mark("Check that exposures and orders carry the same visitor or customer id."),
    ),
    "margin_unknown": CheckWords(
        mark("Some orders carry no goods margin"),
        mark("Without a margin there is no profit, only revenue."),
        mark("Send the margin with each order, or give a margin share in the experiment's economics."),
    ),
    "currency_without_rate": CheckWords(
        mark("Some orders are in a currency without an exchange rate"),
        mark("They count as orders, but their money is unknown."),
        mark("Add the rate to the experiment's economics."),
    ),
    "delivery_cost_missing": CheckWords(
        mark("Some orders carry no delivery cost"),
        mark("An offer that pays the delivery cannot show a profit without that cost."),
        mark("Send the shipping cost with each order."),
    ),
    "lines_missing": CheckWords(
        mark("Some orders came without their lines"),
        mark("Which products they hold is unknown, so orders with a product cannot be counted."),
        mark("Send the lines with each order, with the product and the quantity."),
    ),
    "value_missing": CheckWords(
        mark("Some events whose values are summed came without a value"),
        mark("The storefront or the server sends the event and leaves its value out."),
        mark("Send the value with each of these events, or count the events in place of summing them."),
    ),
    "value_untrusted": CheckWords(
        mark("Values that a browser sent were not summed"),
        mark("Anybody can send any value from a browser. The events are counted, their values are not."),
        mark("Send these events from the shop's server."),
    ),
    "leakage": CheckWords(
        mark("Many codes were used by somebody else’s visitors"),
        mark(
            "Codes of one variant were redeemed by visitors of another, or by people never assigned. "
            "Control then has the offer too, and the effect as randomised is diluted."
        ),
        mark("Bind codes to their owner, shorten their life, and look at where they were posted."),
    ),
    "codes_unconfirmed": CheckWords(
        mark("Orders name codes that nobody redeemed through the service"),
        mark(
            "The shop gave the discount without asking: uses, budgets and limits of these codes are not kept."
        ),
        mark("Let the checkout call redeem with the order's id. Until then read who used codes with care."),
    ),
    "codes_unconfirmed_unevenly": CheckWords(
        mark("In one variant more codes were only named by orders, and not redeemed, than in the others"),
        mark("The variants use different checkouts, or one of them fails to redeem."),
        mark(
            "Compare how each variant's checkout redeems codes; redemptions of the variants do not compare."
        ),
    ),
    "self_referrals": CheckWords(
        mark("Some visitors invited themselves under another id"),
        mark("Both ids turned out to be one person. Such referrals bring nobody and do not count."),
        mark("Give the reward only after the invited person's first paid order."),
    ),
    "contradicting_referrals": CheckWords(
        mark("Some visitors were invited by several others, or by somebody they had invited"),
        mark("The earliest referral counts; the others join nobody."),
        mark("Check that the shop sends a referral once, when the invited person first arrives."),
    ),
    "suspected_units": CheckWords(
        mark("Many visitors seem to be one person under several ids"),
        mark("Inviter and invited pay with one card or order from one device, or one card used many codes."),
        mark(
            "Read the effect with and without them below. Give rewards after the first paid order, and bind "
            "codes to their owner."
        ),
    ),
    "suspected_units_unevenly": CheckWords(
        mark("In one variant more visitors seem to be one person under several ids than in the others"),
        mark("Its offer is worth cheating for. What it gains may be the same people once more."),
        mark("Read the effect without them below, and look at how that variant gives its reward."),
    ),
    "late_events": CheckWords(
        mark("Events arrived after their day was closed"),
        mark("A queue or an import delivers late. They count from the next reading on."),
        mark("Deliver events within six hours after midnight, or close days later."),
    ),
    "no_recent_data": CheckWords(
        mark("No new data has arrived lately"),
        mark("The storefront or the webhook may have stopped sending."),
        mark("Check the connection; readings continue when events do."),
    ),
}


def check_words(words: Words, check: Check) -> CheckWords:
    """A check's finding, cause and remedy; an unknown key shows itself and its detail."""
    found = _CHECKS.get(check.key)
    if found is None:
        return CheckWords(words.gettext("Data check: %(code)s", code=check.key), check.detail, "")
    return CheckWords(*(words.gettext(text) for text in (found.title, found.cause, found.remedy)))
