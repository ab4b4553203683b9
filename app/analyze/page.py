"""A result read from files as one HTML file that needs nothing beside it."""

from dataclasses import replace

from dashboards.meta import ExperimentMeta, Site, VariantMeta
from dashboards.pages import render_experiment, self_contained
from stats.results import Comparison, Result

NO_DATE = "1970"  # files without dates are read as of the epoch; a page does not show that


def page_of(result: Result, locale: str) -> str:
    """The experiment's page, its styles and scripts inside.

    Args:
        result: what was found.
        locale: `en` or `ru`.
    """
    weights = result.trust.srm.weights
    control = next((c.control for metric in result.metrics for c in metric.comparisons), None)
    meta = ExperimentMeta(
        key=result.experiment,
        name=result.experiment,
        hypothesis="",
        status="stopped",
        variants=tuple(VariantMeta(key, key, share, key == control) for key, share in weights.items()),
        days=0 if result.as_of.startswith(NO_DATE) else result.progress["entry_days"],
    )
    shown = _without_dates(result) if result.as_of.startswith(NO_DATE) else result
    return self_contained(render_experiment(shown, meta, locale, site=Site(alone=True)))


def _without_dates(result: Result) -> Result:
    """The same result without the made-up date, and without a chart over time where there was one reading."""
    if len({look.day for look in result.looks}) > 1:
        return replace(result, as_of="")
    metrics = tuple(
        replace(metric, comparisons=tuple(_without_day(comparison) for comparison in metric.comparisons))
        for metric in result.metrics
    )
    return replace(
        result, as_of="", looks=(), metrics=metrics, progress=result.progress | {"last_look": None}
    )


def _without_day(comparison: Comparison) -> Comparison:
    look = comparison.look
    return comparison if look is None else replace(comparison, look=replace(look, day=""))
