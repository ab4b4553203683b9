"""Result objects: what pages, exports and the API show. All frozen, all plain values.

Field order is the order in the JSON document. `None` means "there is no number"; `inconclusive` says why.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from stats.plan import label_of


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """There is no number, and this is why.

    Attributes:
        reason: a stable code, for example `below_minimum`.
        detail: plain words with the bound that was missed.
    """

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One planned reading of one comparison. Written once, never recomputed.

    Attributes:
        metric: label of the metric.
        treatment: the variant compared with control.
        number: 1-based count of this comparison's looks.
        day: last closed shop day read, ISO date.
        n_control: units (or units ever at risk) in control.
        n_treatment: the same for the treatment.
        difference: treatment − control on the tested (capped) scale.
        standard_error: its standard error.
        information: 1 / standard_error².
        fraction: t, information over planned information; never goes down.
        z: standardised difference (t statistics through their p-value).
        tested: which halves were tested: `roll_out` (upper, good direction up) and/or `harm`.
        upper: z above which the difference is proven positive; None where not tested.
        lower: z below which (negative) it is proven negative; None where not tested.
        alpha_spent_upper: one-sided alpha spent by the upper half so far.
        alpha_spent_lower: one-sided alpha spent by the lower half so far.
        crossed: `upper`, `lower` or None.
        interval_low: repeated interval, lower end (None before the upper half was tested).
        interval_high: repeated interval, upper end (None before the lower half was tested).
        raw_difference: the difference of uncapped values.
        noninferiority_z: guardrails: z of treatment − (1 − m) × control; else None.
        noninferiority_boundary: guardrails: z to exceed; else None.
        noninferiority_passed: guardrails: whether it has been exceeded at this look.
    """

    metric: str
    treatment: str
    number: int
    day: str
    n_control: int
    n_treatment: int
    difference: float
    standard_error: float
    information: float
    fraction: float
    z: float
    tested: tuple[str, ...]
    upper: float | None
    lower: float | None
    alpha_spent_upper: float
    alpha_spent_lower: float
    crossed: Literal["upper", "lower"] | None
    interval_low: float | None
    interval_high: float | None
    raw_difference: float | None = None
    noninferiority_z: float | None = None
    noninferiority_boundary: float | None = None
    noninferiority_passed: bool | None = None


@dataclass(frozen=True, slots=True)
class VariantSummary:
    """One variant's mature units at `as_of`.

    Attributes:
        variant: its key.
        n: mature units (survival: units ever at risk).
        mean: mean per unit, uncapped (survival: event share at the window, Kaplan–Meier), or None.
        standard_error: of `mean` (capped values where a cap is frozen), or None.
        total: Σx, uncapped, a whole number in the smallest unit (survival: events).
        immature: units exposed whose window has not closed.
        capped_mean: mean of capped values where a cap is frozen, else None.
        inconclusive: reason code when `mean` is None.
    """

    variant: str
    n: int
    mean: float | None
    standard_error: float | None
    total: float
    immature: int = 0
    capped_mean: float | None = None
    inconclusive: str | None = None


@dataclass(frozen=True, slots=True)
class LookSummary:
    """The last look of a comparison as the contract shows it (see `Look`)."""

    number: int
    day: str
    information: float
    fraction: float
    z: float
    boundary: float | None
    alpha_spent: float
    crossed: bool
    side: Literal["upper", "lower"] | None
    tested: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AtStop:
    """The effect at the first crossing, corrected for having stopped there (stage-wise, median-unbiased).

    Attributes:
        look: number of the look that crossed first.
        day: its shop day, ISO date.
        difference: as often too high as too low, whenever a test stops.
        interval: covers the true difference in 95 % of tests.
    """

    look: int
    day: str
    difference: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One treatment against control on one metric.

    `difference`, `interval`, `pvalue` are sequentially valid and belong to the last closed look.
    `anytime_interval` is live and never decides. `proven` is what any look so far has proven, by the metric's
    good direction: a crossing stays a crossing, also at later looks that test less or reach less.
    """

    treatment: str
    control: str
    difference: float | None
    interval: tuple[float | None, float | None] | None
    uplift: float | None
    uplift_interval: tuple[float | None, float | None] | None
    pvalue: float | None
    look: LookSummary | None
    anytime_interval: tuple[float, float] | None
    raw_difference: float | None = None
    guardrail_passed: bool | None = None
    proven: Literal["better", "worse"] | None = None
    inconclusive: str | None = None
    at_stop: AtStop | None = None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a Kaplan–Meier curve: share with an event by `age`, with a pointwise 95 % band."""

    age: int
    share: float
    low: float
    high: float
    at_risk: int


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric over all variants; `about` tells two with one key apart (see `Metric.about`)."""

    key: str
    role: str
    unit: str  # "share", "minor", "count", "ratio"
    kind: str
    window_days: int
    direction: str
    explanatory: bool
    variants: tuple[VariantSummary, ...]
    comparisons: tuple[Comparison, ...]
    cap_minor: int | None = None
    curves: dict[str, tuple[CurvePoint, ...]] = field(default_factory=dict)
    about: str | None = None

    @property
    def label(self) -> str:
        """The name of its looks (see `Metric.label`)."""
        return label_of(self.key, self.about, self.window_days)


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Sequential multinomial test of planned weights (Lindon & Malek); `pvalue` is the running minimum."""

    pvalue: float
    counts: dict[str, int]
    weights: dict[str, float]
    chi_square_pvalue: float | None = None


@dataclass(frozen=True, slots=True)
class Crossover:
    """Units exposed to more than one variant; they stay under their first."""

    units: int
    share: float
    by_variant: dict[str, int]
    pvalue: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the trust banner. `status` is ok, warning or stop; the words live in dashboards/wording."""

    key: str
    status: Literal["ok", "warning", "stop"]
    count: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether the numbers may be believed."""

    status: Literal["ok", "warning", "stop"]
    srm: SampleRatio
    crossover: Crossover
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """One coded reason of a verdict, with the numbers a sentence needs."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)


VerdictState = Literal["collecting", "roll_out", "keep_control", "no_difference", "do_not_trust"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do, and why. `text` is filled by the page room, one sentence per language."""

    state: VerdictState
    reasons: tuple[Reason, ...]
    variant: str | None = None
    text: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The one result object behind JSON, page and export."""

    experiment: str
    version: int
    as_of: str
    through_seq: int | None
    trust: Trust
    metrics: tuple[MetricResult, ...]
    looks: tuple[Look, ...]
    verdict: Verdict
    currency: str | None
    progress: dict[str, Any]
    offers: dict[str, Any] = field(default_factory=dict)
    unusable: dict[str, Any] = field(default_factory=dict)
    inputs_sha256: str = ""
