"""app.engine: COUNTING.

Question: how many units, orders and minor units fall in each cell of variant × cohort day?
In: an `AnalysisRequest` and Arrow tables of ledger rows. Out: integer `stats.cells.Cells`, nothing else.
May import: duckdb, pyarrow, stats.cells, stats.plan.
Next door: what the counts mean is `stats`; where rows come from is `app.results`.
"""
