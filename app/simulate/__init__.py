"""app.simulate: SHOPPERS AS FILES.

Question: what would a test find in this shop, or in our own order log?
In: a shop's habits, or an order log. Out: files for `offerlab analyze events`, a resampler, shop days.
May import: app.analyze.files, app.clock, app.errors, stats.shoppers, stats.base_rates, numpy, pyarrow.
Next door: the studies themselves are `stats.studies`; the click command is `app.cli.simulate`.
"""
