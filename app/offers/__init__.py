"""app.offers: WHAT IS OFFERED.

Question: what is an offer of each kind, which terms does it need, and what does it do to a cart?
In: the `offer` object of a variant; a cart. Out: a validated offer, its public form, and quotes.
May import: pydantic, msgspec, app.strict, app.clock, app.errors; of the ledger its currencies and histories.
Next door: who gets an offer is `assignment`; whether it paid is `stats`; codes are a domain of their own.
"""
