"""app.results: WHAT THE LEDGER SAYS.

Question: what do the rows up to a moment say about an experiment, and which looks are closed?
In: an experiment's definition, ledger rows, earlier looks. Out: looks (written once) and the result document.
May import: app.engine, app.identity, app.ledger, app.experiments, stats, dashboards.wording.
Next door: estimating is `stats`; counting is `app.engine`; handing rows out is `app.exports`.
"""
