"""Regular expressions of audience conditions that cannot hang the service.

Python's engine backtracks, so a short pattern may need more steps than the universe has seconds. A pattern is
therefore read before it is compiled: repeats of a repeat or of alternatives are refused, the remaining
choices are counted, and text too long for that count is not searched (it does not match).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import factorial
from typing import NoReturn

LONGEST_PATTERN = 200
LONGEST_SUBJECT = 1_000
_SHORTEST_USEFUL_SUBJECT = 64
_STEP_BUDGET = 1_000_000  # at most about 20 ms of backtracking
_MOST_REPEATS = 1_000
_DEEPEST_GROUP = 10

_COUNT = re.compile(r"\{([0-9]{1,6})(?:(,)([0-9]{0,6}))?\}")


@dataclass(frozen=True, slots=True)
class _Effort:
    """What a part of a pattern can cost.

    Attributes:
        ways: number of ways bounded choices (`?`, `{m,n}`, `|`) can be taken.
        growth: number of unbounded repeats on one path; each multiplies the cost by the text's length.
        choosy: whether it holds a repeat or alternatives, and so may not be repeated itself.
    """

    ways: int = 1
    growth: int = 0
    choosy: bool = False

    def then(self, following: "_Effort") -> "_Effort":
        """Both parts, one after the other."""
        return _Effort(
            self.ways * following.ways, self.growth + following.growth, self.choosy or following.choosy
        )

    def otherwise(self, branch: "_Effort") -> "_Effort":
        """One part or the other."""
        return _Effort(self.ways + branch.ways, max(self.growth, branch.growth), choosy=True)


class _Reader:
    """Reads a pattern once from left to right and adds up its effort."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.anchored = text.startswith("^")

    def read(self) -> _Effort:
        effort = self._alternatives(depth=0)
        if self._at < len(self._text):
            self._refuse("has a closing bracket too many")
        return effort

    def _refuse(self, why: str) -> NoReturn:
        raise ValueError(f"pattern {self._text!r} {why}")

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _alternatives(self, depth: int) -> _Effort:
        effort = self._sequence(depth)
        while self._peek("|"):
            self._at += 1
            self.anchored = self.anchored and depth > 0  # ^ belongs to the first branch only
            effort = effort.otherwise(self._sequence(depth))
        return effort

    def _sequence(self, depth: int) -> _Effort:
        effort = _Effort()
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            effort = effort.then(self._repeat(self._atom(depth)))
        return effort

    def _atom(self, depth: int) -> _Effort:
        if self._peek("("):
            return self._group(depth + 1)
        if self._peek("["):
            return self._character_class()
        if self._peek("\\"):
            if self._text[self._at + 1 : self._at + 2] in set("0123456789"):
                self._refuse("refers back to a group; that is not supported")
            self._at += 1
        self._at += 1
        return _Effort()

    def _group(self, depth: int) -> _Effort:
        if depth > _DEEPEST_GROUP:
            self._refuse(f"nests groups deeper than {_DEEPEST_GROUP}")
        self._at += 3 if self._peek("(?:") else 1
        if self._peek("?"):
            self._refuse("uses a (?…) extension other than (?:…); that is not supported")
        effort = self._alternatives(depth)
        if not self._peek(")"):
            self._refuse("has an open group")
        self._at += 1
        return effort

    def _character_class(self) -> _Effort:
        self._at += 2 if self._peek("[^") else 1
        if self._peek("]"):
            self._refuse("has an empty character class")
        while self._at < len(self._text) and not self._peek("]"):
            self._at += 2 if self._peek("\\") else 1
        self._at += 1
        return _Effort()

    def _repeat(self, body: _Effort) -> _Effort:
        bounds = self._bounds()
        if bounds is None:
            return body
        if self._peek("?"):  # lazy: other order, same effort
            self._at += 1
        if self._at < len(self._text) and (self._text[self._at] in "*+?" or self._bounds() is not None):
            self._refuse("has nested quantifiers: two in a row")
        least, most = bounds
        if most == 1:
            return _Effort(body.ways + 1 - least, body.growth, choosy=True)
        if body.choosy:
            self._refuse("has nested quantifiers: repeat of a repeat or of alternatives")
        return _Effort(growth=1, choosy=True) if most is None else _Effort(most - least + 1, choosy=True)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._peek(sign):
                self._at += 1
                return bounds
        return self._counted() if self._peek("{") else None

    def _counted(self) -> tuple[int, int | None]:
        found = _COUNT.match(self._text, self._at)
        if found is None:
            self._refuse("holds a { that is no count; write \\{")
        self._at = found.end()
        least = int(found[1])
        most = least if not found[2] else int(found[3]) if found[3] else None
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            self._refuse(f"has the count {found[0]}; at most {_MOST_REPEATS} in rising order is possible")
        return least, most


def compile_pattern(pattern: object, *, fold_case: bool = False) -> Callable[[str], bool]:
    r"""Compile a pattern into a search that always ends soon.

    Searches anywhere in the text, as JavaScript's `test` does; `\w` and `\d` follow Python: letters and
    digits of all scripts.

    Args:
        pattern: at most 200 characters; groups, classes, alternatives and one level of repeats.
        fold_case: ignore case.

    Returns:
        A function of a text. Text longer than the pattern's limit (1,000 characters; less with several
        unbounded repeats, never below 64) does not match.

    Raises:
        ValueError: not a text, too long, not a regular expression, or too many ways to match.

    >>> compile_pattern("^ping")("pingpong")
    True
    >>> compile_pattern("^(a+)+$")
    Traceback (most recent call last):
    ...
    ValueError: pattern '^(a+)+$' has nested quantifiers: repeat of a repeat or of alternatives
    """
    if not isinstance(pattern, str) or len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern is a text of at most {LONGEST_PATTERN} characters; got {pattern!r:.40}")
    limit = subject_limit(pattern)
    try:
        search = re.compile(pattern, re.IGNORECASE if fold_case else 0).search
    except re.error as error:
        raise ValueError(f"pattern {pattern!r} is not a regular expression: {error}") from None
    return lambda text: len(text) <= limit and search(text) is not None


def subject_limit(pattern: str) -> int:
    """Length of the longest text the pattern may search within the budget of steps, 64 … 1,000.

    Raises:
        ValueError: the pattern holds a construct that is refused, or more choices than the budget allows.

    >>> subject_limit("^.+@.+$"), subject_limit(".*a.*b")
    (1000, 181)
    """
    reader = _Reader(pattern)
    effort = reader.read()
    growth = effort.growth + (not reader.anchored)  # an unanchored search starts anew at every character
    longest = LONGEST_SUBJECT if growth else _STEP_BUDGET // effort.ways
    if growth:
        longest = int((_STEP_BUDGET * factorial(growth) / effort.ways) ** (1 / growth))
    if longest < _SHORTEST_USEFUL_SUBJECT:
        raise ValueError(f"pattern {pattern!r} can match in too many ways; use fewer repeats")
    return min(longest, LONGEST_SUBJECT)
