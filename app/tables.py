"""Every table of the service in one import, for migrations and their check."""

import app.access.tables
import app.audit.tables
import app.codes.tables
import app.erasure.tables
import app.experiments.tables
import app.idempotency.tables
import app.ledger.tables
import app.pages.tables
import app.results.tables
import app.serving.tables
import app.sources.tables  # noqa: F401 - importing them all is the point
