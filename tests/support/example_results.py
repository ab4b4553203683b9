"""Hand-made results for the pages: plausible numbers, written down, from no engine."""

import math
from dataclasses import replace
from datetime import date, timedelta
from typing import Literal

from dashboards.meta import ExperimentMeta, ListRow, OfferSummary, VariantMeta
from stats.results import (
    Check,
    Comparison,
    Crossover,
    CurvePoint,
    Look,
    LookSummary,
    MetricResult,
    Reason,
    Result,
    SampleRatio,
    Trust,
    VariantSummary,
    Verdict,
)
from tests.support.example_offers import CONTROL, TREATMENT, example_offers

START = date(2026, 3, 2)


def threshold_meta(
    name: str = "Threshold 1000 ₽ or 3000 ₽", *, treatment_name: str = "Threshold 1000 ₽"
) -> ExperimentMeta:
    def terms(threshold_minor: int) -> OfferSummary:
        return OfferSummary(
            kind="percent_off",
            percent=10,
            min_order_minor=threshold_minor,
            max_discount_minor=50_000,
            currency="RUB",
            code_issue="per_visitor",
            uses_per_customer=1,
            valid_days=7,
        )

    return ExperimentMeta(
        key="threshold-1000-3000",
        name=name,
        hypothesis="Few shoppers can fill a 3000 ₽ basket. A lower threshold should sell more; will it earn?",
        status="running",
        variants=(
            VariantMeta(CONTROL, "Threshold 3000 ₽", 0.5, control=True, offer=terms(300_000)),
            VariantMeta(TREATMENT, treatment_name, 0.5, offer=terms(100_000)),
        ),
        notices=("simulated",),
        started=START.isoformat(),
        days=56,
    )


def looks_for(
    metric: str, effect: float, noise: float, treatment: str = TREATMENT, start: date = START
) -> tuple[Look, ...]:
    """Eight weekly looks whose difference settles at `effect`; `noise` is the last standard error."""
    count = 8
    made = []
    for number in range(1, count + 1):
        fraction = number / count
        error = noise / math.sqrt(fraction)
        difference = effect + error * math.cos(2.1 * number) * 0.7 * (1 - fraction)
        boundary = 2.1 / fraction**0.35
        crossed: Literal["upper", "lower"] | None = None
        if abs(difference / error) > boundary:
            crossed = "upper" if difference > 0 else "lower"
        made.append(
            Look(
                metric=metric,
                treatment=treatment,
                number=number,
                day=(start + timedelta(days=7 * number + 6)).isoformat(),
                n_control=3500 * number,
                n_treatment=3480 * number,
                difference=difference,
                standard_error=error,
                information=error**-2,
                fraction=fraction,
                z=difference / error,
                tested=("harm",) if number == 1 else ("roll_out", "harm"),
                upper=None if number == 1 else boundary,
                lower=-boundary,
                alpha_spent_upper=0.025 * fraction**2,
                alpha_spent_lower=0.025 * fraction**2,
                crossed=crossed,
                interval_low=None if number == 1 else difference - boundary * error,
                interval_high=difference + boundary * error,
            )
        )
    return tuple(made)


def comparison_of(look: Look, control_mean: float, control: str = CONTROL, **changes: object) -> Comparison:
    """The comparison a page shows for a last look."""
    ends = (look.interval_low, look.interval_high)
    made = Comparison(
        treatment=look.treatment,
        control=control,
        difference=look.difference,
        interval=ends,
        uplift=look.difference / control_mean,
        uplift_interval=(
            None if ends[0] is None else ends[0] / control_mean,
            None if ends[1] is None else ends[1] / control_mean,
        ),
        pvalue=0.012,
        look=LookSummary(
            number=look.number,
            day=look.day,
            information=look.information,
            fraction=look.fraction,
            z=look.z,
            boundary=look.upper,
            alpha_spent=look.alpha_spent_upper,
            crossed=look.crossed is not None,
            side=look.crossed,
            tested=look.tested,
        ),
        anytime_interval=None,
        proven=None if look.crossed is None else "better" if look.crossed == "upper" else "worse",
    )
    return replace(made, **changes)  # type: ignore[arg-type] # field names are the callers' business


