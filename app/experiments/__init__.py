"""app.experiments: WHAT WAS DEFINED.

Question: which experiments, layers and holdouts are there, in which state, and may this change be made?
In: definitions and actions of managers. Out: rows, a timeline, audit entries, a new config version.
May import: app.offers, app.access, app.audit, app.serving.config, assignment (to check rules), stats.metrics.
Next door: serving a running experiment is `app.serving`; analysing it is `app.results`.
"""
