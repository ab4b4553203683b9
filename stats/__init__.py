"""stats: WHAT THE DATA SAY.

Question: how large is the effect, how sure are we, what follows for the shop?
In: integer cells, a plan, earlier looks. Out: frozen result objects or `Inconclusive`.
May import: numpy, scipy, statsmodels (inside functions where heavy). No I/O, no clock, no global RNG.
Next door: choosing a variant is `assignment`; drawing and wording `dashboards`; reading the ledger `app`.
"""
