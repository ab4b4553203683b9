"""app.clients: HOW A SHOP ASKS US.

Question: how does a shop's own program get offers and report events, even while the service is away?
In: a key, ids, attributes, events. Out: `Answer`s within a time budget; events sent until acknowledged.
May import: assignment, httpx, msgspec, the standard library; no other part of the app.
Next door: what answers these calls is `app.edge`; the rules themselves are `assignment`.
"""

from app.clients.answers import Answer
from app.clients.client import AsyncClient, Client
from app.clients.options import Options

__all__ = ["Answer", "AsyncClient", "Client", "Options"]
