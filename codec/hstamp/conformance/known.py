"""Lists of known failures, which fail when they are stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .outcomes import Outcome, Report


@dataclass(frozen=True)
class Verdict:
    """A run measured against the list.

    Attributes
    ----------
    unexpected : tuple of Report
        Failures that the list does not name with this outcome.
    stale : tuple of str
        Entries that passed, failed otherwise, or name no vector of the run.
    known : tuple of Report
        Failures that the list names.
    """

    unexpected: tuple[Report, ...]
    stale: tuple[str, ...]
    known: tuple[Report, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is unexpected and nothing is stale."""
        return not self.unexpected and not self.stale


def read_known(path: Path) -> dict[str, Outcome]:
    """Read `identifier outcome` lines; `#` starts a comment.

    Raises
    ------
    hstamp.errors.InputError
        A line has another form, an outcome is unknown or a vector is named twice.
    """
    out: dict[str, Outcome] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        where = f"{path}, line {number}"
        if len(words) != 2:
            raise InputError(f"{where}: expected 'identifier outcome', got {line!r}")
        try:
            outcome = Outcome(words[1])
        except ValueError:
            raise InputError(f"{where}: unknown outcome {words[1]!r}") from None
        if outcome is Outcome.PASS:
            raise InputError(f"{where}: a pass is no failure")
        if words[0] in out:
            raise InputError(f"{where}: {words[0]} is named twice")
        out[words[0]] = outcome
    return out


def write_known(reports: Iterable[Report]) -> str:
    """The list that would make this run pass."""
    return "".join(f"{r.id} {r.outcome.value}\n" for r in reports if r.failed)


def measure(
    reports: Sequence[Report], known: Mapping[str, Outcome], *, partial: bool = False
) -> Verdict:
    """Compare a run with the list.

    Parameters
    ----------
    reports : sequence of Report
        The run.
    known : mapping
        Identifier to the outcome that is known.
    partial : bool
        The run was restricted: entries for vectors outside it are not stale.
    """
    seen = {report.id: report for report in reports}
    unexpected = tuple(r for r in reports if r.failed and known.get(r.id) is not r.outcome)
    matched = tuple(r for r in reports if r.failed and known.get(r.id) is r.outcome)
    stale = []
    for identifier, outcome in known.items():
        report = seen.get(identifier)
        if report is None:
            if not partial:
                stale.append(f"{identifier}: no such vector in this run")
        elif not report.failed:
            stale.append(f"{identifier}: listed as {outcome.value}, but it does not fail")
        elif report.outcome is not outcome:
            what = f"{outcome.value}, but the outcome is {report.outcome.value}"
            stale.append(f"{identifier}: listed as {what}")
    return Verdict(unexpected, tuple(stale), matched)
