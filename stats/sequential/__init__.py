"""stats.sequential: WHEN MAY A TEST BE READ, AND STOPPED?

Question: which z must a look exceed so that reading the data daily keeps the promised error rate?
In: information of each look, alpha, a spending function. Out: boundaries, alpha spent, repeated p-values.
May import: numpy, scipy.special; scipy.optimize inside functions. Nothing of the project.
Next door: the difference and its error come from `stats.proportions`, `stats.means`; looks are kept by `app`.
"""
