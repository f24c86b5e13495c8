"""Small outputs that a worker makes, some in one go."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from ..errors import OutputError
from .plan import Job, Output
from .quarantine import Quarantine
from .report import Problem, Report
from .sections import absolute, elsewhere
from .whole import make_whole

__all__ = ["SmallMade", "SmallTask", "make_small"]


@dataclass(frozen=True)
class SmallTask:
    """Outputs to make, and what messages call their files."""

    job: Job
    outputs: tuple[Output, ...]
    labels: dict[str, str]

    @classmethod
    def of(cls, job: Job, outputs: Sequence[Output]) -> SmallTask:
        """Task that any process that sees the files can do."""
        labels: dict[str, str] = {}

        def seen(path: Path) -> Path:
            found = absolute(path)
            if found != path:
                labels[str(found)] = str(path)
            return found

        there = tuple(
            replace(
                output,
                path=seen(output.path),
                inputs=tuple(map(seen, output.inputs)),
                beside=tuple(map(absolute, output.beside)),
            )
            for output in outputs
        )
        return cls(elsewhere(job), there, labels)


@dataclass(frozen=True)
class SmallMade:
    """What came of an output.

    Attributes
    ----------
    there : bool
        Whether it was written.
    state : dict
        See `hstamp.convert.report.Report.state`.
    kept : bytes
        Quarantine file of what failed; empty where nothing did.
    fault : OutputError or None
        Why it could not be written.
    """

    there: bool
    state: dict[str, Any]
    kept: bytes
    fault: OutputError | None

    def add_to(self, report: Report) -> list[Problem]:
        """Add counts and failures to those of a run; return the failures."""
        return report.add(self.state, BytesIO(self.kept) if self.kept else None)


def make_small(task: SmallTask) -> list[SmallMade]:
    """Make outputs in their order, until one cannot be written."""
    return [_made(task.job, output, task.labels) for output in task.outputs]


def _made(job: Job, output: Output, labels: dict[str, str]) -> SmallMade:
    there, fault = False, None
    with tempfile.TemporaryDirectory(prefix="hstamp-") as place:
        kept = Quarantine(Path(place, "failed.avro"))
        report = Report(quarantine=kept, labels=dict(labels))
        with kept:
            try:
                there = make_whole(job, output, report, _quiet, _quiet)
            except OutputError as exc:
                fault = exc
        data = kept.path.read_bytes() if kept.count else b""
    folder = Path(labels.get(str(output.path), output.path)).parent
    report.beside = [str(folder / Path(name).name) for name in report.beside]
    return SmallMade(there, report.state(), data, fault)


def _quiet(said: Any) -> None:
    """The run tells of failures, in the order of the outputs."""
