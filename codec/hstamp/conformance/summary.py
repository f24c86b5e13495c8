"""Failures of a run summed by what they have in common, the simplest first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .outcomes import Outcome, Report

__all__ = ["Group", "by_clause", "groups", "simplest"]

_ORDER = (
    Outcome.CRASH,
    Outcome.BAD_OUTPUT,
    Outcome.TIME_OUT,
    Outcome.UNSUPPORTED,
    Outcome.REJECTED_VALID,
    Outcome.WRONG_VALUE,
    Outcome.ACCEPTED_INVALID,
    Outcome.WRONG_ERROR_CODE,
)
"""What to mend first: an answer must come before it can be right."""


@dataclass(frozen=True)
class Group:
    """Failures that look alike.

    Attributes
    ----------
    outcome : Outcome
        Their outcome.
    label : str
        What they have in common.
    reports : tuple of Report
        Smallest input first.
    """

    outcome: Outcome
    label: str
    reports: tuple[Report, ...]


def simplest(reports: Iterable[Report], sizes: Mapping[str, int]) -> Report | None:
    """The failure to look at first, or None where there is none."""
    failed = [report for report in reports if report.failed]
    return min(failed, key=lambda r: (_ORDER.index(r.outcome), sizes.get(r.id, 0)), default=None)


def groups(reports: Iterable[Report], sizes: Mapping[str, int]) -> list[Group]:
    """Failures by outcome and by what they have in common, the largest groups first."""
    found: dict[tuple[Outcome, str], list[Report]] = {}
    for report in reports:
        if report.failed:
            found.setdefault((report.outcome, _label(report)), []).append(report)
    made = [
        Group(outcome, label, tuple(sorted(members, key=lambda r: sizes.get(r.id, 0))))
        for (outcome, label), members in found.items()
    ]
    return sorted(made, key=lambda g: (_ORDER.index(g.outcome), -len(g.reports)))


def _label(report: Report) -> str:
    difference = report.difference
    if report.outcome is Outcome.WRONG_VALUE:
        clause = re.match(r"\[([A-Z]{2}-\d+)\]", report.detail)
        if clause and difference and clause[1] == "EC-8":
            return f"{difference.what}: the bits of NaN alone, see [EC-8]"
        if clause:
            return f"{difference.what if difference else 'stamp'}: see [{clause[1]}]"
        if difference is None:
            return report.detail
        return difference.pattern or f"{difference.what} differs"
    if report.outcome is Outcome.ACCEPTED_INVALID:
        return f"{report.expected_code} is not reported"
    if report.outcome is Outcome.WRONG_ERROR_CODE:
        return f"{report.got_code} in place of {report.expected_code}"
    if report.outcome is Outcome.REJECTED_VALID:
        return f"{report.got_code} for valid input"
    return report.detail


def by_clause(
    reports: Iterable[Report], clauses: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, int, int]]:
    """(clause, failures, vectors that name it), where the largest part fails first."""
    tested: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for report in reports:
        for clause in clauses.get(report.id, ()):
            tested[clause] += 1
            failed[clause] += report.failed
    rows = [(clause, count, tested[clause]) for clause, count in failed.items() if count]
    return sorted(rows, key=lambda row: (-row[1] / row[2], -row[1], row[0]))
