"""app.access: WHO MAY DO WHAT.

Question: whose key is this, is it still good, and does its kind admit this operation?
In: the text of a key, the time, an operationId. Out: a `Principal`, or 401 or 403.
May import: app.audit, app.serving.config, app.database, app.settings; dependencies also fastapi.
Next door: people's logins are `app.pages`; who is whose visitor is `app.identity`.
"""
