"""app.idempotency: THE SAME CALL AGAIN.

Question: was this very call made before, and what was it answered?
In: an `Idempotency-Key`, the sender, the request. Out: the answer of the first time, or leave to go on.
May import: app.access, app.edge.http, app.database, app.settings, app.clock, app.errors, cryptography.
Next door: events are unique by their own ids in `app.ledger`; what a call does is its domain's.
"""
