"""`offerlab analyze counts`: one row per variant → a fixed-horizon reading as the same result object."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from app.analyze.files import Sheet, read_sheet
from app.analyze.numbers import exact_number
from app.analyze.readings import ArmReading, Readings, result_of
from app.errors import Invalid
from stats.plan import AnalysisPlan, Metric
from stats.results import Result

MOMENT = "1970-01-01"  # counts carry no date


def analyze_counts(
    path: Path, control: str, *, alpha: float = 0.05, weights: Mapping[str, float] | None = None
) -> tuple[Result, bytes]:
    """Read a file with one row per variant, as one look at everybody.

    Args:
        path: CSV or Parquet with `variant, n, successes` or `variant, n, mean, variance`.
        control: the variant the others are compared with.
        alpha: two-sided type-I error, in (0, 1).
        weights: planned shares; without them equal ones.

    Returns:
        The result and its JSON document; its one metric is `share` or `mean`. An arm without units, or arms
        without spread, leave the comparison inconclusive with the reason.

    Raises:
        Invalid: a column is missing, a cell is out of bounds, a variant stands twice; names row and column.
    """
    if not 0.0 < alpha < 1.0:
        raise Invalid(f"is {alpha}; it must lie between 0 and 1", "bad_alpha", "alpha")
    sheet = read_sheet(path)
    sheet.need(("variant", "n"))
    binary = sheet.has("successes")
    sheet.need(("successes",) if binary else ("mean", "variance"))
    arms = {key: _arm(sheet, row, binary=binary) for key, row in _variants(sheet).items()}
    if control not in arms:
        raise Invalid(
            f"{control!r} is no variant of {path.name}: {', '.join(arms)}", "bad_control", "control"
        )
    metric = Metric("share" if binary else "mean", "primary", "proportion" if binary else "mean", 0)
    readings = Readings((MOMENT,))
    readings.counts[0] = {key: arm.n for key, arm in arms.items()}
    enough = 1 if binary else 2
    if all(arm.n >= enough for arm in arms.values()):
        readings.add(metric.key, 0, arms)
    else:
        readings.reasons[metric.key] = "no_units"
    return result_of(_plan(arms, control, metric, alpha, weights), readings, {})


def _plan(
    arms: Mapping[str, ArmReading],
    control: str,
    metric: Metric,
    alpha: float,
    weights: Mapping[str, float] | None,
) -> AnalysisPlan:
    shares = dict(weights or dict.fromkeys(arms, 1.0))
    if set(shares) != set(arms):
        raise Invalid(f"must name exactly the variants {', '.join(arms)}", "bad_weights", "weights")
    total = sum(shares.values())
    return AnalysisPlan(
        experiment="counts",
        version=1,
        variants=tuple(arms),
        control=control,
        weights=tuple(shares[key] / total for key in arms),
        metrics=(metric,),
        alpha=alpha,
        planned_units=max(1, sum(arm.n for arm in arms.values())),
        open_ended_share=0.0,
        settle_days=0,
        min_days=1,
        look_days="daily",
    )


def _variants(sheet: Sheet) -> dict[str, int]:
    """Place of the row of each variant."""
    places: dict[str, int] = {}
    for place, key in enumerate(sheet.texts("variant").to_pylist()):
        if key is None:
            raise sheet.refuse("variant", place, "is empty")
        if key in places:
            raise sheet.refuse("variant", place, f"{key[:40]!r} stands twice")
        places[key] = place
    if len(places) < 2:  # noqa: PLR2004 - control and at least one more
        raise Invalid(f"{sheet.name} needs two variants or more", "too_few_variants", "variant")
    return places


def _arm(sheet: Sheet, place: int, *, binary: bool) -> ArmReading:
    n = _cell(sheet, "n", place, whole=True)
    if not binary:
        return ArmReading(int(n), _cell(sheet, "mean", place, signed=True), _cell(sheet, "variance", place))
    successes = _cell(sheet, "successes", place, whole=True)
    if successes > n:
        raise sheet.refuse("successes", place, f"{successes} is more than n = {n}")
    return ArmReading(int(n), successes / n if n else Fraction(0))


def _cell(sheet: Sheet, column: str, place: int, *, whole: bool = False, signed: bool = False) -> Fraction:
    text = sheet.texts(column)[place].as_py()
    number = None if text is None else exact_number(text)
    if number is None:
        raise sheet.refuse(column, place, "is not a number below 1e18")
    found = Fraction(number)
    if whole and found.denominator != 1:
        raise sheet.refuse(column, place, f"{text[:40]!r} is not a whole number")
    if found < 0 and not signed:
        raise sheet.refuse(column, place, f"{text[:40]!r} is below 0")
    return found