def _money_metric(
    key: str, role: str, mean: float, look: Look, *, passed: bool | None = None, **changes: object
) -> MetricResult:
    made = MetricResult(
        key=key,
        role=role,
        unit="minor",
        kind="mean",
        window_days=30,
        direction="increase",
        explanatory=False,
        variants=(
            VariantSummary(CONTROL, 28_000, mean, 210.0, round(28_000 * mean), immature=1912),
            VariantSummary(
                TREATMENT, 27_840, mean + look.difference, 214.0, round(27_840 * (mean + look.difference))
            ),
        ),
        comparisons=(comparison_of(look, mean, guardrail_passed=passed),),
    )
    return replace(made, **changes)  # type: ignore[arg-type] # field names are the callers' business


def _share_metric(key: str, role: str, mean: float, look: Look, **changes: object) -> MetricResult:
    made = _money_metric(key, role, mean, look)
    shares = tuple(replace(v, total=round(v.n * (v.mean or 0)), standard_error=0.002) for v in made.variants)
    return replace(made, unit="share", kind="proportion", variants=shares, **changes)  # type: ignore[arg-type] # as above


def step_curve(final: float, days: int = 30) -> tuple[CurvePoint, ...]:
    """A concave curve that ends at `final`, with a band."""
    points = []
    for age in range(days + 1):
        share = final * (1 - math.exp(-age / 11)) / (1 - math.exp(-days / 11))
        half = 0.018 * math.sqrt(age / days)
        points.append(CurvePoint(age, share, max(0.0, share - half), share + half, 1178 - 9 * age))
    return tuple(points)


def trusted() -> Trust:
    return Trust(
        status="ok",
        srm=SampleRatio(0.71, {CONTROL: 28_950, TREATMENT: 28_802}, {CONTROL: 0.5, TREATMENT: 0.5}),
        crossover=Crossover(212, 0.0037, {CONTROL: 104, TREATMENT: 108}),
        checks=(Check("sample_ratio", "ok"), Check("crossover", "ok")),
    )


def roll_out_result() -> Result:
    """The lower threshold earns 12.8 ₽ more profit per visitor, between 2.9 and 22.6."""
    profit_looks = looks_for("profit_per_unit:30", 1280.0, 468.0)
    revenue_looks = looks_for("revenue_per_unit:30", 4210.0, 900.0)
    last = replace(
        profit_looks[-1], difference=1280.0, interval_low=290.0, interval_high=2260.0, crossed="upper"
    )
    revenue = revenue_looks[-1]
    conversion = looks_for("conversion_rate:30", 0.0093, 0.0025)[-1]
    order_value = looks_for("average_order_value:30", -11_400.0, 3_000.0)[-1]
    return Result(
        experiment="threshold-1000-3000",
        version=1,
        as_of="2026-04-27T00:00:00+03:00",
        through_seq=None,
        trust=trusted(),
        metrics=(
            _money_metric("profit_per_unit", "primary", 14_120.0, last, cap_minor=2_500_000),
            _money_metric("revenue_per_unit", "secondary", 48_230.0, revenue),
            _share_metric("conversion_rate", "secondary", 0.1312, conversion),
            _money_metric(
                "discount_per_unit",
                "guardrail",
                3_300.0,
                looks_for("discount_per_unit:30", 40.0, 60.0)[-1],
                direction="decrease",
                passed=True,
            ),
            _money_metric(
                "average_order_value",
                "secondary",
                367_000.0,
                order_value,
                explanatory=True,
                unit="ratio_minor",
                kind="ratio",
            ),
        ),
        looks=(*profit_looks[:-1], last, *revenue_looks),
        verdict=Verdict(
            state="roll_out",
            reasons=(
                Reason(
                    "crossed",
                    {
                        "variant": TREATMENT,
                        "metric": "profit_per_unit:30",
                        "difference": 1280.0,
                        "low": 290.0,
                        "high": 2260.0,
                        "currency": "RUB",
                        "monthly_point": 38_437_800,
                        "monthly_low": 8_708_700,
                        "monthly_high": 67_867_800,
                    },
                ),
            ),
            variant=TREATMENT,
        ),
        currency="RUB",
        progress={"planned_units": 56_000, "expected_days_left": 0, "planned_end": "2026-05-04"},
        offers=example_offers(),
        inputs_sha256="9f2c4e6b8d0a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6",
    )


