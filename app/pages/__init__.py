"""app.pages: THE DOOR FOR PEOPLE.

Question: who is looking, and which page do they get?
In: a browser's request with its session cookie. Out: HTML made by dashboards, under a strict CSP.
May import: app.results, app.experiments, app.settings, app.database, dashboards, itsdangerous, fastapi.
Next door: what a page looks like and says is `dashboards`.
"""
