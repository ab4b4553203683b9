"""app.identity: WHO IS WHO.

Question: which visitors and customers are one person, and which unit stands for them?
In: links between visitors and customers, as integers. Out: the canonical unit of each id, contradictions.
May import: the ledger's service (rows), nothing of experiments or results; `resolve` imports nothing.
Next door: choosing a variant for a unit is `assignment`; counting units is `app.engine`.
"""
