"""app.erasure: WHO ASKED TO BE FORGOTTEN.

Question: which ids are this person's, and does any byte of them still lie anywhere?
In: an id. Out: no id of the person in tables, files or exports; the figures as they were; a mark.
May import: app.ledger, app.identity, app.experiments, app.codes, app.audit, app.serving.config, cryptography.
Next door: the local files of identity are `app.serving`'s, which asks here whom to drop.
"""
