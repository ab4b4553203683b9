"""Titles and texts of pages that only say something; pass one as `render_message(locale, *MESSAGES[…])`."""

from dashboards.wording.language import mark

MESSAGES = {
    "link_expired": (
        mark("This link has expired"),
        mark(
            "A log-in link works once and for a short time. "
            "Make a new one with the command “offerlab keys login-link”."
        ),
    ),
    "logged_out": (mark("You are logged out"), mark("Open a new log-in link to come back.")),
    "not_found": (
        mark("There is nothing here"),
        mark("The experiment does not exist, or its key is written differently. Keys are lower case."),
    ),
    "forbidden": (mark("You may not see this"), mark("Your log-in does not cover this page.")),
    "form_expired": (
        mark("The form is too old"),
        mark("It was opened in another session or long ago. Go back, reload the page and try again."),
    ),
    "unavailable": (
        mark("The data are out of reach at the moment"),
        mark(
            "The database does not answer. Visitors still get their offers; this page comes back by itself."
        ),
    ),
    "failed": (
        mark("Something went wrong on our side"),
        mark("It has been written to the log. Nothing you did was lost."),
    ),
}
