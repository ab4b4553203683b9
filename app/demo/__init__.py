"""app.demo: A FIRST LOOK ON REAL ORDERS.

Question: what does the service look like with a shop's data in it?
In: the CDNOW purchase log (real), seeded shoppers (simulated), an address and a key. Out: HTTP calls.
May import: httpx, click (progress), numpy; the service only through its HTTP API.
Next door: power and false-positive studies are `stats.studies`.
"""
