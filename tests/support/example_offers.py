"""The offers block of a hand-made result: whose codes, what was earned, who may have cheated."""

import math
from dataclasses import replace

from stats.offers.code_names import codes_report
from stats.offers.misuse_reports import AbuseEffect, AbuseReport, AbuseRow
from stats.offers.reports import (
    AgePoint,
    FullPrice,
    LeakageCell,
    LeakageReport,
    ProfitArm,
    ProfitComparison,
    ProfitReport,
    PullForwardReport,
    PullForwardRow,
    RedeemerRow,
    RedeemersReport,
    SubsidyReport,
    SubsidyRow,
)

CONTROL, TREATMENT = "threshold-3000", "threshold-1000"


def _profit_arm(variant: str, units: int, orders: int, margin: float, discount: float) -> ProfitArm:
    refunded, delivery, messages = 310.0, 640.0, 150.0 if variant == TREATMENT else 0.0
    left = margin - discount - refunded - delivery - messages
    return ProfitArm(
        variant=variant,
        units=units,
        orders=orders,
        margin=(margin, margin),
        discount=discount,
        gift=0.0,
        delivery=delivery,
        messages=messages,
        exposure=0.0,
        points=0.0,
        refunded=(refunded, refunded),
        profit=(left, left),
    )


def _curve_points() -> tuple[AgePoint, ...]:
    points, peak = [], 0.0
    for age in range(31):
        effect = 0.021 * (1 - math.exp(-age / 3)) - 0.0003 * age
        peak = max(peak, effect)
        half = 0.004 * math.sqrt((age + 1) / 10)
        points.append(
            AgePoint(age, effect, effect - half, effect + half, 1 - effect / peak if peak else None)
        )
    return tuple(points)


def example_offers() -> dict[str, object]:
    """An offers block with every part filled: leaked codes, a weak instrument, an offer that adds orders."""
    names = (CONTROL, TREATMENT)
    counts: dict[tuple[str, str | None], int] = {
        (CONTROL, CONTROL): 912,
        (TREATMENT, TREATMENT): 2140,
        (TREATMENT, CONTROL): 131,
    }
    counts[TREATMENT, None] = 64
    leaked = LeakageReport(
        redemptions=3247,
        leaked=195,
        share=0.0601,
        interval=(0.0524, 0.0688),
        threshold=0.05,
        diluted=True,
        by_code={CONTROL: 0.0, TREATMENT: 0.0835},
        matrix=tuple(LeakageCell(*pair, count) for pair, count in counts.items()),
    )
    row = RedeemerRow(
        metric="profit_per_unit",
        window_days=30,
        treatment=TREATMENT,
        margin_end=None,
        takers=2140,
        units=27_840,
        effect=16_640.0,
        standard_error=6_000.0,
        interval=(4_880.0, 28_400.0),
        anderson_rubin=((4_700.0, 28_900.0),),
        first_stage=0.0769,
        first_stage_f=2310.4,
        pvalue=0.006,
    )
    weak = replace(
        row,
        metric="revenue_per_unit",
        effect=54_700.0,
        anderson_rubin=((None, None),),
        first_stage_f=4.1,
        weak=True,
    )
    subsidy = SubsidyRow(TREATMENT, 2140, 27_840, 0.61, 0.93, (0.58, 0.95), 0.0, (0.0, 0.95))
    arms = (
        _profit_arm(CONTROL, 28_000, 3_674, 18_100.0, 3_030.0),
        _profit_arm(TREATMENT, 27_840, 3_914, 21_940.0, 5_440.0),
    )
    gap = arms[1].profit[0] - arms[0].profit[0]
    compared = ProfitComparison(
        TREATMENT,
        CONTROL,
        1280.0,
        (290.0, 2260.0),
        None,
        (gap, gap),
        0.0714,
        (-0.012, -0.012),
        (13_500.0, 13_500.0),
        None,
    )
    return {
        "leakage": leaked,
        "redeemers": RedeemersReport("redeemed", (row, weak)),
        "profit": ProfitReport(30, "RUB", arms, (compared,)),
        "subsidy": SubsidyReport(
            (subsidy,),
            tuple(
                FullPrice(name, 3_700, full, full / 3_700, (0.7, 0.8))
                for name, full in zip(names, (2790, 1560), strict=True)
            ),
        ),
        "pull_forward": PullForwardReport(
            30, (PullForwardRow(TREATMENT, _curve_points(), 12, 0.04, "adds"),)
        ),
        "codes": codes_report({(CONTROL, CONTROL): 1107, (TREATMENT, TREATMENT): 2140}, {TREATMENT: 212}),
        "abuse": _abuse(),
    }


def _abuse() -> AbuseReport:
    """More people cheat where less has to be bought; the answer stands without them."""
    line = AbuseEffect("profit_per_unit", 30, TREATMENT, (1280.0, 352.0, 2208.0), (1145.0, 204.0, 2086.0))
    rows = (
        AbuseRow(CONTROL, 28_950, 61, 44, 17, 58),
        AbuseRow(TREATMENT, 28_802, 143, 96, 47, 171),
    )
    return AbuseReport(
        suspected=204,
        share=204 / 57_752,
        rows=rows,
        effects=(line,),
        crowded_marks=3,
        pvalue=8.4e-9,
        uneven=True,
    )
