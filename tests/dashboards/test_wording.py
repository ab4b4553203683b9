"""The catalogues are whole; the verdict says the money and its uncertainty in both languages."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from dashboards.meta import OfferSummary
from dashboards.wording import LOCALES, best_locale, verdict_sentence, verdict_words, words_for
from dashboards.wording import catalogue as catalogues
from dashboards.wording.language import FOLDER
from dashboards.wording.metrics import metric_explanation, metric_title
from dashboards.wording.missing import notice_text, why_no_number
from dashboards.wording.offers import offer_line
from dashboards.wording.reasons import REASONS, STATES
from dashboards.wording.trust import check_words
from stats.metrics import CATALOGUE
from stats.results import Check, Reason, Verdict, VerdictState
from tests.support.example_offers import TREATMENT
from tests.support.example_results import (
    aa_result,
    not_trusted_result,
    roll_out_result,
    threshold_meta,
)

NAMES = threshold_meta().names


def test_the_template_catalogue_holds_every_message_of_the_code() -> None:
    assert catalogues.text(catalogues.gather()) == (FOLDER / "messages.pot").read_bytes()


@pytest.mark.parametrize("locale", LOCALES)
def test_each_language_has_every_message_and_is_compiled(locale: str) -> None:
    catalogue = catalogues.read(locale)
    assert {m.id for m in catalogue} == {m.id for m in catalogues.gather()}
    assert catalogues.compiled(catalogue) == catalogues.path_of(locale, "mo").read_bytes()


def test_every_russian_message_is_translated_with_the_same_places() -> None:
    for message in catalogues.read("ru"):
        if not message.id:
            continue
        forms = [message.string] if isinstance(message.string, str) else list(message.string or ("",))
        assert all(forms), message.id
        assert not message.fuzzy
        assert not list(message.check(catalogues.read("ru"))), message.id


def test_russian_has_three_plural_forms() -> None:
    words = words_for("ru")
    said = [words.ngettext("%(count)s visitor", "%(count)s visitors", n) for n in (1, 21, 3, 11, 1205)]
    assert said == [
        "1 посетитель",
        "21 посетитель",
        "3 посетителя",
        "11 посетителей",
        "1\u00a0205 посетителей",
    ]


def test_the_roll_out_sentence_has_point_interval_and_month() -> None:
    # The example of the product page, word for word up to the month.
    assert verdict_sentence(roll_out_result(), "en", NAMES).replace("\u00a0", " ") == (
        "“Threshold 1000 ₽” earns 12.8 ₽ more per visitor, between 2.9 and 22.6: roll it out. "
        "That is ≈ 384,000 ₽ a month at your traffic (87,100 ₽ … 679,000 ₽)."
    )
    assert (
        verdict_sentence(roll_out_result(), "ru", NAMES)
        .replace("\u00a0", " ")
        .startswith(
            "«Threshold 1000 ₽» приносит на 12,8 ₽ больше прибыли с посетителя, от 2,9 до 22,6: внедряйте."
        )
    )


def test_offers_that_sell_alike_where_one_earns_less_are_not_left_to_taste() -> None:
    alike = Reason("inside_margin", {"variant": TREATMENT, "metric": "conversion_rate"})
    falls = Reason("profit_falls", {"variant": TREATMENT, "metric": "profit_per_unit"})
    both = replace(roll_out_result(), verdict=Verdict("no_difference", (alike, falls)))
    said = verdict_words(both, words_for("en"), NAMES)
    assert said.headline.endswith("keep “Threshold 3000 ₽”, which earns more.")
    assert "Either offer may stay" not in said.next_step
    assert "gain in sales" not in said.sentence
    assert "оставьте «Threshold 3000 ₽»" in verdict_sentence(both, "ru", NAMES)
    one = replace(roll_out_result(), verdict=Verdict("no_difference", (alike,)))
    assert "Either offer may stay" in verdict_words(one, words_for("en"), NAMES).next_step


def test_a_broken_guardrail_is_named_with_its_number_and_a_proven_gain_is_not_denied() -> None:
    broken = {"variant": TREATMENT, "metric": "conversion_rate", "harmed": True}
    gained = {"variant": TREATMENT, "metric": "orders_per_unit", "crossed": True}
    reasons = (Reason("guardrail_not_passed", broken), Reason("not_proven", gained))
    result = replace(roll_out_result(), verdict=Verdict("keep_control", reasons))
    en, ru = (verdict_sentence(result, locale, NAMES) for locale in LOCALES)
    assert en.startswith("The guardrail is broken: “Threshold 1000 ₽” ")
    assert "The gain in orders per visitor is proven and does not outweigh that." in en
    assert "No gain is proven" not in en
    assert ru.startswith("Защитный показатель нарушен: ")
    open_still = {name: value for name, value in broken.items() if name != "harmed"}
    waits = replace(result, verdict=Verdict("collecting", (Reason("guardrail_not_passed", open_still),)))
    assert "has not shown itself safe yet" in verdict_sentence(waits, "en", NAMES)


@pytest.mark.parametrize(
    ("offer", "en", "ru"),
    [
        (
            OfferSummary("next_order_discount", percent=15, within_days=7),
            "15% discount on the next order, within 7 days",
            "Скидка на следующий заказ 15 %, в течение 7 дней",
        ),
        (
            OfferSummary("gift", pack_size=1000, note="coffee-sample"),
            "Gift: coffee-sample, packs of 1,000 or more in the order",
            "Подарок: coffee-sample, упаковки в заказе от 1 000",
        ),
        (
            OfferSummary("reminder", delay_hours=24.0, note="email"),
            "Reminder, after 24 h, email",
            "Напоминание, через 24 ч, email",
        ),
        (
            OfferSummary("referral", currency="RUB", referrer_minor=10_000, most_minor=100_000),
            "Reward for inviting a friend, 100 ₽ for the one who invites, growing to 1,000 ₽",
            "Награда за приглашение друга, 100 ₽ тому, кто приглашает, растёт до 1 000 ₽",
        ),
    ],
    ids=["next order", "gift", "reminder", "referral"],
)
def test_an_offer_s_line_names_what_its_kind_asks_and_promises(offer: OfferSummary, en: str, ru: str) -> None:
    for locale, line in (("en", en), ("ru", ru)):
        assert offer_line(words_for(locale), offer).replace("\u00a0", " ") == line


def test_no_gain_is_claimed_while_the_interval_holds_zero() -> None:
    sentence = verdict_sentence(aa_result(), "en")
    assert "raises" not in sentence
    assert (
        "the difference of “b” in repeat purchase is +0.60 percentage points, between −2.68 and 3.88"
        in sentence
    )


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("state", get_args(VerdictState))
@pytest.mark.parametrize("code", [*REASONS, "a_code_of_tomorrow"])
def test_every_state_and_reason_has_words_and_no_open_places(locale: str, state: Any, code: str) -> None:
    params = {"variant": TREATMENT, "metric": "revenue_per_unit"}
    for reasons in ((Reason(code, params),), (Reason(code),), (Reason("crossed"), Reason(code, params))):
        result = replace(roll_out_result(), verdict=Verdict(state, reasons, TREATMENT))
        sentence = verdict_sentence(result, locale, NAMES)
        assert "%(" not in sentence
        assert "  " not in sentence
        assert sentence.endswith(".")
        if code not in REASONS:
            assert code in sentence


def test_every_reason_and_state_is_translated() -> None:
    for code in REASONS:
        result = replace(aa_result(), verdict=Verdict("collecting", (Reason(code),)))
        assert verdict_sentence(result, "en") != verdict_sentence(result, "ru")
    assert set(STATES) == set(get_args(VerdictState))


@pytest.mark.parametrize("state", [state for state in get_args(VerdictState) if state != "do_not_trust"])
@pytest.mark.parametrize("code", REASONS)
def test_profit_and_its_interval_are_always_in_the_sentence(state: Any, code: str) -> None:
    params = {"variant": TREATMENT, "metric": "revenue_per_unit"}
    result = replace(roll_out_result(), verdict=Verdict(state, (Reason(code, params),), TREATMENT))
    assert "earns 12.8\u00a0₽ more per visitor, between 2.9 and 22.6" in verdict_sentence(result, "en", NAMES)


def test_a_stopped_banner_names_no_winner_whatever_the_verdict_says() -> None:
    broken = replace(roll_out_result(), trust=not_trusted_result().trust)
    said = verdict_words(broken, words_for("en"), NAMES)
    assert said.state == "do_not_trust"
    assert "Threshold 1000" not in said.sentence
    assert "12.8" not in said.sentence


def test_an_ended_experiment_is_not_told_to_go_on() -> None:
    assert "keep collecting" in verdict_sentence(aa_result(), "en")
    assert "keep collecting" not in verdict_sentence(aa_result(), "en", ended=True)


def test_the_month_names_its_metric_when_the_headline_is_a_share() -> None:
    params = {
        "metric": "conversion_rate",
        "variant": TREATMENT,
        "monthly_point": 120_000,
        "monthly_of": "profit_per_unit",
    }
    result = replace(roll_out_result(), verdict=Verdict("roll_out", (Reason("crossed", params),), TREATMENT))
    assert "In profit per visitor: ≈ 1,200\u00a0₽ a month at your traffic." in verdict_sentence(result, "en")


@pytest.mark.parametrize("code", ["no_units", "no_variance", "no_mature_units", "margin_unknown", "unusable"])
def test_a_gap_that_leads_a_verdict_is_explained(code: str) -> None:
    result = replace(roll_out_result(), verdict=Verdict("collecting", (Reason(code),)))
    assert verdict_sentence(result, "en").startswith("There is no number yet (")
    assert code not in verdict_sentence(result, "ru")


def test_one_sided_and_missing_intervals_are_said_as_such() -> None:
    def with_ends(low: float | None, high: float | None) -> str:
        reason = Reason("in_progress", {"variant": TREATMENT, "difference": 500.0, "low": low, "high": high})
        return verdict_sentence(replace(roll_out_result(), verdict=Verdict("collecting", (reason,))), "en")

    assert "at least −1.00" in with_ends(-100.0, None)
    assert "at most 9.00" in with_ends(None, 900.0)
    assert "interval not yet known" in with_ends(None, None)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_metric_of_the_catalogue_has_a_name_and_an_explanation(locale: str) -> None:
    words = words_for(locale)
    for key in CATALOGUE:
        assert metric_title(words, key) != key.replace("_", " ").capitalize() or locale == "en"
        assert metric_explanation(words, key, 30)
    assert metric_title(words, "custom:newsletter_signup") == "Newsletter signup"


@pytest.mark.parametrize(
    "key",
    [
        "sample_ratio",
        "crossover",
        "merged",
        "contradicting_links",
        "exposures_without_unit",
        "exposures_after_freeze",
        "policies_contradict",
        "selection_trap",
        "exposures_contradicting_hash",
        "exposures_outside_running",
        "exposures_forced",
        "exposures_of_bots",
        "budget_cut",
        "orders_without_exposure",
        "margin_unknown",
        "currency_without_rate",
        "delivery_cost_missing",
        "late_events",
        "no_recent_data",
    ],
)
def test_every_check_has_a_finding_a_cause_and_a_remedy_in_both_languages(key: str) -> None:
    english, russian = (check_words(words_for(locale), Check(key, "warning")) for locale in LOCALES)
    for part in ("title", "cause", "remedy"):
        assert getattr(english, part)
        assert getattr(english, part) != getattr(russian, part)


def test_unknown_codes_show_themselves() -> None:
    words = words_for("ru")
    assert why_no_number(words, "moon_phase") == "moon_phase"
    assert notice_text(words, "moon_phase") == "moon_phase"
    assert "moon_phase" in check_words(words, Check("moon_phase", "warning")).title


def test_an_offer_is_told_in_one_line() -> None:
    line = offer_line(words_for("en"), threshold_meta().variants[1].offer).replace("\u00a0", " ")
    assert line == (
        "10% discount, orders from 1,000 ₽, at most 500 ₽ off, personal code, single use, valid for 7 days"
    )
    assert offer_line(words_for("ru"), None) == "Без предложения"


def test_the_switch_beats_the_browser_and_nonsense_falls_back() -> None:
    assert best_locale("ru", "en-US,en") == "ru"
    assert best_locale(None, "fr,ru-RU;q=0.8") == "ru"
    assert best_locale("tlh", "") == "en"
    with pytest.raises(ValueError, match="locale must be one of en, ru"):
        words_for("tlh")
