"""assignment: WHO GETS WHAT.

Question: which variant of which experiment does this unit get, and if none, why?
In: an experiment's compiled rules, a unit id, attributes. Out: `Assigned` or `NotAssigned(reason)`.
May import: the standard library and the FNV extension (< 30 ms); `bulk` and `blocks` load numpy, lazily.
Next door: whether the offer worked is `stats`; remembering, listening and serving is `app`.
"""
