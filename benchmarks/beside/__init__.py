"""Our numbers beside those of other packages on the same sums, each in an environment of its own.

Does: runs in the interpreter of the other package, checks equal numbers, times both in turns.
Does not: belong to the tests; `./dev bench bench_packages` makes the environments and runs them.
"""
