"""The book of looks: closes shop days one after another and writes what each of them may decide.

Two halves watch every comparison. The roll-out half (upper where more is better) and the harm half each spend
alpha / 2 on their own looks. State is kept between days, so a day costs one integration step per half.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Literal

from stats.cell_view import CellView
from stats.cells import Cells
from stats.contrasts import Contrast
from stats.family import level
from stats.plan import AnalysisPlan
from stats.readings import (
    Pairing,
    Reading,
    cell_labels,
    last_mature_day,
    noninferiority_z,
    observed_amount,
    read,
)
from stats.results import Inconclusive, Look
from stats.sequential.group_sequential import HalfTest
from stats.sequential.spending import parse_spending
from stats.shop_days import day_number, is_whole_weeks, iso_day

GUARDRAIL_ALPHA = 0.025  # one-sided, of each non-inferiority test
NEW_INFORMATION = 1e-6  # relative growth below which a look has nothing new to say


def pairings(plan: AnalysisPlan) -> tuple[Pairing, ...]:
    """Every comparison that has looks, in the order of metrics, labels and treatments."""
    return tuple(
        Pairing(metric, label, treatment)
        for metric in plan.metrics
        for label in cell_labels(plan, metric)
        for treatment in plan.treatments
    )


class LookBook:
    """All looks of one experiment so far, ready for the next day.

    Args:
        plan: the plan.
        history: looks already written, in the order in which they were written.

    Closing days one by one, in one go, or from a book rebuilt from `history` gives the same looks.
    """

    def __init__(self, plan: AnalysisPlan, history: Sequence[Look] = ()) -> None:
        self._series = [_Series(plan, pairing) for pairing in pairings(plan)]
        self._caps: dict[str, int] = {}
        self._viewed: tuple[Cells | None, CellView] = (None, CellView(Cells(())))
        by_address = {(s.pairing.label, s.pairing.treatment): s for s in self._series}
        for look in history:
            if (look.metric, look.treatment) in by_address:
                by_address[look.metric, look.treatment].replay(look)

    def close(
        self,
        day: int,
        cells: Cells | CellView,
        caps: Mapping[str, int] | None = None,
        *,
        final: bool = False,
    ) -> list[Look]:
        """Close one shop day and write its looks.

        A look is written for each comparison that has new information: at least one more mature unit (or day
        of follow-up) than at its last look, and a standard error. Closing a day again writes nothing.

        Args:
            day: the shop day that has closed, days since 1970-01-01; days are closed in order.
            cells: cells as of this day or a later one; only cohorts mature on `day` are read.
            caps: caps behind the cells, by metric label.
            final: entry has ended for good. Once every cohort is mature, roll-out is then tested on the last,
                incomplete week too.

        Returns:
            The new looks.

        Raises:
            ValueError: a cap differs from the one of an earlier day: caps are frozen.
        """
        self._freeze(caps or {})
        view = self._view_of(cells)
        found = [series.close(day, view, final=final) for series in self._series]
        return [look for look in found if look is not None]

    def _freeze(self, caps: Mapping[str, int]) -> None:
        for label, cap in caps.items():
            if self._caps.setdefault(label, cap) != cap:
                raise ValueError(f"cap of {label} changed from {self._caps[label]} to {cap}; caps are frozen")

    def _view_of(self, cells: Cells | CellView) -> CellView:
        if isinstance(cells, CellView):
            return cells
        if cells is not self._viewed[0]:
            self._viewed = (cells, CellView(cells))
        return self._viewed[1]


class _Series:
    """The looks of one comparison."""

    def __init__(self, plan: AnalysisPlan, pairing: Pairing) -> None:
        self.plan, self.pairing = plan, pairing
        spending, tail = parse_spending(plan.spending), plan.open_ended_share
        half_alpha = level(plan, pairing.metric) / 2
        self._spending = spending
        self._upper = HalfTest(spending, half_alpha, tail)
        self._lower = HalfTest(spending, half_alpha, tail)
        self._guard = HalfTest(spending, GUARDRAIL_ALPHA, tail)
        self._last: Look | None = None
        self._last_tested: Look | None = None
        self._last_roll_out: Look | None = None

    def replay(self, look: Look) -> None:
        """Take over a look written earlier."""
        if look.upper is not None:
            self._upper.replay(look.information, look.upper, look.alpha_spent_upper)
        if look.lower is not None:
            self._lower.replay(look.information, -look.lower, look.alpha_spent_lower)
        if look.noninferiority_boundary is not None:
            spent = self._spending.spent(look.fraction, GUARDRAIL_ALPHA, self.plan.open_ended_share)
            self._guard.replay(look.information, look.noninferiority_boundary, spent)
        self._remember(look)

    def close(self, day: int, view: CellView, *, final: bool) -> Look | None:
        """Write the look of a day, if it has one."""
        metric = self.pairing.metric
        last_word = self._is_last_word(view, day, final=final)
        new_units = self._has_grown(view, day, self._last)
        if not new_units and not (last_word and self._has_grown(view, day, self._last_roll_out)):
            return None
        reading = read(self.plan, view, self.pairing, day)
        if isinstance(reading, Inconclusive):
            return None
        information = self._information(view, day, reading)
        testable = reading.may_test and self._exceeds_tested(information, new_units=new_units)
        rolls = testable and (last_word or is_whole_weeks(self.plan, metric, view, day))
        look = self._write(day, reading, information, rolls=rolls, harms=testable and new_units)
        self._remember(look)
        return look

    def _has_grown(self, view: CellView, day: int, since: Look | None) -> bool:
        if since is None:
            return True
        then = day_number(since.day)
        if day <= then:
            return False
        before = observed_amount(self.plan, view, self.pairing, then)
        return observed_amount(self.plan, view, self.pairing, day) > before * (1 + NEW_INFORMATION)

    def _information(self, view: CellView, day: int, reading: Reading) -> float:
        """Information that orders the looks: 1 / se², kept growing from the first tested look on.

        The estimated variance can rise faster than units come in; the information of the experiment does not
        fall then. Moments: at least what the last tested look had, times the growth of units since: that is
        what 1 / se² would be at an unchanged variance, and a jump up only makes boundaries stricter (looks
        count as less correlated than they are). Survival: at least what the last tested look had, and no test
        until there is more. Looks before the gate leave no trace: the variance of few buyers is noise.
        """
        observed = 1 / reading.contrast.standard_error**2
        if self._last_tested is None:
            return observed
        before = self._last_tested.information
        if self.pairing.metric.is_followed:
            return max(observed, before)
        then = observed_amount(self.plan, view, self.pairing, day_number(self._last_tested.day))
        growth = observed_amount(self.plan, view, self.pairing, day) / then if then else 1.0
        return max(observed, before * max(1.0, growth))

    def _exceeds_tested(self, information: float, *, new_units: bool) -> bool:
        reference = self._last_tested if new_units else self._last_roll_out
        return reference is None or information > reference.information * (1 + NEW_INFORMATION)

    def _is_last_word(self, view: CellView, day: int, *, final: bool) -> bool:
        """Whether roll-out may be tested whatever the weekday: entry has ended or max_days is reached."""
        plan, metric = self.plan, self.pairing.metric
        mature, first = last_mature_day(plan, metric, day), view.first_cohort_day
        if first is None:
            return False
        if final and not any(mature < cohort <= day for cohort in view.cohort_days):
            return True
        if plan.max_days is None or mature - first + 1 < plan.max_days:
            return False
        reached_on = first + plan.max_days - 1 + metric.window_days + plan.settle_days
        tested = self._last_roll_out
        return tested is None or day_number(tested.day) < reached_on

    def _write(self, day: int, reading: Reading, information: float, *, rolls: bool, harms: bool) -> Look:
        rises = self.pairing.metric.direction == "increase"
        fraction = max(reading.fraction, self._last.fraction if self._last else 0.0)
        upper = _boundary(self._upper, information, fraction, due=rolls if rises else harms)
        lower = _boundary(self._lower, information, fraction, due=harms if rises else rolls)
        guard_z, guard = self._guardrail(reading.contrast, information, fraction, due=rolls)
        contrast = reading.contrast
        return Look(
            metric=self.pairing.label,
            treatment=self.pairing.treatment,
            number=self._last.number + 1 if self._last else 1,
            day=iso_day(day),
            n_control=contrast.control.n,
            n_treatment=contrast.treatment.n,
            difference=contrast.difference,
            standard_error=contrast.standard_error,
            information=information,
            fraction=fraction,
            z=contrast.z,
            tested=_tested(upper, lower, rises=rises),
            upper=upper,
            lower=None if lower is None else -lower,
            alpha_spent_upper=self._upper.alpha_spent,
            alpha_spent_lower=self._lower.alpha_spent,
            crossed=_crossed(contrast.z, upper, lower),
            interval_low=_end(contrast, upper, self._last.interval_low if self._last else None),
            interval_high=_end(
                contrast, None if lower is None else -lower, self._last.interval_high if self._last else None
            ),
            raw_difference=reading.raw_difference,
            noninferiority_z=guard_z,
            noninferiority_boundary=guard,
            noninferiority_passed=None if guard is None or guard_z is None else guard_z >= guard,
        )

    def _guardrail(
        self, contrast: Contrast, information: float, fraction: float, *, due: bool
    ) -> tuple[float | None, float | None]:
        """Z and boundary of the non-inferiority test, ordered by the information of the difference itself."""
        metric = self.pairing.metric
        if metric.role != "guardrail" or metric.non_inferiority_margin is None:
            return None, None
        z = noninferiority_z(metric, contrast, metric.non_inferiority_margin)
        return z, _boundary(self._guard, information, fraction, due=due)

    def _remember(self, look: Look) -> None:
        self._last = look
        if look.tested:
            self._last_tested = look
        if "roll_out" in look.tested:
            self._last_roll_out = look


def _boundary(half: HalfTest, information: float, fraction: float, *, due: bool) -> float | None:
    """The z to exceed, or None where the half is not due or has nothing to spend.

    The look is drawn from a copy and then taken in as it is written: so the last bit of a boundary does not
    depend on whether the book was rebuilt from its history in between.
    """
    if not due:
        return None
    found = copy.deepcopy(half).look(information, fraction)
    if not math.isfinite(found.boundary):
        return None
    half.replay(information, found.boundary, found.alpha_spent)
    return found.boundary


def _tested(upper: float | None, lower: float | None, *, rises: bool) -> tuple[str, ...]:
    roll_out, harm = (upper, lower) if rises else (lower, upper)
    return ("roll_out",) * (roll_out is not None) + ("harm",) * (harm is not None)


def _crossed(z: float, upper: float | None, lower: float | None) -> Literal["upper", "lower"] | None:
    if upper is not None and z >= upper:
        return "upper"
    return "lower" if lower is not None and z <= -lower else None


def _end(contrast: Contrast, boundary: float | None, earlier: float | None) -> float | None:
    """End of the repeated interval; a half not tested today keeps the end of its last look."""
    if boundary is None:
        return earlier
    end = contrast.limit(boundary)
    return end if math.isfinite(end) else earlier
