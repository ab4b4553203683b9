"""app.health: IS IT ALIVE?

Question: does the process answer, can it reach its database, is the schema at its head, what does it count?
In: nothing. Out: probes and Prometheus text.
May import: app.database, app.dependencies, prometheus_client.
Next door: what is wrong with an installation, in plain words, is `offerlab doctor`.
"""
