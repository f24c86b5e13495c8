"""Outputs that are made in parts, by several workers and over several runs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import HstampError
from ..outputs import whole_folder
from .assembly import join, join_by_schema
from .cutting import cut
from .dataset_parts import join_datasets
from .destination import Accepted
from .history import options_of
from .items import ARCHIVES
from .making import EmptyError
from .manifest import write_manifest
from .mosaic import Rows
from .parts import (
    PartTask,
    accepted_of,
    add_part,
    dataset_of,
    files_of,
    make_part,
    tables_of,
)
from .plan import Job, Output, look_at, size_of
from .report import Report
from .sections import Part, Section, absolute, elsewhere
from .whole import output_file
from .workers import Step
from .workfolder import WorkFolder

__all__ = ["LargeOutput"]


@dataclass
class LargeOutput:
    """An output in the making, part by part.

    Attributes
    ----------
    job : Job
    output : Output
    report : Report
    say, progress : callable
        See `hstamp.convert.job.run`.
    rows : mapping or None
        Positions that are wanted of each image; images that are not in it are left out.
    made : bool
        Whether the output is there.
    fault : Exception or None
        What ended it.
    """

    job: Job
    output: Output
    report: Report
    say: Callable[[str], None]
    progress: Callable[[int], None]
    rows: Mapping[Path, Rows] | None = None
    made: bool = False
    fault: Exception | None = None

    def steps(self) -> Generator[Step, None, None]:
        """Steps that make the output; those whose parts an earlier run made do no work."""
        if self.job.form == "hats":
            from .hats import check_catalog

            check_catalog(self.output.path)
        with WorkFolder(
            self.output.path, self.output.inputs, options_of(self.job), self.say
        ) as work:
            self._failed = len(self.report.problems)
            self._done, self._bytes, self._places = 0, self.report.stamp_bytes, list[Path]()
            self._accepted: Accepted | None = None
            job = replace(elsewhere(self.job), positions=self.job.positions[:2])
            size = sum(map(size_of, self.output.inputs))
            first_rules = self._first_rules()
            for part in cut(self.job, self.output.inputs, work, self.rows):
                place = work.part(part.index)
                wait = first_rules and self._accepted is None
                task = PartTask(job, _seen(part), absolute(place), size, self._accepted)
                todo = None if place.exists() else make_part
                yield Step(self._adding(part, place), todo, task, wait)
                if self.fault is not None:
                    return
            yield Step(lambda result: self._assemble(work), wait=True)

    def _first_rules(self) -> bool:
        """Whether what the first alerts are decides what others go in."""
        job, inputs = self.job, self.output.inputs
        sorted_ = job.into_folder or job.is_dataset
        if job.form in ("stamps", "hats") or (sorted_ and job.form != "wire"):
            return False
        if len(inputs) > 1:
            return True
        try:
            return look_at(inputs[0])[0] in ARCHIVES
        except HstampError:
            return False

    def _adding(self, part: Part, place: Path) -> Callable[[Callable[[], Any]], None]:
        def done(result: Callable[[], Any]) -> None:
            if self.fault is not None:
                return
            try:
                result()
            except Exception as exc:
                self.fault = exc
                return
            for problem in add_part(place, self.report):
                self.say(str(problem))
            if self._accepted is None:
                self._accepted = accepted_of(place)
            for section in part.sections:
                if section.staged:
                    section.path.unlink(missing_ok=True)
            self._places.append(place)
            self._done += part.size
            self.progress(self._done)

        return done

    def _assemble(self, work: WorkFolder) -> None:
        if self.fault is not None:
            return
        try:
            work.check()
            self.report.file_bytes_out += self._joined()
            self.report.outputs += 1
            self.made = True
        except EmptyError:
            pass
        except Exception as exc:
            self.fault = exc
            return
        work.remove()

    def _joined(self) -> int:
        """Write the output; return its bytes."""
        path = self.output.path
        if self.job.form == "hats":
            return self._catalog()
        if self.job.is_dataset:
            return self._dataset()
        parts = [files for place in self._places if (files := files_of(place))]
        if not parts:
            raise EmptyError
        others: list[Path] = []
        with output_file(path) as out:
            if self.job.into_folder and self.job.form != "wire":
                others = join_by_schema(parts, out, self.output, force=self.job.force)
            else:
                join([files[0] for files in parts], out)
            written = out.seek(0, 2)
        self.report.beside += map(str, others)
        return written + sum(map(size_of, others))

    def _dataset(self) -> int:
        failed = len(self.report.problems) - self._failed
        with whole_folder(self.output.path) as folder:
            if not join_datasets(map(dataset_of, self._places), folder, self.job):
                raise EmptyError
            return write_manifest(folder, self.job, failed)

    def _catalog(self) -> int:
        from .hats import open_catalog

        job, path = self.job, self.output.path
        size = sum(map(size_of, self.output.inputs))
        with open_catalog(path, size, job.surveys, tensors=job.tensors, nest=job.nest) as sink:
            tables = [found for place in self._places if (found := tables_of(place))]
            sink.take(tables, self.report.stamp_bytes - self._bytes)
            if not sink.rows:
                raise EmptyError
        return sum(size_of(file) for file in path.rglob("*") if file.is_file())


def _seen(part: Part) -> Part:
    """The part with paths that other processes can open, and the names that the user knows."""
    return replace(part, sections=tuple(map(_absolute, part.sections)))


def _absolute(section: Section) -> Section:
    name, path = section.name or str(section.path), absolute(section.path)
    return replace(section, path=path, name="" if name == str(path) else name)
