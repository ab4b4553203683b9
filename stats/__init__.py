"""stats: WHAT THE DATA SAY.

Question: how large is the effect, how sure are we, what follows for the shop?
In: integer cells (sufficient statistics), a plan, earlier looks. Out: frozen result objects or `Inconclusive`.
May import: numpy, scipy and statsmodels (inside functions where heavy). No I/O, no clock, no global random.
Next door: choosing a variant is `assignment`; drawing and wording `dashboards`; reading the ledger `app`.
"""
