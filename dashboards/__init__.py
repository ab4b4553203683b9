"""dashboards: WHAT PEOPLE SEE.

Question: how do we show one result to a manager, in words, tables and charts, in English and Russian?
In: frozen result objects of `stats`, and the frame of the experiment. Out: HTML, figures, words.
May import: stats, jinja2, babel (plotly only in tests). No database, no web framework, no clock, no network.
Next door: estimating and deciding is `stats`; HTTP, sessions and cookies are `app`.
"""
