"""What a conversion did, and what it could not do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ..container.ocf import AlertRecord, BadRecord
from ..container.tarball import Member
from ..errors import HstampError
from ..text import printable

if TYPE_CHECKING:
    from .quarantine import Quarantine

__all__ = ["KEPT", "Problem", "Report"]

KEPT: Final = "output is there and complete (--force makes it again)"
"""Reason for skipping an output of an earlier run."""

_NUMBERS: Final = (
    "alerts_in", "alerts_out", "incomplete", "cutout_bytes", "stamp_bytes", "file_bytes_in",
    "file_bytes_out", "passed_over", "outputs",
)  # fmt: skip
_COUNTERS: Final = ("stamps", "skipped", "notes")
_PIXELS: Final = re.compile(r"\b(\d+) pixels (?=hold fills|are blank)")


@dataclass(frozen=True)
class Problem:
    """One failure: where, what, and the code of the specification.

    `number` counts the records of an archive, and is `record` in other files.
    """

    file: str
    record: int | None
    field: str | None
    code: str
    reason: str
    number: int | None = None

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
    beside : list of str
        Output files of other schemas, beside outputs.
    labels : dict
        What to call a file instead of its path.
    quarantine : Quarantine or None
        Where alerts that failed are kept.
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
    beside: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    quarantine: Quarantine | None = None

    def failed(
        self,
        file: str,
        error: HstampError,
        record: int | None = None,
        place: str | None = None,
        member: Member | None = None,
    ) -> Problem:
        """Record a failure and return it."""
        # The system's messages often repeat the path.
        if record is not None and record < 0:
            record = None
        name, reason, number = self.labels.get(file, file), error.reason, record
        if file in self.labels:
            reason = reason.replace(file, name)
        if member is not None:
            name, record = f"{name}, {member.name}", member.record
        problem = Problem(name, record, place, error.code, reason, number)
        self.problems.append(problem)
        return problem

    def settle(self, records: Sequence[AlertRecord | BadRecord] = (), schema: Any = None) -> None:
        """Put what failed since the last call into the quarantine, with the records' bytes."""
        if self.quarantine is not None:
            self.quarantine.collect(self.problems, records, schema)

    def state(self) -> dict[str, Any]:
        """Return all counts and failures as JSON can hold them, for `add`."""
        return {
            **{name: getattr(self, name) for name in _NUMBERS},
            **{name: list(getattr(self, name).items()) for name in _COUNTERS},
            "problems": [list(astuple(problem)) for problem in self.problems],
            "beside": self.beside,
        }

    def add(self, state: Mapping[str, Any], kept: BinaryIO | None = None) -> list[Problem]:
        """Add what another process counted.

        Parameters
        ----------
        state : mapping
            Its `state`.
        kept : binary file, optional
            Its quarantine file.

        Returns
        -------
        list of Problem
            Its failures.
        """
        self.settle()
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + state[name])
        for name in _COUNTERS:
            getattr(self, name).update(dict(map(tuple, state[name])))
        problems = [Problem(*values) for values in state["problems"]]
        self.problems += problems
        self.beside += state["beside"]
        if self.quarantine is not None:
            self.quarantine.take(kept, len(self.problems))
        return problems

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
        if self.quarantine is not None and self.quarantine.count:
            out.append(f"quarantine  {self.quarantine.count} in {self.quarantine.path}")
        return out

    def rates(self, seconds: float) -> str:
        """Return what a line of progress says besides shares and times."""
        made = sum(self.stamps.values())
        count, what = (self.alerts_in, "alerts") if self.alerts_in else (made, "stamps")
        said = [f"{count:,} {what}, {count / max(seconds, 1e-3):,.0f}/s"]
        said.append(f"{_size(self.cutout_bytes)} of cutouts, {_size(self.stamp_bytes)} of stamps")
        if skipped := sum(self.skipped.values()):
            said.append(f"{skipped:,} skipped")
        if self.problems:
            said.append(f"{len(self.problems):,} failed")
        return ", ".join(said)

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON can hold it; bytes are counts."""
        kept = self.quarantine
        return {
            "alertsIn": self.alerts_in,
            "alertsOut": self.alerts_out,
            "stamps": sum(self.stamps.values()),
            "stampsByLevels": {str(n): count for n, count in sorted(self.stamps.items())},
            "stampsWithMissingPixels": self.incomplete,
            "cutoutBytes": self.cutout_bytes,
            "stampBytes": self.stamp_bytes,
            "fileBytesIn": self.file_bytes_in,
            "fileBytesOut": self.file_bytes_out,
            "outputs": self.outputs,
            "skipped": dict(self.skipped),
            "notes": dict(_summed(self.notes)),
            "passedOver": self.passed_over,
            "failed": len(self.problems),
            "failedByCode": dict(Counter(problem.code for problem in self.problems)),
            "quarantined": kept.count if kept is not None else 0,
        }

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