def not_trusted_result() -> Result:
    """The same numbers behind a lost tenth of one variant."""
    good = roll_out_result()
    trust = Trust(
        status="stop",
        srm=SampleRatio(0.00002, {CONTROL: 28_950, TREATMENT: 26_011}, {CONTROL: 0.5, TREATMENT: 0.5}),
        crossover=Crossover(212, 0.0037, {CONTROL: 104, TREATMENT: 108}),
        checks=(
            Check("margin_unknown", "warning", 41),
            Check("sample_ratio", "stop"),
            Check("moon_phase", "warning", None, "A check of tomorrow."),
        ),
    )
    return replace(good, trust=trust, verdict=Verdict("do_not_trust", (Reason("sample_ratio"),)))


def aa_meta() -> ExperimentMeta:
    return ExperimentMeta(
        key="cdnow",
        name="CDNOW purchase log",
        hypothesis="",
        status="stopped",
        variants=(VariantMeta("a", "Half A", 0.5, control=True), VariantMeta("b", "Half B", 0.5)),
        notices=("aa_test",),
        started="1997-01-01",
        days=120,
    )


def aa_result() -> Result:
    """A repeat-purchase A/A test: curves, an open verdict, a metric without a number."""
    looks = looks_for("repeat_purchase_rate:30", 0.006, 0.0156, treatment="b", start=date(1997, 1, 1))
    survival = MetricResult(
        key="repeat_purchase_rate",
        role="primary",
        unit="share",
        kind="survival",
        window_days=30,
        direction="increase",
        explanatory=False,
        variants=(
            VariantSummary("a", 1178, 0.1715, 0.011, 202),
            VariantSummary("b", 1179, 0.1764, 0.011, 208),
        ),
        comparisons=(comparison_of(looks[-1], 0.1715, control="a"),),
        curves={"a": step_curve(0.1715), "b": step_curve(0.1764)},
    )
    empty = MetricResult(
        key="profit_per_unit",
        role="secondary",
        unit="minor",
        kind="mean",
        window_days=30,
        direction="increase",
        explanatory=False,
        variants=(
            VariantSummary("a", 1178, None, None, 0, inconclusive="margin_unknown"),
            VariantSummary("b", 1179, None, None, 0, inconclusive="margin_unknown"),
        ),
        comparisons=(
            Comparison("b", "a", None, None, None, None, None, None, None, inconclusive="margin_unknown"),
        ),
    )
    trust = Trust(
        "warning",
        SampleRatio(0.88, {"a": 1178, "b": 1179}, {"a": 0.5, "b": 0.5}),
        Crossover(0, 0.0, {"a": 0, "b": 0}),
        (Check("margin_unknown", "warning", 6919),),
    )
    return Result(
        experiment="cdnow",
        version=1,
        as_of="1997-05-01",
        through_seq=None,
        trust=trust,
        metrics=(survival, empty),
        looks=looks,
        verdict=Verdict(
            "collecting", (Reason("in_progress", {"variant": "b", "metric": "repeat_purchase_rate"}),)
        ),
        currency="USD",
        progress={"planned_units": 2357},
    )


def list_rows(text: str) -> tuple[ListRow, ...]:
    return (
        ListRow(
            "threshold-1000-3000",
            "Threshold 1000 ₽ or 3000 ₽",
            "running",
            56,
            "roll_out",
            text,
            57_752,
            ("simulated",),
        ),
        ListRow("cdnow", "CDNOW purchase log", "stopped", 120, "collecting", "", 2357, ("aa_test",)),
        ListRow("reuse", "Single-use or reusable code", "draft", 0),
    )
