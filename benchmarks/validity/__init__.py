"""Studies of the promises: error rates, power and coverage of the tests of `stats` on simulated shops.

Does: draws seeded shops, reads them look by look as the service does, counts what was claimed.
Does not: decide; it is run by hand (`./dev bench bench_validity`) and by the long tests.
"""
