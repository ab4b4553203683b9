"""app.audit: WHO CHANGED WHAT.

Question: which change was made, by whom, when, and has anybody tampered with the record?
In: an actor, an action, a subject, the state before and after. Out: a hash-chained row; pages; a proof.
May import: sqlmodel, app.clock; the endpoints alone also app.access.dependencies.
Next door: events of shoppers are `app.ledger`; who may read this is `app.access`.
"""
