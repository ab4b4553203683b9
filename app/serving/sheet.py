"""Ready-made answers: a panel of experiments with a fragment of JSON for everything it can say.

An answer is joined from fragments; where an id belongs, a fragment has a placeholder, and all of them are
filled at once. JSON text never holds control characters, so a placeholder cannot occur by chance.
"""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import getitem
from typing import Any, NamedTuple

import msgspec

from app.offers.ready import Ready
from app.serving.served import ServedExperiment
from assignment.decision import Assigned
from assignment.hashing import BUCKETS
from assignment.panel import NO_BUCKET, Answers, Panel, unit_of, unit_rule

FORM = b"offerlab-1"
"""Counted up when the form of an answer changes, so that no client keeps an old one by its ETag."""

MOST_SHEETS = 256

_RULES = ("visitor", "customer", "either")
_WHOLE = {rule: bytes([place + 1]) for place, rule in enumerate(_RULES)}
_INNER = {rule: bytes([place + 4]) for place, rule in enumerate(_RULES)}
_BUCKETS = (*(b"%a" % (index / BUCKETS) for index in range(BUCKETS)), b"null")  # NO_BUCKET is the last
_OFREP_REASONS = {"SPLIT": "SPLIT", "DECIDED": "STATIC", "FORCED": "STATIC", "ENDED": "DISABLED"}
_encode = msgspec.json.Encoder().encode


class Asked(NamedTuple):
    """One person, as the sheet needs to know it.

    Attributes:
        visitor: unit id for experiments on visitors, or None.
        customer: unit id for experiments on customers, or None.
        attributes: what the audiences are matched against.
        is_bot: a crawler.
    """

    visitor: str | None
    customer: str | None
    attributes: Mapping[str, Any]
    is_bot: bool = False


class Sheet:
    """Answers about some experiments while nothing of them changes.

    Args:
        served: the experiments, in the order of the answers.
        now_us: a moment of the period the sheet is for; decides which of their rules are in force.
        config_version: stands in every answer.
        fingerprint: of everything served, for ETags.
        compiled: hash in machine code where that is installed.
    """

    def __init__(
        self,
        served: Sequence[ServedExperiment],
        now_us: int,
        config_version: int,
        fingerprint: bytes,
        *,
        compiled: bool = False,
    ) -> None:
        self.served = tuple(served)
        self.panel = Panel([one.rules_at(now_us) for one in self.served], compiled=compiled)
        self.config_version = config_version
        keys = [one.key for one in self.served]
        self._digest = hashlib.blake2b(
            FORM + fingerprint + repr((config_version, keys)).encode(), digest_size=16
        )
        self._rules = sorted({unit_rule(rules) for rules in self.panel.experiments})
        self._items = [_Items(self.panel, place, one) for place, one in enumerate(self.served)]
        self._flags: dict[str, list[_Flags]] = {}
        self._ready = [_Offers(self.panel, place, one) for place, one in enumerate(self.served)]

    def decide(self, asked: Asked, enrolled: Callable[[str, str], bool]) -> Answers:
        """What the rules say about one person; `enrolled` is asked for frozen experiments."""
        return self.panel.decide(
            asked.visitor, asked.customer, asked.attributes, is_bot=asked.is_bot, enrolled=enrolled
        )

    def assignments(self, asked: Asked, answers: Answers) -> bytes:
        """The items of `POST /api/v1/assignments`, without the brackets."""
        parts: list[bytes] = []
        for (opening, ending), index in zip(
            map(getitem, self._items, answers.codes), answers.indexes, strict=True
        ):
            parts += (opening, _BUCKETS[index], ending)
        joined = b"".join(parts)[1:]
        for rule in self._rules:
            joined = joined.replace(_WHOLE[rule], _encode(unit_of(rule, asked.visitor, asked.customer)))
        return joined

    def offers(self, answers: Answers) -> list[Ready]:
        """The offers that go with the answers, with all their terms; fallbacks too."""
        found = [ready[code] for ready, code in zip(self._ready, answers.codes, strict=True)]
        return [ready for ready in found if ready is not None]

    def flags(self, asked: Asked, answers: Answers, note: str = "") -> bytes:
        """The flags of a bulk evaluation, without the brackets.

        Args:
            asked: whom for.
            answers: what `decide` said.
            note: a warning that goes into the metadata of every flag; empty: none.
        """
        tables = self._flags.get(note)
        if tables is None:
            tables = [_Flags(self, place, note) for place in range(len(self.served))]
            self._flags[note] = tables
        joined = b",".join(map(getitem, tables, answers.codes))
        for rule in self._rules:
            unit_id = unit_of(rule, asked.visitor, asked.customer) or ""
            joined = joined.replace(_INNER[rule], _encode(unit_id)[1:-1])
        return joined

    def etag(self, asked: Asked, answers: Answers, *more: str) -> bytes:
        """A tag that is equal exactly when the answer is: of everything that an answer is made from."""
        digest = self._digest.copy()
        digest.update(array("h", answers.codes).tobytes())
        told = "\0".join((asked.visitor or "", asked.customer or "", *more))  # no id holds a NUL
        digest.update(told.encode("utf-8", "surrogatepass"))
        return b'"%b"' % digest.hexdigest().encode()


