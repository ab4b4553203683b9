"""app.offers: WHAT IS OFFERED.

Question: what is an offer of each kind, which terms does it need, and what may a shopper see of it?
In: the `offer` object of a variant. Out: a validated offer, and its public form without budget or code.
May import: pydantic, app.strict.
Next door: who gets an offer is `assignment`; whether it paid is `stats`.
"""
