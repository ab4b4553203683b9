"""Pages for people: the list, an experiment, logging in and out."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from app.bootstrap import Services
from app.dependencies import services
from app.errors import NotFound
from app.experiments.service import get_row, list_rows
from app.exports.service import export
from app.pages.frames import experiment_meta, list_row
from app.pages.service import SESSION_SECONDS, Session, read_session, session_cookie, use_login_link
from dashboards.pages import (
    CONTENT_SECURITY_POLICY,
    render_experiment,
    render_list,
    render_login,
    render_message,
)
from dashboards.wording.messages import MESSAGES

router = APIRouter(tags=["pages"], include_in_schema=False)
Wired = Annotated[Services, Depends(services)]
Lang = Annotated[str | None, Query(max_length=2)]
LOCALES = ("en", "ru")
SESSION_COOKIE, LANGUAGE_COOKIE = "offerlab_session", "offerlab_lang"
EXPORTS = ("units.csv", "exposures.csv", "orders.csv", "units.parquet", "plan.toml")
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def _locale(request: Request, lang: str | None) -> str:
    """The reader's language: asked for, remembered, or the browser's."""
    for wanted in (lang, request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in LOCALES:
            return str(wanted)
    preferred = request.headers.get("accept-language", "").lower()
    return "ru" if preferred.startswith("ru") else "en"


def _session(request: Request, wired: Services) -> Session | None:
    return read_session(wired.settings, request.cookies.get(SESSION_COOKIE))


def _page(html: str, lang: str | None, status: int = 200) -> Response:
    response = HTMLResponse(html, status_code=status, headers=HEADERS)
    if lang in LOCALES:
        response.set_cookie(LANGUAGE_COOKIE, str(lang), max_age=365 * 86400, httponly=True, samesite="lax")
    return response


def _to_login(request: Request, lang: str | None) -> Response:
    return _page(render_login(_locale(request, lang)), lang, status=401)


@router.get("/")
def experiments_page(request: Request, wired: Wired, lang: Lang = None) -> Response:
    """All experiments with their verdicts, the newest first."""
    session = _session(request, wired)
    if session is None:
        return _to_login(request, lang)
    locale = _locale(request, lang)
    with wired.database.read() as reading:
        rows = list(list_rows(reading))
    now_us = wired.clock.now_us()
    shown = [list_row(row, _result(wired, row.key, row.state), locale, now_us) for row in reversed(rows)]
    return _page(render_list(shown, locale, csrf_token=session.csrf), lang)


def _result(wired: Services, key: str, state: str) -> Any:
    from app.results.service import read_result

    return None if state == "draft" else read_result(wired, key)


@router.get("/experiments/{key}")
def experiment_page(key: str, request: Request, wired: Wired, lang: Lang = None) -> Response:
    """One experiment: verdict, trust, scorecard, charts."""
    from app.results.service import read_result

    session = _session(request, wired)
    if session is None:
        return _to_login(request, lang)
    locale = _locale(request, lang)
    try:
        with wired.database.read() as reading:
            row = get_row(reading, key)
    except NotFound:
        return _page(render_message(locale, *MESSAGES["not_found"]), lang, status=404)
    result = read_result(wired, key)
    meta = experiment_meta(row, result, wired.clock.now_us())
    downloads = [(name, f"/experiments/{quote(key)}/export/{name}") for name in EXPORTS]
    html = render_experiment(result, meta, locale, csrf_token=session.csrf, downloads=downloads)
    return _page(html, lang)


@router.get("/experiments/{key}/export/{name}")
def export_page(key: str, name: str, request: Request, wired: Wired, lang: Lang = None) -> Response:
    """An export for a logged-in person: the same file as the API gives."""
    if _session(request, wired) is None:
        return _to_login(request, lang)
    made = export(wired, key, name, None, None)
    disposition = {"content-disposition": f'attachment; filename="{made.name}"'}
    return StreamingResponse(made.parts, media_type=made.media_type, headers=disposition)


@router.get("/login")
def login_page(request: Request, lang: Lang = None) -> Response:
    """How to get a login link, and a field for its token."""
    return _page(render_login(_locale(request, lang)), lang)


@router.get("/login/{token}")
def open_login_link(token: str, request: Request, wired: Wired, lang: Lang = None) -> Response:
    """Use a one-time link: sets the session cookie and goes to the list."""
    return _log_in(token, request, wired, lang)


@router.post("/login")
def log_in(
    request: Request, wired: Wired, token: Annotated[str, Form(max_length=200)], lang: Lang = None
) -> Response:
    """Use the token of a one-time link that was pasted into the form."""
    return _log_in(token.strip().rsplit("/", 1)[-1], request, wired, lang)


def _log_in(token: str, request: Request, wired: Services, lang: str | None) -> Response:
    role = use_login_link(wired.database, token, wired.clock.now_us())
    if role is None:
        told = render_message(_locale(request, lang), *MESSAGES["link_expired"])
        return _page(told, lang, status=410)
    response = RedirectResponse("/", status_code=303, headers={"cache-control": "no-store"})
    secure = request.url.scheme == "https"
    cookie = session_cookie(wired.settings, role)
    response.set_cookie(
        SESSION_COOKIE, cookie, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=secure
    )
    return response


@router.post("/logout")
def log_out(request: Request, wired: Wired, csrf_token: Annotated[str, Form(max_length=64)] = "") -> Response:
    """End the session of this browser; a foreign form cannot (CSRF token)."""
    session = _session(request, wired)
    if session is None or csrf_token != session.csrf:
        return _to_login(request, None)
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(SESSION_COOKIE)
    return response
