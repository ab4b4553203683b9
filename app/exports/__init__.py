"""app.exports: TAKING THE DATA AWAY.

Question: which rows stand behind a result, in a file anybody can check?
In: an experiment's key, a moment, a format. Out: streamed CSV, Parquet or Arrow with pseudonymous ids.
May import: app.results and below, pyarrow.
Next door: the numbers themselves are `app.results`; reading such files back is `app.analyze`.
"""
