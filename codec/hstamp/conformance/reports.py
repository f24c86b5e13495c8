"""Reports of a run: a table for people, JSON, JUnit XML and a badge."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from .outcomes import MEANING, Outcome, Report
from .run import Run

SCHEMA_PATH = Path(__file__).resolve().parent / "report.schema.json"
_LISTED = 8


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
        "stderr": report.stderr,
        "seconds": round(report.seconds, 6),
    }


def write_json(run: Run, path: Path) -> None:
    """Write the JSON report."""
    path.write_text(json.dumps(as_json(run), indent=1) + "\n", encoding="utf-8")


def table(run: Run, *, verbose: bool = False, width: int = 100) -> str:
    """What failed and how often, for a terminal.

    Parameters
    ----------
    run : Run
        The run.
    verbose : bool
        List every vector; without it, the first few of each outcome but "pass".
    width : int
        Columns of the terminal; details are wrapped to it.
    """
    lines = [
        f"hstamp conformance suite {run.suite}, format {run.format}, "
        f"profile {run.profile}, {run.kind}: {run.subject}",
        "",
    ]
    rows = [r for r in run.reports if verbose or r.failed or r.outcome is Outcome.UNSUPPORTED]
    shown = rows if verbose else _first_of_each(rows)
    if shown:
        names = max(len(r.id) for r in shown)
        known = {entry.id for entry in run.verdict.known}
        for r in shown:
            mark = " (known)" if r.id in known else "" if r.failed else " (optional)"
            mark = "" if r.outcome is Outcome.PASS else mark
            lines.append(f"{r.outcome.value:16}  {r.id:{names}}{mark}".rstrip())
            if r.detail and r.outcome is not Outcome.PASS:
                lines += _wrapped(r.detail, width)
            if r.stderr and r.outcome in (Outcome.CRASH, Outcome.BAD_OUTPUT):
                lines += _wrapped(f"stderr: {r.stderr.strip().splitlines()[-1]}", width)
        if len(rows) > len(shown):
            lines.append(f"... and {len(rows) - len(shown)} more (--verbose lists all)")
        lines.append("")
    for outcome in Outcome:
        count = run.counts[outcome.value]
        if count or outcome is Outcome.PASS:
            lines.append(f"{count:6}  {outcome.value:16}  {MEANING[outcome]}")
    lines += [f"stale known failure: {line}" for line in run.verdict.stale]
    lines += ["", _conclusion(run)]
    return "\n".join(lines)


def _first_of_each(rows: list[Report]) -> list[Report]:
    """At most `_LISTED` reports of each outcome, grouped by outcome."""
    return [
        report
        for outcome in Outcome
        for report in [row for row in rows if row.outcome is outcome][:_LISTED]
    ]


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    clean = "".join(c if c.isprintable() else "?" for c in text)
    indent = " " * 18
    return textwrap.wrap(clean, max(width, 40), initial_indent=indent, subsequent_indent=indent)


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
            ET.SubElement(case, "system-err").text = _xml_text(report.stderr)
    for line in run.verdict.stale:
        case = ET.SubElement(suite, "testcase", classname="known-failures", name=line.split(":")[0])
        ET.SubElement(case, "failure", type="stale", message=line)
    ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


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
