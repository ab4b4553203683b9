"""A rendered page with its styles and scripts inside: one file, read without server or network."""

import base64
import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "static"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_ICON = re.compile(r'href="/static/(icon\.svg)"')
_STYLE = re.compile(r'<link (?P<attributes>[^>]*?)rel="stylesheet" href="/static/(?P<path>[^"]+)">')
_SCRIPT = re.compile(r'<script defer src="/static/(?P<path>[^"]+)"></script>\n?')


def self_contained(html: str) -> str:
    """The page with everything it asks for inside; a policy in it forbids any request.

    Args:
        html: a page rendered with the default path of static files.
    """
    scripts = "\n".join(_script(found["path"]) for found in _SCRIPT.finditer(html))
    page = _STYLE.sub(lambda found: _style(found["attributes"], found["path"]), _SCRIPT.sub("", html))
    page = _ICON.sub(lambda found: f'href="{_icon(found[1])}"', page)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    page = page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{policy}', 1)
    head, body_end, rest = page.rpartition("</body>")
    return f"{head}{scripts}\n{body_end}{rest}"


def _style(attributes: str, path: str) -> str:
    return f"<style {attributes.strip()}>\n{_text(path)}\n</style>"


def _script(path: str) -> str:
    """A script of the page; it may not hold the words that would end it."""
    harmless = _text(path).replace("</script", "<\\/script")
    return f"<script>\n{harmless}\n</script>"


def _icon(path: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode((FOLDER / path).read_bytes()).decode()


def _text(path: str) -> str:
    return (FOLDER / path).read_text(encoding="utf-8")
