"""dashboards.pages: WHICH PAGE.

Question: what stands where on the pages a manager sees?
In: a result, its frame (`ExperimentMeta`), a language. Out: whole HTML documents as text.
May import: everything in dashboards, jinja2, stats.results. Only `self_contained` inlines scripts.
Next door: routes, sessions, cookies and headers are `app.pages`; sentences are `dashboards.wording`.
"""

from dashboards.meta import ExperimentMeta, ListRow, OfferSummary, Site, VariantMeta
from dashboards.pages.documents import render_experiment, render_list, render_login, render_message
from dashboards.pages.self_contained import self_contained

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

__all__ = [
    "CONTENT_SECURITY_POLICY",
    "ExperimentMeta",
    "ListRow",
    "OfferSummary",
    "Site",
    "VariantMeta",
    "render_experiment",
    "render_list",
    "render_login",
    "render_message",
    "self_contained",
]
