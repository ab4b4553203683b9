"""app.serving: WHAT IS SERVED NOW.

Question: which experiments run, with which rules and which ready-made bytes, without asking the database?
In: experiment rows, layers, holdouts, keys, links. Out: one immutable `Snapshot`, swapped by one reference.
May import: assignment, app.experiments, app.offers, app.access, app.ledger, app.database.
Next door: reading requests and writing answers is `app.edge`; changing an experiment is `app.experiments`.
"""
