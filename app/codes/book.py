"""The terms of all codes in memory, worked out once per configuration."""

from typing import Protocol

from app.codes.terms import CodeTerms, terms_of
from app.experiments.stored import Reads, stored_definition
from app.serving.snapshot import ServedExperiment, SnapshotHolder


class Terms(Protocol):
    """Experiment and variant → the terms of its codes."""

    def __call__(
        self, experiment: str, variant: str, transaction: Reads | None = None, /
    ) -> CodeTerms | None:
        """See `TermsBook.terms`."""
        ...


class TermsBook:
    """Experiment and variant → the terms of its codes.

    Args:
        snapshots: what is served; a definition never changes once its experiment was started.
    """

    def __init__(self, snapshots: SnapshotHolder) -> None:
        self._snapshots = snapshots
        self._kept: dict[tuple[str, str], tuple[ServedExperiment, CodeTerms | None]] = {}

    def terms(self, experiment: str, variant: str, transaction: Reads | None = None, /) -> CodeTerms | None:
        """The terms; None where the experiment or the variant gives no codes, or is not known yet.

        Args:
            experiment: key.
            variant: key of one of its variants.
            transaction: where a code of the experiment was found. Another worker may have issued it before
                this one heard of the experiment, so what is not served yet is looked up there.
        """
        served = self._snapshots.current.experiments.get(experiment)
        if served is None or served.state == "draft":
            return None if transaction is None else _stored(transaction, experiment, variant)
        kept = self._kept.get((experiment, variant))
        if kept is None or kept[0] is not served:
            terms = terms_of(served.definition, variant, served.since_us)
            kept = self._kept[experiment, variant] = (served, terms)
        return kept[1]


def _stored(transaction: Reads, experiment: str, variant: str) -> CodeTerms | None:
    definition = stored_definition(transaction, experiment)
    return None if definition is None else terms_of(definition, variant)
