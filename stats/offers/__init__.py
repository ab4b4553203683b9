"""stats.offers: WHAT AN OFFER COSTS AND WHO PAYS.

Question: who used whose code, and who would have bought anyway?
In: counts of units, orders and redemptions. Out: frozen results with intervals or an `Inconclusive`.
May import: stats, numpy, scipy.special.
Next door: the effect on redeemers is `stats.redeemers`; planned break-even is `stats.planning`.
"""
