"""app: THE SERVICE.

Question: what was defined, what happened, who may know it, and when is it time to look?
In: HTTP requests, files, the clock. Out: assignments, acknowledged events, results, pages, exports.
May import: dashboards, stats, assignment and the libraries; within: endpoints → service → queries → tables.
Next door: choosing is `assignment`; estimating is `stats`; showing is `dashboards`.
"""
