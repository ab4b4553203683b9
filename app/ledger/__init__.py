"""app.ledger: WHAT HAPPENED.

Question: which events did the shop send, and what does the ledger hold up to a moment and a sequence number?
In: JSON events of one request, validated item by item. Out: an outcome per item after the commit; Arrow rows.
May import: the database, the clock, errors and `assignment` (to see a contradicted hash); no other domain.
Next door: the door itself is `app.edge.ingest`; who is who is `app.identity`; counting is `app.engine`.
"""
