"""app.analyze: THE ANALYST'S COMMAND.

Question: what do these files say under this plan, without a server?
In: CSV or Parquet files and a flat plan.toml. Out: the same result object as the service's.
May import: app.results (plans, inputs, reading), app.engine, pyarrow, stats.
Next door: the files come from `app.exports`; the click commands are `app.cli.analyze`.
"""
