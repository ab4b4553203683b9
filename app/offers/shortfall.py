"""What is missing to the nearest threshold, as numbers and as a sentence. Pure."""

from typing import Any, Final

from app.ledger.currencies import MINOR_DIGITS
from app.offers.quotes import Missing
from app.offers.ready import Ready

_SIGNS: Final = {"RUB": "₽", "EUR": "€", "USD": "$", "GBP": "£", "KZT": "₸", "UAH": "₴", "INR": "₹"}


def amount_text(amount_minor: int, currency: str) -> str:
    r"""A sum as people write it; no decimals where there are none.

    >>> amount_text(123450, "RUB"), amount_text(38000, "RUB"), amount_text(500, "JPY")
    ('1\xa0234.50\xa0₽', '380\xa0₽', '500\xa0JPY')
    """
    digits = MINOR_DIGITS[currency]
    whole, rest = divmod(amount_minor, 10**digits)
    text = f"{whole:,}".replace(",", "\u00a0") + (f".{rest:0{digits}d}" if rest else "")
    return f"{text}\u00a0{_SIGNS.get(currency, currency)}"


def missing(ready: Ready, minimum_minor: int, lacking_minor: int, currency: str) -> Missing:
    """The shortfall of one offer.

    Args:
        ready: the offer.
        minimum_minor: its threshold.
        lacking_minor: how much more the items must be.
        currency: of the cart.
    """
    english, russian = _goal(ready, currency)
    more = amount_text(lacking_minor, currency)
    return Missing(
        ready.experiment,
        ready.variant,
        ready.kind,
        minimum_minor,
        lacking_minor,
        {"en": f"{more} more for {english}", "ru": f"Ещё {more.replace('.', ',')} до {russian}"},
    )


def _goal(ready: Ready, currency: str) -> tuple[str, str]:
    offer: Any = ready.offer
    if ready.kind == "free_delivery":
        return "free delivery", "бесплатной доставки"
    if ready.kind == "gift":
        return "the gift", "подарка"
    if ready.kind == "spend_reward":
        reward = amount_text(offer.reward_minor, currency)
        return f"{reward} off your next order", f"скидки {reward} на следующий заказ"
    percent = getattr(offer, "percent", None)
    if percent is not None:
        return f"{percent:g} % off", f"скидки {percent:g} %".replace(".", ",")
    amount = getattr(offer, "amount_minor", None)
    if amount:
        text = amount_text(amount, currency)
        return f"{text} off", f"скидки {text}"
    return "the offer", "предложения"
