"""Figures are valid, plain JSON, with zero, intervals and boundaries drawn; oracle: plotly.graph_objects."""

import json
from dataclasses import replace
from typing import Any

import pytest

from dashboards.figures import effect_over_time, repeat_curves
from dashboards.palette import CONTROL, TREATMENTS
from dashboards.wording import words_for
from tests.support.example_results import aa_meta, aa_result, looks_for, roll_out_result, threshold_meta

EN = words_for("en")


def effect_figure(**changes: Any) -> dict[str, Any]:
    result = replace(roll_out_result(), **changes)
    made = effect_over_time(result, result.metrics[0], EN, threshold_meta().names)
    assert made is not None
    return made


def curve_figure() -> dict[str, Any]:
    made = repeat_curves(aa_result().metrics[0], EN, aa_meta().names)
    assert made is not None
    return made


@pytest.mark.parametrize("made", [effect_figure(), curve_figure()], ids=["effect", "curves"])
def test_figures_are_valid_for_plotly_and_plain_json(made: dict[str, Any]) -> None:
    import plotly.graph_objects as go

    go.Figure(made)  # raises ValueError on any unknown property or bad value
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_points_are_the_looks_in_rubles_and_crossed_looks_are_stars() -> None:
    points = effect_figure()["data"][-1]
    assert points["x"][-1] == "2026-05-03"
    assert points["y"][-1] == pytest.approx(12.80)
    assert points["error_y"]["array"][-1] == pytest.approx(22.60 - 12.80)
    assert points["error_y"]["arrayminus"][-1] == pytest.approx(12.80 - 2.90)
    assert points["marker"]["symbol"][-1] == "star"


def test_a_look_that_tested_only_harm_has_no_lower_bar() -> None:
    assert effect_figure()["data"][-1]["error_y"]["arrayminus"][0] is None


def test_boundaries_are_z_times_the_error_of_their_look() -> None:
    result = roll_out_result()
    look = [look for look in result.looks if look.metric == "profit_per_unit:30"][3]
    upper = next(trace for trace in effect_figure()["data"] if trace["name"] == "boundary: proven higher")
    assert look.upper is not None
    assert upper["y"][upper["x"].index(look.day)] == pytest.approx(look.upper * look.standard_error / 100)


def test_zero_is_drawn_and_the_planned_end_marked() -> None:
    layout = effect_figure()["layout"]
    assert layout["yaxis"]["zeroline"] is True
    assert layout["yaxis"]["rangemode"] == "tozero"
    assert layout["shapes"][0]["x0"] == "2026-05-04"
    assert "shapes" not in effect_figure(progress={})["layout"]


def test_two_treatments_get_two_colours_and_their_names() -> None:
    more = looks_for("profit_per_unit:30", 400.0, 468.0, treatment="threshold-2000")
    data = effect_figure(looks=(*roll_out_result().looks, *more))["data"]
    points = [trace for trace in data if trace["mode"] == "lines+markers"]
    assert len({trace["name"] for trace in points}) == 2
    assert {trace["line"]["dash"] for trace in points} == {"solid", "dash"}


def test_before_the_first_look_there_is_no_figure() -> None:
    result = replace(roll_out_result(), looks=())
    assert effect_over_time(result, result.metrics[0], EN, {}) is None
    assert repeat_curves(result.metrics[0], EN, {}) is None


def test_curves_are_steps_in_percent_with_control_quiet() -> None:
    data = curve_figure()["data"]
    assert len(data) == 6
    control, treatment = data[2], data[5]
    assert (control["name"], control["line"]["color"]) == ("Half A", CONTROL)
    assert (treatment["name"], treatment["line"]["color"]) == ("Half B", TREATMENTS[0])
    assert control["y"][-1] == pytest.approx(17.15)
    assert {trace["line"]["shape"] for trace in data} == {"hv"}


def test_a_hostile_name_is_text_for_plotly() -> None:
    metric = aa_result().metrics[0]
    made = repeat_curves(metric, EN, {"a": "<a href='javascript:alert(1)'>x</a>%{y}", "b": "b"})
    assert made is not None
    assert made["data"][2]["name"] == "&lt;a href='javascript:alert(1)'&gt;x&lt;/a&gt;% {y}"
