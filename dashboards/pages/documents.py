"""Whole pages: an experiment, the list, the login, a message."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.meta import ENDED_STATUSES, ExperimentMeta, ListRow, Site
from dashboards.pages.banner import banner
from dashboards.pages.charts import Chart, curve_charts, effect_charts
from dashboards.pages.code_use import code_parts
from dashboards.pages.codes import money, moved_orders
from dashboards.pages.environment import environment
from dashboards.pages.progress import progress
from dashboards.pages.scorecard import scorecard
from dashboards.wording.language import Words, words_for
from dashboards.wording.missing import notice_text
from dashboards.wording.offers import offer_line
from dashboards.wording.reasons import STATES
from dashboards.wording.statuses import notice_label, status_name
from dashboards.wording.verdicts import state_words, verdict_words
from stats.results import Result

DEFAULT_SITE = Site()


def render_experiment(  # noqa: PLR0913 -- the last three are keyword-only and have defaults
    result: Result,
    meta: ExperimentMeta,
    locale: str,
    *,
    csrf_token: str = "",
    site: Site = DEFAULT_SITE,
    downloads: Sequence[tuple[str, str]] = (),
) -> str:
    """The page of one experiment.

    Args:
        result: what was found.
        meta: name, hypothesis, offers, notices.
        locale: `en` or `ru`.
        csrf_token: token of the reader's session; empty: no log-out form.
        site: paths of the other pages and of the static files.
        downloads: (name, path) of each export the reader may fetch.

    Returns:
        A whole HTML document.
    """
    words = words_for(locale, meta.unit)
    names = meta.names
    control = next((variant.key for variant in meta.variants if variant.control), "")
    return _render(
        "experiment.html",
        words,
        site,
        csrf_token,
        meta=meta,
        status=status_name(words, meta.status),
        started=words.formats.day(meta.started) if meta.started else "",
        verdict=verdict_words(result, words, names, ended=meta.ended),
        notices=[notice_text(words, code) for code in meta.notices],
        offers=[(variant, offer_line(words, variant.offer)) for variant in meta.variants],
        banner=banner(result, words, names),
        sections=scorecard(result, words, names),
        effects=effect_charts(result, words, names),
        curves=[*curve_charts(result, words, names), *_moved(result, control, words, names)],
        money=money(result, control, words, names),
        code_parts=code_parts(result, words, names),
        progress=progress(result, meta, words),
        result=result,
        as_of=words.formats.day(result.as_of) if result.as_of else "",
        downloads=downloads,
    )


def _moved(result: Result, control: str, words: Words, names: Mapping[str, str]) -> list[Chart]:
    chart = moved_orders(result, control, words, names)
    return [] if chart is None else [chart]


def render_list(
    rows: Sequence[ListRow], locale: str, *, csrf_token: str = "", site: Site = DEFAULT_SITE
) -> str:
    """The list of experiments, in the order given (see `render_experiment` for the arguments)."""
    words = words_for(locale)
    shown = [
        {
            "row": row,
            "status": status_name(words, row.status),
            **_chip(row, words),
            "units": words_for(locale, row.unit).ngettext(
                "%(count)s visitor", "%(count)s visitors", row.units
            ),
            "labels": [label for label in (notice_label(words, code) for code in row.notices) if label],
        }
        for row in rows
    ]
    return _render("list.html", words, site, csrf_token, rows=shown)


def _chip(row: ListRow, words: Words) -> dict[str, str]:
    if row.state not in STATES:
        return {"chip": "", "symbol": ""}
    said = state_words(row.state, ended=row.status in ENDED_STATUSES)
    return {"chip": words.gettext(said.chip), "symbol": said.symbol}


def render_login(
    locale: str, *, csrf_token: str = "", token: str = "", error: str = "", site: Site = DEFAULT_SITE
) -> str:
    """The login page.

    Args:
        locale: `en` or `ru`.
        csrf_token: sent back by the form.
        token: a one-time link's token: the form then only asks to confirm, so that no link preview can
            spend it; empty: the page says how to get a link and offers a field for it.
        error: a sentence to show above the form, already in the reader's language.
        site: paths; the form posts to `site.login`.
    """
    return _render("login.html", words_for(locale), site, "", form_csrf=csrf_token, token=token, error=error)


def render_message(
    locale: str, title: str, text: str, *, action: tuple[str, str] | None = None, site: Site = DEFAULT_SITE
) -> str:
    """A page that only says something: an expired link, a missing experiment.

    Args:
        locale: `en` or `ru`.
        title: heading, as a message of the catalogue or ready text.
        text: what happened and what to do, likewise.
        action: (label, path) of one link.
        site: paths.
    """
    words = words_for(locale)
    said = {"title": words.gettext(title), "text": words.gettext(text)}
    return _render("message.html", words, site, "", action=action, **said)


def _render(template: str, words: Words, site: Site, csrf_token: str, **context: Any) -> str:
    made = environment(words).get_template(template)
    return made.render(lang=words.locale, site=site, csrf_token=csrf_token, **context)
