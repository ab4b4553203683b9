"""Trust banner: each check that is not fine, with cause and remedy, and the counts of the sample ratio."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.wording.language import Words
from dashboards.wording.trust import check_words
from stats.results import Check, Result
from stats.trust import QUIET_NOTES

_RANK = {"stop": 0, "warning": 1, "ok": 2}
_ONCE = frozenset({"budget_cut", "policies_contradict"})  # happened or did not: a count says nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the banner, in words."""

    status: str
    title: str
    count: str
    cause: str
    remedy: str
    detail: str


@dataclass(frozen=True, slots=True)
class RatioRow:
    """Planned and seen share of one variant."""

    name: str
    count: str
    planned: str
    seen: str


@dataclass(frozen=True, slots=True)
class Banner:
    """The whole banner; `findings` are worst first, what was set aside on purpose last."""

    status: str
    findings: tuple[Finding, ...]
    ratio: tuple[RatioRow, ...]
    ratio_pvalue: str
    crossover: str


def banner(result: Result, words: Words, names: Mapping[str, str]) -> Banner:
    """The banner of a result."""
    trust = result.trust
    told = [check for check in trust.checks if check.status != "ok" or check.key in QUIET_NOTES]
    told.sort(key=lambda check: _RANK[check.status])
    return Banner(
        status=trust.status,
        findings=tuple(_finding(check, words) for check in told),
        ratio=_ratio(result, words, names),
        ratio_pvalue=words.formats.pvalue(trust.srm.pvalue),
        crossover=words.ngettext(
            "%(count)s visitor saw two variants (%(share)s)",
            "%(count)s visitors saw two variants (%(share)s)",
            trust.crossover.units,
            share=words.formats.share(trust.crossover.share),
        ),
    )


def _finding(check: Check, words: Words) -> Finding:
    said = check_words(words, check)
    is_told = check.count is not None and check.key not in _ONCE
    count = words.formats.number(check.count or 0) if is_told else ""
    detail = check.detail if check.detail != said.cause else ""
    return Finding(check.status, said.title, count, said.cause, said.remedy, detail)


def _ratio(result: Result, words: Words, names: Mapping[str, str]) -> tuple[RatioRow, ...]:
    srm = result.trust.srm
    everyone = sum(srm.counts.values())
    return tuple(
        RatioRow(
            name=names.get(variant, variant),
            count=words.formats.number(count),
            planned=words.formats.share(srm.weights.get(variant, 0.0), 1),
            seen=words.formats.share(count / everyone, 1) if everyone else "–",
        )
        for variant, count in srm.counts.items()
    )
