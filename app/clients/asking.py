"""From a question to an answer: by the rules at hand, else by the service, else the caller's default."""

import asyncio
import logging

from app.clients.answers import (
    BAD_KEY,
    INVALID_ID,
    NO_ANSWER,
    TIMEOUT,
    UNKNOWN_EXPERIMENT,
    Answer,
    Question,
    Source,
)
from app.clients.exchange import Assignment, Exchange, Failure
from app.clients.options import Options
from app.clients.polling import Rules
from app.clients.rules import LocalExperiment
from app.clients.timing import next_wait
from assignment.decision import Assigned

log = logging.getLogger("offerlab.client")
ASKING_SHARE = 0.8  # of the budget; the rest is for waking up and handing the answer over
_PATIENCE = 5  # failures in a row before the service is left in peace for a while
_REASONS = {"key": BAD_KEY, "unknown": UNKNOWN_EXPERIMENT, "refused": NO_ANSWER, "away": NO_ANSWER}


class Desk:
    """Answers questions.

    Args:
        exchange: the way to the service.
        rules: what is known here.
        options: budget, clock and chance.
    """

    def __init__(self, exchange: Exchange, rules: Rules, options: Options) -> None:
        self._exchange = exchange
        self._rules = rules
        self._options = options
        self._failures = 0
        self._not_before = 0.0
        self.asked = 0
        self.fallbacks = 0

    def local(self, question: Question) -> Answer | None:
        """The answer of the rules at hand, or None where the service must be asked."""
        if not question.has_usable_ids():
            return self.fallback(question, INVALID_ID)
        book = self._rules.current
        if book is None:
            return None
        known = book.experiments.get(question.experiment)
        if known is None:
            return self.fallback(question, UNKNOWN_EXPERIMENT)
        found = known.decide(question, self._options.clock.now_us())
        if found is None:
            return None
        if isinstance(found, Assigned):
            assignment = _assignment(known, found.variant, found.reason, is_in=found.in_experiment)
        else:
            assignment = _assignment(known, None, found.reason, is_in=False)
        return self._answer(question, assignment, "local")

    async def ask(self, question: Question) -> Answer:
        """The answer of the service within the budget, or the fallback."""
        clock = self._options.clock
        if clock.monotonic() < self._not_before:
            return self.fallback(question, BAD_KEY if self._exchange.is_key_refused else NO_ANSWER)
        self.asked += 1
        try:
            async with asyncio.timeout(self._options.budget_seconds * ASKING_SHARE):
                found = await self._exchange.assignment(question)
        except TimeoutError:
            self._note(None)
            return self.fallback(question, TIMEOUT)
        except Failure as failure:
            log.info("the service did not answer: %s", failure.detail)
            if failure.kind in {"away", "key"}:
                self._note(failure.retry_after)
            return self.fallback(question, _REASONS[failure.kind])
        self._failures = 0
        return self._answer(question, found, "server")

    def fallback(self, question: Question, reason: str) -> Answer:
        """The experiment's fallback where it is known, else the caller's default; flagged."""
        self.fallbacks += 1
        book = self._rules.current
        known = None if book is None else book.experiments.get(question.experiment)
        offer = None if known is None else known.offer_of(None)
        return Answer(
            experiment=question.experiment,
            variant=None,
            offer=question.default if offer is None else offer,
            reason=reason,
            in_experiment=False,
            source="fallback",
            stale=self._rules.is_stale,
            version=None if known is None else known.version,
            visitor_id=question.visitor_id,
            customer_id=question.customer_id,
        )

    def _answer(self, question: Question, found: Assignment, source: Source) -> Answer:
        return Answer(
            experiment=question.experiment,
            variant=found.variant,
            offer=question.default if found.offer is None else found.offer,
            reason=found.reason,
            in_experiment=found.in_experiment,
            source=source,
            stale=source == "local" and self._rules.is_stale,
            version=found.version,
            visitor_id=question.visitor_id,
            customer_id=question.customer_id,
        )

    def _note(self, retry_after: str | None) -> None:
        """After a few failures in a row, or when asked to, do not ask for a while: shoppers need not wait."""
        self._failures += 1
        clock = self._options.clock
        if retry_after is not None or self._failures >= _PATIENCE:
            tries = max(self._failures - _PATIENCE, 0)
            wait = next_wait(tries, retry_after, self._options.rng, clock.now_us())
            self._not_before = clock.monotonic() + wait


def _assignment(known: LocalExperiment, variant: str | None, reason: str, *, is_in: bool) -> Assignment:
    return Assignment(
        experiment=known.key,
        version=known.version or 0,
        variant=variant,
        in_experiment=is_in,
        reason=reason,
        offer=known.offer_of(variant),
    )
