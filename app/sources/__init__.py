"""app.sources: WHO MAY CALL OUR WEBHOOKS.

Question: is this call really the shop's, and which events does it tell?
In: a raw body with its headers, the source's secrets. Out: events of the ledger, or a refusal.
May import: app.ledger (words of events), app.access, app.audit, cryptography, standardwebhooks.
Next door: the door itself is `app.edge.webhooks`; storing is `app.ledger`.
"""
