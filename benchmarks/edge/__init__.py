"""Parts of `./dev bench edge`: what assignment costs at the edge, and what it does when something breaks.

Every part starts the real service in processes of its own, on the loopback address, for a bounded time.
"""
