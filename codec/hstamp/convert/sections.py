"""What of an input is converted in one go: a whole file, or a run of a large one."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import HstampError
from .mosaic import Rows
from .plan import Job
from .spans import Span

__all__ = ["Part", "Section", "absolute", "elsewhere"]


@dataclass(frozen=True)
class Section:
    """An input, or a run of it.

    Attributes
    ----------
    path : Path
        File to read.
    size : int
        Bytes of the input that it stands for.
    name : str
        What messages call the input; empty for its path.
    span : Span or None
        Run of the file; None for all of it.
    rows : sequence of (int, Position) or None
        Positions in a FITS image, with their numbers; None for those of the job.
    fault : HstampError or None
        What ended the input after this section.
    staged : bool
        The file is a copy of the input's run, and nobody else's.
    """

    path: Path
    size: int
    name: str = ""
    span: Span | None = None
    rows: Rows | None = None
    fault: HstampError | None = None
    staged: bool = False


@dataclass(frozen=True)
class Part:
    """Sections that are converted together, and where they stand in the order of all."""

    index: int
    sections: tuple[Section, ...]

    @property
    def size(self) -> int:
        """Bytes of input that it stands for."""
        return sum(section.size for section in self.sections)


def absolute(path: Path) -> Path:
    """The path as other processes have to open it; links stay what they are."""
    text = str(path)
    if text.startswith("/proc/self/"):
        text = text.replace("self", str(os.getpid()), 1)
    return Path(os.path.abspath(text))  # noqa: PTH100 - resolve() would follow links


def elsewhere(job: Job) -> Job:
    """The job as other processes get it, which are told what to read with each task."""
    schema_file = None if job.schema_file is None else absolute(job.schema_file)
    return replace(job, inputs=(), roots=(), schema_file=schema_file)
