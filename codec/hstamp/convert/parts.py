"""A part of an output: made by any process that sees the files, and kept until all are there.

A part is a folder that appears when it is complete. In it are what the part converted, in the form
of the output, the counts and failures of it as JSON, and the alerts that failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from ..errors import OutputError
from ..outputs import atomic_folder, atomic_text, atomic_writer
from .by_schema import SchemaSink
from .dataset import DatasetSink
from .destination import Accepted, Destination
from .making import EmptyError, Maker
from .plan import Job
from .quarantine import Quarantine
from .report import Problem, Report
from .sections import Part

__all__ = [
    "PartTask",
    "accepted_of",
    "add_part",
    "dataset_of",
    "files_of",
    "make_part",
    "tables_of",
]

_MAIN: Final = "main"
_REPORT: Final = "report.json"
_FAILED: Final = "failed.avro"
_TABLES: Final = "tables"
_DATASET: Final = "dataset"


@dataclass(frozen=True)
class PartTask:
    """A part to make.

    Attributes
    ----------
    job : Job
        Its inputs play no part.
    part : Part
    place : Path
        Folder to make.
    size : int
        Bytes of all inputs of the output.
    accepted : Accepted or None
        What the output holds already.
    """

    job: Job
    part: Part
    place: Path
    size: int
    accepted: Accepted | None = None


def make_part(task: PartTask) -> None:
    """Convert a part into its folder; one that is there is left alone.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    if task.place.exists():
        return
    try:
        with atomic_folder(task.place) as folder:
            kept = Quarantine(folder / _FAILED)
            report = Report(quarantine=kept)
            with kept:
                accepted = _convert(task, folder, report)
            state = {**report.state(), "accepted": None if accepted is None else asdict(accepted)}
            atomic_text(folder / _REPORT, json.dumps(state))
    except OutputError:
        # A scheduler may give a task to a second worker while the first is still at it.
        if not task.place.exists():
            raise


def add_part(place: Path, report: Report) -> list[Problem]:
    """Add the counts and failures of a part to those of a run; return its failures."""
    state, failed = json.loads((place / _REPORT).read_bytes()), place / _FAILED
    if not failed.exists():
        return report.add(state)
    with failed.open("rb") as kept:
        return report.add(state, kept)


def accepted_of(place: Path) -> Accepted | None:
    """What the first alerts of a part were; None where nothing went in."""
    found = json.loads((place / _REPORT).read_bytes())["accepted"]
    return None if found is None else Accepted(**found)


def files_of(place: Path) -> list[Path]:
    """Files of a part's output: that of its first schema, then those of others."""
    main = place / _MAIN
    return [main, *sorted(place.glob("schema-*"))] if main.exists() else []


def tables_of(place: Path) -> list[Path]:
    """Tables of a part of a catalogue."""
    return sorted((place / _TABLES).glob("*.parquet"))


def dataset_of(place: Path) -> Path:
    """Folder of a part's files by schema and partition; it may be missing."""
    return place / _DATASET


def _convert(task: PartTask, folder: Path, report: Report) -> Accepted | None:
    with suppress(EmptyError), _destination(task, folder) as out:
        if task.accepted is not None:
            out.keep_to(task.accepted)
        Maker(task.job, out, report, _quiet, _quiet).convert(task.part.sections)
        return out.accepted
    return None


@contextmanager
def _destination(task: PartTask, folder: Path) -> Iterator[Destination]:
    job = task.job
    if job.form == "hats":
        from .hats import HatsSink

        tables = folder / _TABLES
        tables.mkdir()
        yield Destination(job, sink=HatsSink(tables, task.size, job.surveys))
        return
    if job.is_dataset:
        with DatasetSink(folder / _DATASET, job, numbered=True) as sink:
            yield Destination(job, sink=sink)
        return
    numbers = count(1)
    with atomic_writer(folder / _MAIN) as stream:
        others = None
        if job.into_folder and job.form != "wire":
            others = SchemaSink(
                lambda name: folder / f"schema-{next(numbers):03d}",
                stream,
                codec=job.codec,
                drop_cutouts=job.drop_cutouts,
            )
        with Destination(job, stream, others=others) as out:
            yield out


def _quiet(said: Any) -> None:
    """The run tells of failures, in the order of the parts."""
