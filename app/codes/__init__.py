"""app.codes: WHO MAY USE WHICH CODE, AND WHO DID.

Question: which code has this unit, may this order use that code, and what is left of the budget?
In: a unit with its assignment, a code as a shopper types it, an order. Out: codes; uses that happen once.
May import: the ledger's writer, experiments, serving, offers, the database, settings and errors.
Next door: what an offer is stands in `app.offers`; what leaked is estimated by `stats.offers`.
"""
