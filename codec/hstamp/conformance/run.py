"""One conformance run: selection, outcomes, known failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .harness import Harness, run_vectors
from .known import Verdict, measure
from .outcomes import Outcome, Report
from .vectors import Profile, Suite, Vector


@dataclass(frozen=True)
class Run:
    """What came of a run.

    Attributes
    ----------
    subject : str
        What was tested, as people name it (the command).
    kind : {"decoder", "encoder"}
        What it is.
    profile : {"core", "full", "container"}
        Profile that it was tested for; encoders are always "full".
    suite, format : str
        Versions of the suite and of the format.
    reports : tuple of Report
        One per vector, in the order of the manifest.
    verdict : Verdict
        The reports measured against the list of known failures.
    reasons, clauses : mapping
        Reason and clauses of each vector.
    partial : bool
        Some of the profile's vectors were left out.
    """

    subject: str
    kind: str
    profile: Profile
    suite: str
    format: str
    reports: tuple[Report, ...]
    verdict: Verdict
    reasons: Mapping[str, str] = field(default_factory=dict)
    clauses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    partial: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """Number of vectors per outcome, every outcome named."""
        found = Counter(report.outcome for report in self.reports)
        return {outcome.value: found[outcome] for outcome in Outcome}

    @property
    def conforms(self) -> bool:
        """Whether all vectors ran and none failed, known or not: what a badge may claim."""
        return not self.partial and not any(report.failed for report in self.reports)


def run_suite(
    subject: str,
    make: Callable[[], Harness],
    suite: Suite,
    *,
    profile: Profile = "full",
    only: Sequence[str] = (),
    known: Mapping[str, Outcome] | None = None,
    timeout: float = 10.0,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Run:
    """Run a decoder on the suite.

    Parameters
    ----------
    subject : str
        Name for reports.
    make : callable
        Makes a harness; see `hstamp.conformance.harness`.
    suite : Suite
        The vectors.
    profile : {"core", "full", "container"}
        Profile that the decoder states.
    only : sequence of str
        Shell patterns for identifiers; empty runs all.
    known : mapping, optional
        Known failures.
    timeout : float
        Limit per vector [s].
    jobs : int
        Vectors at work at a time.
    progress : callable, optional
        Given the number of finished vectors.

    Raises
    ------
    ValueError
        `only` selects nothing.
    hstamp.conformance.process.CommandError
        The command cannot be started.
    """
    vectors: tuple[Vector, ...] = suite.select(profile, only)
    if not vectors:
        raise ValueError(f"no vector of profile {profile} matches {', '.join(only)}")
    reports = []
    for report in run_vectors(make, vectors, profile=profile, timeout=timeout, jobs=jobs):
        reports.append(report)
        if progress is not None:
            progress(len(reports))
    verdict = measure(reports, known or {}, partial=bool(only))
    reasons = {vector.id: vector.reason for vector in vectors}
    clauses = {vector.id: vector.clauses for vector in vectors}
    return Run(
        subject,
        "decoder",
        profile,
        suite.version,
        suite.format,
        tuple(reports),
        verdict,
        reasons,
        clauses,
        bool(only),
    )
