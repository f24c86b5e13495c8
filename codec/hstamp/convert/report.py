"""What a conversion did, and what it could not do."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from ..errors import HstampError
from ..text import printable

__all__ = ["KEPT", "Problem", "Report"]

KEPT: Final = "output is there and complete (--force makes it again)"
"""Reason for skipping an output of an earlier run."""

_PIXELS: Final = re.compile(r"\b(\d+) pixels (?=hold fills|are blank)")


@dataclass(frozen=True)
class Problem:
    """One failure: where, what, and the code of the specification."""

    file: str
    record: int | None
    field: str | None
    code: str
    reason: str

    def __str__(self) -> str:
        place = self.file
        if self.record is not None:
            place += f", record {self.record}"
        if self.field is not None:
            place += f", {self.field}"
        return printable(f"{place}: {self.code}: {self.reason}")


@dataclass
class Report:
    """Counts of a run.

    Attributes
    ----------
    alerts_in, alerts_out : int
        Records read and written.
    stamps : Counter
        Number of stamps by levels.
    cutout_bytes, stamp_bytes : int
        Cutouts that became stamps, and those stamps as blobs [byte].
    file_bytes_in, file_bytes_out : int
        Files read and written [byte].
    skipped : Counter
        What was rightly left out, by reason.
    notes : Counter
        Remarks that are no failures, by text.
    problems : list of Problem
        Failures, in the order in which they happened.
    passed_over : int
        Files and folders in the folders of inputs that are no data.
    outputs : int
        Output files and folders that are finished.
    labels : dict
        What to call a file instead of its path.
    """

    alerts_in: int = 0
    alerts_out: int = 0
    stamps: Counter[int] = field(default_factory=Counter)
    incomplete: int = 0
    cutout_bytes: int = 0
    stamp_bytes: int = 0
    file_bytes_in: int = 0
    file_bytes_out: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    passed_over: int = 0
    outputs: int = 0
    labels: dict[str, str] = field(default_factory=dict)

    def failed(
        self, file: str, error: HstampError, record: int | None = None, place: str | None = None
    ) -> Problem:
        """Record a failure and return it."""
        # The system's messages often repeat the path.
        name, reason = self.labels.get(file, file), error.reason
        if file in self.labels:
            reason = reason.replace(file, name)
        problem = Problem(name, record, place, error.code, reason)
        self.problems.append(problem)
        return problem

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.problems

    def lines(self) -> list[str]:
        """Return the summary as a person reads it."""
        total = sum(self.stamps.values())
        each = f"{self.stamp_bytes / max(total, 1):,.0f} bytes each"
        out = []
        if self.alerts_in:
            out.append(f"alerts      {self.alerts_in} in, {self.alerts_out} out")
        histogram = ", ".join(f"{count} with n={n}" for n, count in sorted(self.stamps.items()))
        out.append(f"stamps      {total}{f' ({histogram})' if histogram else ''}")
        if self.incomplete:
            out.append(f"            {self.incomplete} with missing pixels")
        if total and self.cutout_bytes:
            out.append(
                f"cutouts     {_size(self.cutout_bytes)} before,"
                f" {_size(self.stamp_bytes)} as stamps"
                f" ({self.cutout_bytes / self.stamp_bytes:.1f} times smaller, {each})"
            )
        elif total:
            out.append(f"            {_size(self.stamp_bytes)} ({each})")
        if self.file_bytes_out:
            out.append(
                f"files       {_size(self.file_bytes_in)} read,"
                f" {_size(self.file_bytes_out)} written"
            )
        out += _counted("skipped", self.skipped) + self.note_lines()
        if self.passed_over:
            out.append(
                f"passed over {self.passed_over} x name that starts with . or _ or ends in .crc"
            )
        if self.problems:
            codes = Counter(problem.code for problem in self.problems)
            by_code = ", ".join(f"{count} {code}" for code, count in codes.most_common())
            out.append(f"failed      {len(self.problems)} ({by_code})")
        return out

    def note_lines(self) -> list[str]:
        """Lines that say what was left out or assumed."""
        return _counted("note", _summed(self.notes))


def _counted(title: str, counter: Counter[str]) -> list[str]:
    return [f"{title:<11} {count} x {printable(text)}" for text, count in counter.most_common()]


def _summed(notes: Counter[str]) -> Counter[str]:
    """Notes with those added up that differ in a number of pixels alone."""
    pixels: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for note, count in notes.items():
        plain = _PIXELS.sub("# pixels ", note, count=1)
        times[plain] += count
        if (found := _PIXELS.search(note)) is not None:
            pixels[plain] += int(found[1]) * count
    return Counter(
        {note.replace("# pixels ", f"{pixels[note]} pixels "): n for note, n in times.items()}
    )


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 10_000:
            return f"{count:,.0f} {unit}"
        count = round(count / 1000)
    return f"{count:,.0f} GB"
