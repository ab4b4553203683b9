"""The page's sections on profit, codes and moved orders."""

from dataclasses import replace

import plotly.graph_objects as go
import pytest

from dashboards.pages import render_experiment
from dashboards.pages.code_use import code_parts
from dashboards.pages.codes import money, moved_orders
from dashboards.pages.misuse import suspected_people
from dashboards.wording.codes import COMPONENTS
from dashboards.wording.language import words_for
from stats.offers.code_names import codes_report
from stats.offers.misuse_reports import AbuseReport
from stats.offers.reports import LeakageReport, ProfitReport, RedeemersReport
from stats.results import Result
from tests.support.example_offers import CONTROL
from tests.support.example_results import roll_out_result, threshold_meta

EN, NAMES = words_for("en"), {"threshold-1000": "Threshold 1000 ₽", "threshold-3000": "Threshold 3000 ₽"}


def with_part(name: str, part: object) -> Result:
    result = roll_out_result()
    return replace(result, offers={**result.offers, name: part})


def test_the_waterfall_ends_where_its_components_leave_it() -> None:
    found = money(roll_out_result(), CONTROL, EN, NAMES)
    assert found is not None
    assert found.chart is not None
    for trace in go.Figure(found.chart.figure).data:
        left = trace.base[-2] + trace.y[-2]
        assert left == pytest.approx(trace.y[-1])
        assert trace.base[0] == trace.base[-1] == 0


def test_components_that_nobody_has_are_left_out_of_chart_and_table() -> None:
    found = money(roll_out_result(), CONTROL, EN, NAMES)
    assert found is not None
    assert found.chart is not None
    shown = [row[0] for row in found.chart.rows]
    assert COMPONENTS["messages"] in shown
    assert COMPONENTS["gift"] not in shown


def test_without_a_profit_the_page_says_why_and_without_money_nothing() -> None:
    found = money(
        with_part("profit", ProfitReport(30, "RUB", inconclusive="margin_unknown")), CONTROL, EN, NAMES
    )
    assert found is not None
    assert (found.chart, found.why) == (None, "the goods margin is unknown")
    assert money(with_part("profit", ProfitReport(inconclusive="no_economics")), CONTROL, EN, NAMES) is None


def test_the_alarm_of_leaked_codes_has_a_sign_and_a_sentence() -> None:
    leaked = code_parts(roll_out_result(), EN, NAMES)[0]
    assert leaked.alarm
    assert "195 of 3,247" in leaked.lead
    assert leaked.table is not None
    assert leaked.table.columns[-2:] == ("never assigned", "used by others")
    assert leaked.table.rows[1] == ("Threshold 1000 ₽", "2,140", "131", "64", "8.4%")


def nothing_used() -> Result:
    nothing = {"leakage": LeakageReport(inconclusive="no_redemptions"), "codes": codes_report({}, {})}
    result = roll_out_result()
    return replace(
        result, offers=result.offers | nothing | {"abuse": AbuseReport(inconclusive="no_fingerprints")}
    )


def test_without_redemptions_there_is_no_section_on_codes() -> None:
    empty = nothing_used()
    assert code_parts(empty, EN, NAMES) == ()
    assert 'id="codes-head"' not in render_experiment(empty, threshold_meta(), "en")


def test_codes_that_only_orders_name_are_told_also_without_a_redemption() -> None:
    found = codes_report({}, {"threshold-1000": 12, "threshold-3000": 3})
    result = nothing_used()
    (part,) = code_parts(replace(result, offers={**result.offers, "codes": found}), EN, NAMES)
    assert part.alarm
    assert "15 of 15 codes were only named by an order" in part.lead
    assert part.table is not None
    assert part.table.rows[0] == ("Threshold 1000 ₽", "0", "12", "100.0%")


def test_suspected_people_are_told_with_the_effect_without_them() -> None:
    parts = {part.title: part for part in code_parts(roll_out_result(), EN, NAMES)}
    told, line = parts["One person under several ids?"], parts["The effect without them"]
    assert told.alarm
    assert "204 visitors (0.4%)" in told.lead
    assert told.table is not None
    assert told.table.rows[1] == ("Threshold 1000 ₽", "28,802", "96", "47", "171")
    assert line.table is not None
    said = tuple(cell.replace("\N{NO-BREAK SPACE}", " ") for cell in line.table.rows[0][2:])
    assert said == ("+12.8 ₽ (+3.5 … +22.1 ₽)", "+11.4 ₽ (+2.0 … +20.9 ₽)")


def test_nobody_suspected_is_said_and_no_fingerprints_say_nothing() -> None:
    (quiet,) = suspected_people(with_part("abuse", AbuseReport(suspected=0, share=0.0)), EN, NAMES)
    assert (quiet.alarm, quiet.table) == (False, None)
    assert suspected_people(with_part("abuse", AbuseReport(inconclusive="no_fingerprints")), EN, NAMES) == ()


def test_the_effect_on_redeemers_says_why_it_is_refused() -> None:
    refused = with_part("redeemers", RedeemersReport(inconclusive="control_has_offer"))
    (part,) = (
        found for found in code_parts(refused, EN, NAMES) if found.title == "The effect on those who used it"
    )
    assert part.table is None
    assert "control has an offer too" in part.lead


def test_bounds_that_meet_are_one_number() -> None:
    result = roll_out_result()
    given = result.offers["subsidy"]
    (row,) = given.rows
    met = replace(given, rows=(replace(row, low=0.93, high=0.931),))
    for report, words in ((given, ": between 61% and 93% of those"), (met, ": 93% of those who used it")):
        parts = {part.title: part for part in code_parts(with_part("subsidy", report), EN, NAMES)}
        assert words in parts["Who would have bought anyway"].lead


def test_the_effect_has_no_f_where_everybody_took_the_offer() -> None:
    result = roll_out_result()
    report = result.offers["redeemers"]
    rows = tuple(replace(row, first_stage_f=None, weak=False) for row in report.rows)
    part = next(
        part
        for part in code_parts(with_part("redeemers", replace(report, rows=rows)), EN, NAMES)
        if "effect" in part.title
    )
    assert part.table is not None
    assert {row[5] for row in part.table.rows} == {"∞"}


def test_the_curve_of_moved_orders_says_its_diagnosis() -> None:
    chart = moved_orders(roll_out_result(), CONTROL, EN, NAMES)
    assert chart is not None
    go.Figure(chart.figure)
    assert "adds orders that are still there at the end" in chart.lead
    assert chart.rows[-1][0] == "30"


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_page_holds_all_sections_in_both_languages(lang: str) -> None:
    document = render_experiment(roll_out_result(), threshold_meta(), lang)
    for section in ("profit-head", "codes-head", "curves-head", "profit-parts", "moved-orders"):
        assert f'id="{section}"' in document
