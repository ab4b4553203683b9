"""Shop days: numbers and dates, and on which of them the roll-out half is tested."""

from datetime import date, timedelta

from stats.cell_view import CellView
from stats.plan import AnalysisPlan, Metric
from stats.readings import last_mature_day

_EPOCH = date(1970, 1, 1)


def iso_day(day: int) -> str:
    """ISO date of a day number.

    >>> iso_day(0), iso_day(20000)
    ('1970-01-01', '2024-10-04')
    """
    return (_EPOCH + timedelta(days=day)).isoformat()


def day_number(iso: str) -> int:
    """Days since 1970-01-01 of an ISO date; inverse of `iso_day`.

    >>> day_number("1970-01-03")
    2
    """
    return (date.fromisoformat(iso) - _EPOCH).days


def is_whole_weeks(plan: AnalysisPlan, metric: Metric, view: CellView, day: int) -> bool:
    """Whether the roll-out half may be tested on a day by the plan's rhythm.

    Weekly: the mature cohorts span whole weeks of entry, `min_days` at least, counted from the first entry
    into the experiment. Daily: the cohorts read span `min_days` at least; followed metrics read a cohort
    from age 1 on.

    Args:
        plan: the plan.
        metric: its window says which cohorts are mature.
        view: the cells.
        day: last closed shop day.
    """
    first = view.first_cohort_day
    if first is None:
        return False
    span = last_mature_day(plan, metric, day) - first + 1
    if plan.look_days == "weekly":
        return span >= max(plan.min_days, 1) and span % 7 == 0
    if metric.is_followed:
        span = day - plan.settle_days - first
    return span >= plan.min_days
