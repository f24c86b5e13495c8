"""Reports of a run: a table for people, JSON, JUnit XML and a badge."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from ..outputs import atomic_text, atomic_writer
from .outcomes import MEANING, Outcome, Report
from .run import UNANSWERED, Run
from .summary import by_clause, groups, simplest

SCHEMA_PATH = Path(__file__).resolve().parent / "report.schema.json"
_LISTED = 10
"""Groups of failures, and clauses, that are listed."""
_NAMED = 4
"""Vectors of a group that are named."""
_STDERR_KEPT = 4096
"""Characters of standard error that a report file holds for each vector."""


def as_json(run: Run) -> dict[str, Any]:
    """The run as the object that `report.schema.json` describes."""
    return {
        "suite": run.suite,
        "format": run.format,
        "subject": run.subject,
        "kind": run.kind,
        "profile": run.profile,
        "conforms": run.conforms,
        "passed": run.verdict.passed,
        "counts": run.counts,
        "stale": list(run.verdict.stale),
        "results": [_entry(run, report) for report in run.reports],
    }


def _entry(run: Run, report: Report) -> dict[str, Any]:
    known = {entry.id for entry in run.verdict.known}
    return {
        "id": report.id,
        "outcome": report.outcome.value,
        "failed": report.failed,
        "known": report.id in known,
        "clauses": list(run.clauses.get(report.id, ())),
        "reason": run.reasons.get(report.id, ""),
        "detail": report.detail,
        "expectedCode": report.expected_code,
        "gotCode": report.got_code,
        "difference": None if report.difference is None else asdict(report.difference),
        "exitStatus": report.exit_status,
        "stderr": report.stderr[-_STDERR_KEPT:],
        "seconds": round(report.seconds, 6),
    }


def write_json(run: Run, path: Path) -> None:
    """Write the JSON report."""
    atomic_text(path, json.dumps(as_json(run), indent=1) + "\n")


def table(run: Run, *, verbose: bool = False, width: int = 100) -> str:
    """What failed, how often and where to begin, for a terminal.

    Parameters
    ----------
    run : Run
        The run.
    verbose : bool
        List every vector; without it, failures are summed.
    width : int
        Columns of the terminal; details are wrapped to it.
    """
    lines = [
        f"hstamp conformance suite {run.suite}, format {run.format}, "
        f"profile {run.profile}, {run.kind}: {run.subject}",
        "",
    ]
    if run.stopped:
        return "\n".join([*lines, *_stopped_lines(run, width)])
    if verbose:
        lines += _all_lines(run, width)
    lines += _first_lines(run, width) + _group_lines(run, width) + _clause_lines(run, width)
    for outcome in Outcome:
        count = run.counts[outcome.value]
        if count or outcome is Outcome.PASS:
            lines.append(f"{count:6}  {outcome.value:16}  {MEANING[outcome]}")
    lines += [f"stale known failure: {line}" for line in run.verdict.stale]
    lines += ["", _conclusion(run)]
    return "\n".join(lines)


def _stopped_lines(run: Run, width: int) -> list[str]:
    """The first failure in full, its standard error among it."""
    first = run.reports[0]
    lines = [f"stopped: {run.stopped}; --keep-going runs them all", ""]
    lines += [f"{first.outcome.value:16}  {first.id}", *_wrapped(first.detail, width), ""]
    if not first.stderr.strip():
        return [*lines, "it wrote nothing to standard error"]
    told = [_printable(line) for line in first.stderr.rstrip("\n").splitlines()]
    return [*lines, "its standard error:", *(f"  {line}" for line in told)]


def _first_lines(run: Run, width: int) -> list[str]:
    first = simplest(run.verdict.unexpected or run.reports, run.sizes)
    if first is None:
        return []
    lines = [f"begin with {first.id}: {run.reasons.get(first.id, '')}".rstrip(": ")]
    lines += _wrapped(f"{first.outcome.value}: {first.detail}", width)
    if first.stderr.strip() and first.outcome in UNANSWERED:
        lines += _wrapped(f"stderr: {first.stderr.strip().splitlines()[-1]}", width)
    return [*lines, f"{'':18}hstamp conformance explain {first.id}", ""]


def _group_lines(run: Run, width: int) -> list[str]:
    known = {entry.id for entry in run.verdict.known}
    found = groups(run.reports, run.sizes)
    lines = []
    for group in found[:_LISTED]:
        names = [r.id + (" (known)" if r.id in known else "") for r in group.reports[:_NAMED]]
        more = len(group.reports) - len(names)
        lines += [f"{len(group.reports):6}  {group.outcome.value:16}  {_printable(group.label)}"]
        lines += _wrapped(", ".join(names) + (f" and {more} more" if more else ""), width, 26)
    if len(found) > _LISTED:
        rest = sum(len(group.reports) for group in found[_LISTED:])
        lines.append(f"{rest:6}  others (--verbose lists all)")
    return [*lines, ""] if lines else []


def _clause_lines(run: Run, width: int) -> list[str]:
    rows = by_clause(run.reports, run.clauses)[:_LISTED]
    if not rows:
        return []
    text = ", ".join(f"[{clause}] {failed} of {total}" for clause, failed, total in rows)
    return [*_wrapped(f"vectors that fail, by clause: {text}", width, 0), ""]


def _all_lines(run: Run, width: int) -> list[str]:
    known = {entry.id for entry in run.verdict.known}
    names = max((len(r.id) for r in run.reports), default=0)
    lines = []
    for r in run.reports:
        mark = " (known)" if r.id in known else "" if r.failed else " (optional)"
        mark = "" if r.outcome is Outcome.PASS else mark
        lines.append(f"{r.outcome.value:16}  {r.id:{names}}{mark}".rstrip())
        if r.detail and r.outcome is not Outcome.PASS:
            lines += _wrapped(r.detail, width)
        if r.stderr.strip() and r.outcome in UNANSWERED:
            lines += _wrapped(f"stderr: {r.stderr.strip().splitlines()[-1]}", width)
    return [*lines, ""]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _wrapped(text: str, width: int, indent: int = 18) -> list[str]:
    import textwrap

    margin = " " * indent
    return textwrap.wrap(
        _printable(text),
        max(width, 40),
        initial_indent=margin,
        subsequent_indent=margin or "  ",
        break_on_hyphens=False,
    )


def _conclusion(run: Run) -> str:
    total = len(run.reports)
    failed = sum(report.failed for report in run.reports)
    if run.conforms:
        lacking = run.counts["unsupported"]
        note = f", {lacking} are of optional features that it lacks" if lacking else ""
        return f"conforms: profile {run.profile}, {total - lacking} of {total} vectors pass{note}"
    if failed == 0:
        return f"all {total} chosen vectors pass; a partial run says nothing of conformance"
    if run.verdict.passed:
        return f"{failed} of {total} vectors fail, all of them known"
    hint = "'hstamp conformance explain ID' shows one"
    return f"does not conform: {failed} of {total} vectors fail; {hint}"


def write_junit(run: Run, path: Path) -> None:
    """Write JUnit XML, one test case per vector; known failures are skipped tests."""
    known = {entry.id for entry in run.verdict.known}
    failures = len(run.verdict.unexpected) + len(run.verdict.stale)
    suite = ET.Element(
        "testsuite",
        name=f"hstamp.conformance.{run.profile}",
        tests=str(len(run.reports) + len(run.verdict.stale)),
        failures=str(failures),
        errors="0",
        skipped=str(sum(_skipped(r, known) for r in run.reports)),
        time=f"{sum(r.seconds for r in run.reports):.3f}",
    )
    for report in run.reports:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"hstamp.conformance.{run.profile}",
            name=report.id,
            time=f"{report.seconds:.3f}",
        )
        if _skipped(report, known):
            ET.SubElement(case, "skipped", message=f"{report.outcome.value}: {report.detail}")
        elif report.failed:
            failure = ET.SubElement(
                case, "failure", type=report.outcome.value, message=_xml_text(report.detail)
            )
            failure.text = _xml_text(run.reasons.get(report.id, ""))
        if report.stderr:
            ET.SubElement(case, "system-err").text = _xml_text(report.stderr[-_STDERR_KEPT:])
    for line in run.verdict.stale:
        case = ET.SubElement(suite, "testcase", classname="known-failures", name=line.split(":")[0])
        ET.SubElement(case, "failure", type="stale", message=line)
    with atomic_writer(path) as stream:
        ET.ElementTree(suite).write(stream, encoding="utf-8", xml_declaration=True)


def _skipped(report: Report, known: set[str]) -> bool:
    return report.id in known or (report.outcome is Outcome.UNSUPPORTED and not report.failed)


def _xml_text(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return "".join(c if c in "\t\n\r" or c.isprintable() else "\ufffd" for c in text)


def badge(run: Run) -> str:
    """SVG badge that names format, profile and suite version."""
    left = f"hstamp {run.format} {run.profile}"
    failed = sum(report.failed for report in run.reports)
    verdict = "conforms" if run.conforms else f"{failed} failing" if failed else "partial run"
    verdict = "no answer" if run.stopped else verdict
    right = f"{verdict} (suite {run.suite})"
    colour = "#1a7f37" if run.conforms else "#b3261e"
    a, b = 12 + round(6.6 * len(left)), 12 + round(6.6 * len(right))
    title = f"{left}: {right}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{a + b}" height="20" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<rect width="{a + b}" height="20" rx="3" fill="{colour}"/>'
        f'<path d="M3 0h{a - 3}v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#444c56"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" '
        f'font-size="11"><text x="{a / 2:g}" y="14" textLength="{a - 12}">{left}</text>'
        f'<text x="{a + b / 2:g}" y="14" textLength="{b - 12}">{right}</text></g></svg>\n'
    )
