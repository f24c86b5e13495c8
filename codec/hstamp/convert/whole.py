"""Outputs that are made in one go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from ..errors import output_error
from ..outputs import atomic_folder, atomic_writer, is_special, whole_folder
from .by_schema import SchemaSink, beside
from .dataset import DatasetSink
from .destination import Destination
from .items import named_blobs
from .making import EmptyError, Maker, reported
from .manifest import write_manifest
from .mosaic import Rows
from .plan import Job, Output, size_of
from .report import Report
from .sections import Section

__all__ = ["make_whole", "output_file"]

_BLOB_NAME: Final = re.compile(r"[0-9]{6,}(-[a-z]+)?\.hstamp")


def make_whole(
    job: Job,
    output: Output,
    report: Report,
    say: Callable[[str], None],
    progress: Callable[[int], None],
    rows: Mapping[Path, Rows] | None = None,
) -> bool:
    """Make one output and return whether it is there; what failed is in the report.

    Only faults in writing are raised.

    Parameters
    ----------
    job : Job
    output : Output
    report : Report
    say, progress : callable
        See `hstamp.convert.job.run`.
    rows : mapping, optional
        Positions that are wanted of each image; images that are not in it are left out.
    """

    def convert(out: Destination) -> None:
        Maker(job, out, report, say, progress).convert(_sections(output, rows))

    try:
        if job.form == "blobs":
            written = _to_blobs(job, output, report, say)
        elif job.form == "hats":
            written = _to_catalog(job, output, convert)
        elif job.is_dataset:
            written = _to_dataset(job, output, report, convert)
        else:
            with output_file(output.path) as stream:
                others = _beside(job, output, stream)
                with Destination(job, stream, others=others) as out:
                    convert(out)
                paths = others.paths if others else []
                written = stream.seek(0, 2) + sum(map(size_of, paths))
            report.beside += map(str, paths)
    except EmptyError:
        return False
    except Exception as exc:
        say(str(report.failed(str(output.path), reported(exc))))
        return False
    report.file_bytes_out += written
    report.outputs += 1
    return True


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """Open an output, and make its folder."""
    try:
        if not is_special(path):
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise output_error(path, exc) from exc
    with atomic_writer(path) as stream:
        yield stream


def _sections(output: Output, rows: Mapping[Path, Rows] | None) -> Iterator[Section]:
    for path in output.inputs:
        if rows is None or path in rows:
            yield Section(path, size_of(path), rows=None if rows is None else rows[path])


def _beside(job: Job, output: Output, stream: BinaryIO) -> SchemaSink | None:
    """Where a folder's output is of several schemas: those after the first get files beside it."""
    if not job.into_folder or job.form == "wire":
        return None
    return SchemaSink(
        lambda name: beside(output, name, force=job.force),
        stream,
        codec=job.codec,
        drop_cutouts=job.drop_cutouts,
        taken=output.taken,
    )


def _to_catalog(job: Job, output: Output, convert: Callable[[Destination], None]) -> int:
    """Write a HATS catalogue; return its bytes."""
    from .hats import open_catalog

    size = sum(map(size_of, output.inputs))
    with open_catalog(output.path, size, job.surveys, tensors=job.tensors, nest=job.nest) as sink:
        convert(Destination(job, sink=sink))
        if not sink.rows:
            raise EmptyError
    return sum(size_of(path) for path in output.path.rglob("*") if path.is_file())


def _to_dataset(
    job: Job, output: Output, report: Report, convert: Callable[[Destination], None]
) -> int:
    """Write files by schema and partition into a folder; return their bytes."""
    before = len(report.problems)
    with whole_folder(output.path) as folder:
        with DatasetSink(folder, job) as sink:
            convert(Destination(job, sink=sink))
            if not sink.files:
                raise EmptyError
        return write_manifest(folder, job, len(report.problems) - before)


def _to_blobs(job: Job, output: Output, report: Report, say: Callable[[str], None]) -> int:
    """Write every stamp of an input as a blob of its own into a folder; return the bytes."""
    (path,) = output.inputs
    names, written = set(), 0
    with atomic_folder(output.path) as folder:
        try:
            for name, blob in named_blobs(job, path, report, say):
                try:
                    (folder / name).write_bytes(blob)
                except OSError as exc:
                    raise output_error(output.path / name, exc) from exc
                names.add(name)
                written += len(blob)
            report.file_bytes_in += size_of(path)
        except Exception as exc:  # whatever a library raised costs the rest of this file
            say(str(report.failed(str(path), reported(exc))))
        report.settle()
        if not names:
            raise EmptyError
    for old in output.path.iterdir():
        # Blobs of an earlier run that the input no longer gives.
        if old.name not in names and _BLOB_NAME.fullmatch(old.name):
            old.unlink(missing_ok=True)
    return written
