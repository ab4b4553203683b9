"""app.edge: THE HOT PATHS.

Question: how do evaluate and ingest answer in microseconds?
In: raw ASGI scopes. Out: bytes. msgspec reads, prebuilt fragments are written.
May import: assignment, app.serving, app.ledger, app.access, app.errors, msgspec; no FastAPI, no database.
Next door: everything that may take milliseconds is an ordinary FastAPI endpoint of its domain.
"""
