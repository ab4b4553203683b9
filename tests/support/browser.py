"""Real Chromium: `chromium_page()` opens a page and watches what it complains about and fetches."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = (390, 844)
DESK = (1440, 900)

# Reports each content-security-policy violation to the console, where `Watched.complaints` finds it.
_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error("CSP " + event.effectiveDirective + " " + event.blockedURI + " " + event.sample));
"""


def chromium_missing() -> str | None:
    """Why there is no browser here, or None."""
    return None if Path(CHROMIUM).exists() else f"no Chromium at {CHROMIUM}: apt-get install chromium"


@dataclass
class Watched:
    """A page and what was seen of it.

    Attributes:
        page: Playwright's page (sync API).
        complaints: console errors, uncaught exceptions, violations of the security policy.
        hosts: every host a request went to.
        dialogs: texts of alert boxes (hostile input that ran).
    """

    page: Any
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    dialogs: list[str] = field(default_factory=list)

    def scrolls_sideways(self) -> bool:
        """Whether the document is wider than its window."""
        return bool(
            self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        )


@contextmanager
def chromium_page(
    size: tuple[int, int] = DESK,
    *,
    scheme: Literal["light", "dark"] = "light",
    locale: str = "en-US",
    javascript: bool = True,
) -> Iterator[Watched]:
    """A fresh browser with one page; closed at the end.

    Args:
        size: window in CSS pixels, (width, height).
        scheme: what `prefers-color-scheme` answers.
        locale: what the browser prefers to read.
        javascript: False shows what is left without scripts.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            locale=locale,
            java_script_enabled=javascript,
        )
        watched = Watched(context.new_page())
        _watch(watched, javascript=javascript)
        yield watched
        browser.close()


def _watch(watched: Watched, *, javascript: bool) -> None:
    page = watched.page
    page.on("console", lambda message: _note_console(watched, message))
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on("request", lambda request: _note_host(watched, request.url))
    page.on("dialog", lambda dialog: _note_dialog(watched, dialog))
    if javascript:
        page.add_init_script(_REPORT_VIOLATIONS)


def _note_console(watched: Watched, message: Any) -> None:
    if message.type in ("error", "warning"):
        watched.complaints.append(message.text)


def _note_dialog(watched: Watched, dialog: Any) -> None:
    watched.dialogs.append(dialog.message)
    dialog.dismiss()


def _note_host(watched: Watched, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("data", "blob", "about"):
        watched.hosts.add(parts.netloc)