class Sheets:
    """The sheets of one snapshot, made when first needed and kept.

    Args:
        config_version: of the snapshot; `fingerprint` likewise.
        fingerprint: of everything served.
        dates_us: moments at which an experiment starts or ends by itself.
        compiled: hash in machine code where that is installed.
    """

    def __init__(
        self, config_version: int, fingerprint: bytes, dates_us: Iterable[int], *, compiled: bool = False
    ) -> None:
        self._compiled = compiled
        self._config_version = config_version
        self._fingerprint = fingerprint
        self._dates_us = sorted(dates_us)
        self._made: dict[tuple[int, tuple[str, ...]], Sheet] = {}

    def period_at(self, now_us: int) -> int:
        """How many starts and ends have come by themselves."""
        return bisect_right(self._dates_us, now_us)

    def kept(self, keys: tuple[str, ...], now_us: int) -> Sheet | None:
        """The sheet about these experiments at a moment, if it was made before."""
        return self._made.get((self.period_at(now_us), keys))

    def make(self, served: Sequence[ServedExperiment], now_us: int) -> Sheet:
        """A sheet about these experiments from now on; callers choose the keys, so few are kept."""
        sheet = Sheet(served, now_us, self._config_version, self._fingerprint, compiled=self._compiled)
        if len(self._made) >= MOST_SHEETS:
            self._made = {}
        self._made[self.period_at(now_us), tuple(one.key for one in served)] = sheet
        return sheet


class _Items(dict[int, tuple[bytes, bytes]]):
    """Code → what stands before (comma included) and behind the bucket of an assignment; made when needed."""

    def __init__(self, panel: Panel, place: int, served: ServedExperiment) -> None:
        super().__init__()
        self._panel, self._place, self._served = panel, place, served

    def __missing__(self, code: int) -> tuple[bytes, bytes]:
        said = self._panel.explain(self._place, code, NO_BUCKET)
        variant = said.variant if isinstance(said, Assigned) else None
        opening = (
            b',{"experiment":%b,"version":%d,"unit_id":%b,"variant":%b,"in_experiment":%b,"reason":"%b",'
            % (
                _encode(self._served.key),
                self._served.version,
                _WHOLE[unit_rule(self._panel.experiments[self._place])],
                _encode(variant),
                _encode(isinstance(said, Assigned) and said.in_experiment),
                said.reason.encode(),
            )
        )
        offer = self._served.fallback if variant is None else self._served.fragments[variant]
        pair = self[code] = opening + b'"bucket":', b',"offer":%b}' % offer
        return pair


class _Offers(dict[int, Ready | None]):
    """Code → the offer with all its terms, or None; made when first needed."""

    def __init__(self, panel: Panel, place: int, served: ServedExperiment) -> None:
        super().__init__()
        self._panel, self._place, self._served = panel, place, served

    def __missing__(self, code: int) -> Ready | None:
        said = self._panel.explain(self._place, code, NO_BUCKET)
        variant = said.variant if isinstance(said, Assigned) else None
        ready = self[code] = self._served.offers.get(variant)
        return ready


class _Flags(dict[int, bytes]):
    """Code → flag of the OpenFeature Remote Evaluation Protocol; made when first needed."""

    def __init__(self, sheet: Sheet, place: int, note: str) -> None:
        super().__init__()
        self._sheet, self._place, self._note = sheet, place, note

    def __missing__(self, code: int) -> bytes:
        served, rules = self._sheet.served[self._place], self._sheet.panel.experiments[self._place]
        said = self._sheet.panel.explain(self._place, code, NO_BUCKET)
        variant = said.variant if isinstance(said, Assigned) else None
        offer = served.fallback if variant is None else served.fragments[variant]
        metadata = {
            "experiment": served.key,
            "version": served.version,
            "config_version": self._sheet.config_version,
            "assignmentReason": said.reason,
            **({"warning": self._note} if self._note else {}),
        }
        flag = self[code] = (
            b'{"key":%b,"value":%b,"reason":"%b","variant":%b,"metadata":%b,"assignment_id":%b%b"}}'
        ) % (
            _encode(served.key),
            b"{}" if offer == b"null" else offer,
            _OFREP_REASONS.get(said.reason, "DEFAULT").encode(),
            _encode(variant),
            _encode(metadata)[:-1],
            _encode(f"{served.key}:{served.version}:")[:-1],
            _INNER[unit_rule(rules)],
        )
        return flag
