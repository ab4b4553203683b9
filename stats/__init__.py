"""stats: WHAT THE DATA SAY.

Question: how large is the effect, how sure are we, what follows for the shop?
In: integer cells (sufficient statistics), a plan, earlier looks.
Out: frozen result objects or `Inconclusive`.
May import: numpy, scipy and statsmodels (inside functions where heavy).
May not: read or write, ask the time, use the global random generator.
Next door: choosing a variant is `assignment`; drawing and wording `dashboards`; reading the ledger `app`.
"""
