"""The terms of all codes in memory, worked out once per configuration."""

from app.codes.terms import CodeTerms, terms_of
from app.serving.snapshot import ServedExperiment, SnapshotHolder


class TermsBook:
    """Experiment and variant → the terms of its codes.

    Args:
        snapshots: what is served; a definition never changes once its experiment was started.
    """

    def __init__(self, snapshots: SnapshotHolder) -> None:
        self._snapshots = snapshots
        self._kept: dict[tuple[str, str], tuple[ServedExperiment, CodeTerms | None]] = {}

    def terms(self, experiment: str, variant: str) -> CodeTerms | None:
        """The terms; None where the experiment or the variant gives no codes, or is not known yet."""
        served = self._snapshots.current.experiments.get(experiment)
        if served is None:
            return None
        kept = self._kept.get((experiment, variant))
        if kept is None or kept[0] is not served:
            kept = self._kept[experiment, variant] = (served, terms_of(served.definition, variant))
        return kept[1]
