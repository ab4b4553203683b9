"""An offer in one line: what the shopper gets, from which basket, and how its code behaves."""

from dashboards.formats import iso_digits
from dashboards.meta import OfferSummary
from dashboards.wording.language import Words, mark

_KINDS = {
    "percent_off": mark("discount"),
    "amount_off": mark("discount"),
    "free_delivery": mark("free delivery"),
    "gift": mark("gift"),
    "bundle": mark("bundle"),
    "next_order_discount": mark("discount on the next order"),
    "spend_reward": mark("reward for the next order"),
    "points": mark("points"),
    "cashback": mark("cashback"),
    "stamp_card": mark("stamp card"),
    "cumulative_discount": mark("growing discount"),
    "referral": mark("reward for inviting a friend"),
    "partner_voucher": mark("partner's voucher"),
    "content": mark("free content"),
    "reminder": mark("reminder"),
    "pre_order": mark("pre-order"),
    "member_only": mark("members' offer"),
    "custom": mark("own offer"),
}


def offer_line(words: Words, offer: OfferSummary | None) -> str:
    """The offer in one line; `No offer` for None."""
    if offer is None:
        return words.gettext("No offer")
    parts = [
        _benefit(words, offer),
        _threshold(words, offer),
        _limit(words, offer),
        *_conditions(words, offer),
        _code(words, offer),
        "" if offer.kind == "gift" else offer.note,
    ]
    line = ", ".join(part for part in parts if part)
    return line[:1].upper() + line[1:]


def _benefit(words: Words, offer: OfferSummary) -> str:
    kind = words.gettext(_KINDS[offer.kind]) if offer.kind in _KINDS else offer.kind.replace("_", " ")
    if offer.percent is not None:
        size = words.formats.share(offer.percent / 100, 0 if float(offer.percent).is_integer() else 1)
        return words.gettext("%(size)s %(kind)s", kind=kind, size=size)
    if offer.amount_minor is not None:
        return words.gettext(
            "%(size)s %(kind)s", kind=kind, size=_money(words, offer.amount_minor, offer.currency)
        )
    return f"{kind}: {offer.note}" if offer.kind == "gift" and offer.note else kind


def _conditions(words: Words, offer: OfferSummary) -> list[str]:
    """What a single kind asks or promises beside its size and its code."""
    said = []
    if offer.pack_size is not None:
        size = words.formats.number(offer.pack_size)
        said.append(words.gettext("packs of %(size)s or more in the order", size=size))
    if offer.within_days is not None:
        said.append(words.ngettext("within %(count)s day", "within %(count)s days", offer.within_days))
    if offer.delay_hours is not None:
        hours = words.formats.number(offer.delay_hours, 0 if float(offer.delay_hours).is_integer() else 1)
        said.append(words.gettext("after %(hours)s h", hours=hours))
    return [*said, *_rewards(words, offer)]


def _rewards(words: Words, offer: OfferSummary) -> list[str]:
    said = []
    for amount, text in (
        (offer.referrer_minor, mark("%(amount)s for the one who invites")),
        (offer.most_minor, mark("growing to %(amount)s")),
        (offer.invited_minor, mark("%(amount)s for the friend")),
    ):
        if amount:
            said.append(words.gettext(text) % {"amount": _money(words, amount, offer.currency)})
    return said


def _threshold(words: Words, offer: OfferSummary) -> str:
    if not offer.min_order_minor:
        return ""
    return words.gettext(
        "orders from %(amount)s", amount=_money(words, offer.min_order_minor, offer.currency)
    )


def _limit(words: Words, offer: OfferSummary) -> str:
    if offer.max_discount_minor is None:
        return ""
    return words.gettext(
        "at most %(amount)s off", amount=_money(words, offer.max_discount_minor, offer.currency)
    )


def _code(words: Words, offer: OfferSummary) -> str:
    if offer.code_issue == "none":
        return ""
    parts = [
        words.gettext("personal code") if offer.code_issue == "per_visitor" else words.gettext("shared code")
    ]
    parts.append(_uses(words, offer.uses_per_customer))
    if offer.valid_days is not None:
        parts.append(words.ngettext("valid for %(count)s day", "valid for %(count)s days", offer.valid_days))
    return ", ".join(parts)


def _uses(words: Words, uses: int | None) -> str:
    if uses is None:
        return words.gettext("reusable")
    if uses == 1:
        return words.gettext("single use")
    return words.ngettext("%(count)s use", "%(count)s uses", uses)


def _money(words: Words, minor: int, currency: str | None) -> str:
    if currency is None:
        return words.formats.number(minor)
    whole = minor % 10 ** iso_digits(currency) == 0
    return words.formats.money(minor, currency, 0 if whole else None)
