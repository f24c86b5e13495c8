"""One conformance run: selection, outcomes, known failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ..errors import InputError
from .harness import Harness, run_vectors
from .known import Verdict, measure
from .outcomes import Outcome, Report
from .vectors import EncodeCase, Profile, Suite, Vector

UNANSWERED = (Outcome.CRASH, Outcome.BAD_OUTPUT, Outcome.TIME_OUT)
TRIED = 3
"""Like failures at the start of a run after which it is stopped."""


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
    sizes : mapping
        Bytes of each vector's input.
    stopped : str
        Why the run ended before its last vector; empty where it did not.
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
    sizes: Mapping[str, int] = field(default_factory=dict)
    stopped: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Number of vectors per outcome, every outcome named."""
        found = Counter(report.outcome for report in self.reports)
        return {outcome.value: found[outcome] for outcome in Outcome}

    @property
    def conforms(self) -> bool:
        """Whether all vectors ran and none failed, known or not: what a badge may claim."""
        return not (self.partial or self.stopped) and not any(
            report.failed for report in self.reports
        )


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
    keep_going: bool = False,
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
    keep_going : bool
        Run all vectors even if the first three get no answer at all.

    Raises
    ------
    hstamp.errors.InputError
        `only` selects nothing.
    hstamp.conformance.process.CommandError
        The command cannot be started.
    """
    vectors: tuple[Vector, ...] = suite.select(profile, only)
    if not vectors:
        raise InputError(f"no vector of profile {profile} matches {', '.join(only)}")

    def run(some: Sequence[Vector], jobs: int) -> Iterator[Report]:
        return run_vectors(make, some, profile=profile, timeout=timeout, jobs=jobs)

    return run_with_trial(
        run,
        vectors,
        suite,
        kind="decoder",
        subject=subject,
        profile=profile,
        only=only,
        known=known or {},
        jobs=jobs,
        progress=progress,
        keep_going=keep_going,
    )


_Entry = TypeVar("_Entry", Vector, EncodeCase)


def run_with_trial(
    run: Callable[[Sequence[_Entry], int], Iterator[Report]],
    entries: Sequence[_Entry],
    suite: Suite,
    *,
    kind: str,
    subject: str,
    profile: Profile = "full",
    only: Sequence[str],
    known: Mapping[str, Outcome],
    jobs: int,
    progress: Callable[[int], None] | None,
    keep_going: bool,
) -> Run:
    """Run all entries, unless the first `TRIED` of them show that no answer will come.

    What never answers is so noticed on one input, not after a time-out for each.

    Parameters
    ----------
    run : callable
        Given entries and a number of jobs, yields their reports in order.
    entries : sequence
        What to run.
    suite : Suite
        The suite that they are of.
    kind : {"decoder", "encoder"}
        What is judged.
    subject, profile, only, known, jobs, progress, keep_going
        As for `run_suite`; the trial is one at a time.
    """
    reports: list[Report] = []

    def take(some: Sequence[_Entry], at_a_time: int) -> None:
        for report in run(some, at_a_time):
            reports.append(report)
            if progress is not None:
                progress(len(reports))

    stopped = ""
    if not keep_going:
        take(entries[:1], 1)
        if _unanswered(reports, known):
            take(entries[1:TRIED], 1)
            stopped = _hopeless(reports, known)
    if not stopped and len(reports) < len(entries):
        take(entries[len(reports) :], jobs)
    return Run(
        subject=subject,
        kind=kind,
        profile=profile,
        suite=suite.version,
        format=suite.format,
        reports=tuple(reports),
        verdict=measure(reports, known, partial=bool(only or stopped)),
        reasons={entry.id: entry.reason for entry in entries},
        clauses={entry.id: entry.clauses for entry in entries},
        partial=bool(only),
        sizes={entry.id: entry.path.stat().st_size for entry in entries},
        stopped=stopped,
    )


def _unanswered(reports: Sequence[Report], known: Mapping[str, Outcome]) -> bool:
    """Whether every vector so far ended without an answer, and none was expected to."""
    return all(r.outcome in UNANSWERED and known.get(r.id) is not r.outcome for r in reports)


def _hopeless(reports: Sequence[Report], known: Mapping[str, Outcome]) -> str:
    """Why it is no use to go on, or nothing."""
    alike = len({report.outcome for report in reports}) == 1
    if len(reports) < TRIED or not alike or not _unanswered(reports, known):
        return ""
    return f"the first {TRIED} vectors got no answer ({reports[0].outcome.value})"
