"""A conversion run: inputs to outputs, one bad record at a time never stopping the rest."""

from __future__ import annotations

import errno
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from ..container.detect import Kind
from ..container.tarball import Member
from ..errors import (
    FormatError,
    HstampError,
    InputError,
    OutputError,
    as_hstamp_error,
    output_error,
)
from ..outputs import atomic_folder, atomic_writer, is_special, whole_folder
from .by_schema import SchemaSink, beside
from .dataset import DatasetSink
from .history import History, options_of
from .items import (
    ALERT_KINDS,
    ARCHIVES,
    check_alert_schema,
    convert_items,
    named_blobs,
    open_archive,
    packets_of,
    stamps_of_image,
)
from .manifest import is_settled, write_manifest
from .mosaic import Rows, choose_images
from .packets import PacketSource
from .parquet_sink import ParquetAlertSink
from .plan import Form, Job, Output, expand, look_at, outputs_of, size_of
from .report import KEPT, Report
from .sinks import AvroAlertSink, Sink, Stamps, StampSink, WireSink
from .sources import AlertBatch, AlertRecord, AlertSource, BadRecord, open_alerts

__all__ = ["Form", "Job", "expand", "run"]

_OF_ONE_NAME: Final = (
    errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.EILSEQ,
)  # fmt: skip
"""Faults of one output's name, which say nothing about the next output."""
_NO_MESSAGES: Final = "rows of Parquet are no Avro records, and give no messages"
_BLOB_NAME: Final = re.compile(r"[0-9]{6,}(-[a-z]+)?\.hstamp")


class _EmptyError(Exception):
    """Nothing was written, so no file is wanted."""


def run(
    job: Job,
    report: Report,
    *,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Carry out a job.

    In a folder, outputs that are complete are kept; those whose earlier run failed or was cut
    short, or whose input has changed since, are made again.

    Parameters
    ----------
    job : Job
    report : Report
        Filled as the run goes, so that an interrupted run has one too.
    say : callable
        Called with a line for every failure.
    progress : callable
        Called with the bytes of input done so far.

    Raises
    ------
    InputError
        If the outputs would overwrite inputs, each other or a file that is there already, or
        stand beside outputs of other options.
    OutputError
        If an output cannot be written: then no other could either.
    """
    if job.is_dataset:
        job = replace(job, form=job.form or "alerts")
    outputs = outputs_of(job)
    if not job.into_folder:
        (output,) = outputs
        if job.is_dataset:
            if is_settled(job):
                report.skipped[KEPT] += 1
                return
        elif output.path.exists() and not (job.force or is_special(output.path)):
            raise InputError(f"{output.path} exists already (--force replaces it)")
        _make(job, output, report, say, progress)
        return
    try:
        job.out.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise output_error(job.out, exc) from exc
    history = History(job.out, options_of(job))
    settled = {} if job.force else history.settle(outputs)
    try:
        _make_all(job, outputs, settled, history, report, say, progress)
    finally:
        history.close()


def _make_all(
    job: Job,
    outputs: Sequence[Output],
    settled: Mapping[Path, InputError | None],
    history: History,
    report: Report,
    say: Callable[[str], None],
    progress: Callable[[int], None],
) -> None:
    """Make the outputs that are not settled; tell of those that are."""
    if left := history.left_failed(outputs):
        report.notes["failed output of an earlier run, whose input is none of this run's"] += left
    done = 0
    for output in outputs:
        source = output.inputs[0]
        if output.path not in settled:
            before, others = len(report.problems), len(report.beside)
            output = history.with_beside(output)
            history.begin(output)
            try:
                if _make(job, output, report, say, _from(progress, done)):
                    history.end(output, len(report.problems) - before, report.beside[others:])
            except OutputError as exc:
                if exc.errno not in _OF_ONE_NAME:
                    raise
                reason = f"cannot write {exc.path}: {exc.reason}"
                say(str(report.failed(str(source), OutputError(exc.path, reason))))
        elif (error := settled[output.path]) is not None:
            say(str(report.failed(str(source), error)))
        else:
            report.skipped[KEPT] += 1
        done += size_of(source)
        progress(done)


def _make(
    job: Job,
    output: Output,
    report: Report,
    say: Callable[[str], None],
    progress: Callable[[int], None],
) -> bool:
    """Make one output and return whether it is there; what failed is in the report.

    Only faults in writing are raised.
    """
    try:
        if job.form == "blobs":
            written = _to_blobs(job, output, report, say)
        elif job.form == "hats":
            written = _to_catalog(job, output, report, say, progress)
        elif job.is_dataset:
            written = _to_dataset(job, output, report, say, progress)
        else:
            with _output_file(output.path) as stream:
                maker = _Run(job, stream, report, say, progress, _beside(job, output, stream))
                maker.convert(output.inputs)
                written = stream.seek(0, 2)
                others = maker.others.paths if maker.others else []
                written += sum(map(size_of, others))
            report.beside += map(str, others)
    except _EmptyError:
        return False
    except Exception as exc:
        say(str(report.failed(str(output.path), _reported(exc))))
        return False
    report.file_bytes_out += written
    report.outputs += 1
    return True


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


@contextmanager
def _output_file(path: Path) -> Iterator[BinaryIO]:
    try:
        if not is_special(path):
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise output_error(path, exc) from exc
    with atomic_writer(path) as stream:
        yield stream


def _reported(exc: Exception) -> HstampError:
    """Error to report for one input; raises what no other input would fare better with."""
    if isinstance(exc, OutputError | BrokenPipeError):
        raise exc
    if isinstance(exc, HstampError) or not isinstance(exc, OSError):
        return as_hstamp_error(exc)
    # Reading fills no disk: a temporary file for what must be decompressed did.
    if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        raise output_error(f"a temporary file in {tempfile.gettempdir()}", exc) from exc
    return InputError(f"cannot be read: {exc.strerror or exc}")


class _Run:
    """One output file in the making."""

    def __init__(
        self,
        job: Job,
        stream: BinaryIO | None,
        report: Report,
        say: Callable[[str], None],
        progress: Callable[[int], None],
        others: SchemaSink | None = None,
    ) -> None:
        self.job, self.stream, self.report, self.others = job, stream, report, others
        self.say, self.progress = say, progress
        self.sink: Sink | None = None
        self.used = False
        self.rows: Mapping[Path, Rows] | None = None

    def convert(self, inputs: tuple[Path, ...]) -> None:
        with self.others or nullcontext():
            self._convert(inputs)

    def _convert(self, inputs: tuple[Path, ...]) -> None:
        done = 0
        if self.job.mosaic:
            self.rows = choose_images(
                self.job, inputs, self.report, self.say,
                lambda path, exc: self._failed(path, _reported(exc)),
            )  # fmt: skip
            self.report.settle()
        for path in inputs:
            if self.rows is not None and path not in self.rows:
                done += size_of(path)
                continue
            try:
                self._file(path, _from(self.progress, done))
                self.report.file_bytes_in += size_of(path)
            except Exception as exc:  # whatever a library raised costs this file
                self._failed(path, _reported(exc))
            self.report.settle()
            done += size_of(path)
            self.progress(done)
        if self.sink is None or not self.used:
            raise _EmptyError
        self.sink.close()

    def _failed(
        self,
        path: Path,
        error: HstampError,
        record: int | None = None,
        member: Member | None = None,
    ) -> None:
        self.say(str(self.report.failed(str(path), error, record, None, member)))

    def _file(self, path: Path, progress: Callable[[int], None]) -> None:
        kind, gzipped = look_at(path)
        if (packets := packets_of(self.job, path, kind, gzipped)) is not None:
            self._packets(path, *packets)
        elif kind is Kind.FITS:
            if self.job.form in ("alerts", "hats", "wire"):
                raise InputError("a FITS image holds no alert: use --as stamps")
            self._image(path, gzipped, progress)
        elif kind in ALERT_KINDS:
            with open_alerts(
                path,
                kind,
                gzipped=gzipped,
                schema_file=self.job.schema_file,
                fields=self.job.fields,
            ) as source:
                self._alerts(path, kind, source, progress)
        elif kind in ARCHIVES:
            self._archive(path, kind, gzipped, progress)
        elif kind is Kind.BLOB:
            raise InputError("it is a stamp already")
        else:
            raise FormatError("E_MAGIC", f"{kind.value}: neither alerts nor a FITS image")

    def _image(self, path: Path, gzipped: bool, progress: Callable[[int], None]) -> None:
        rows = None if self.rows is None else self.rows[path]
        size, total = size_of(path), max(len(self.job.positions if rows is None else rows), 1)
        stamps = stamps_of_image(self.job, path, gzipped, self.report, self.say, rows)
        for number, blob in enumerate(stamps, 1):
            sink = self._sink_for(Kind.FITS)
            if isinstance(sink, StampSink | DatasetSink):
                sink.add(blob)
                self.used = True
            progress(size * number // total)

    def _packets(self, path: Path, job: Job, source: PacketSource) -> None:
        """Make stamps of alerts that are no Avro records."""
        if self.job.form in ("alerts", "wire"):
            raise InputError("FITS and JSON of an alert are no Avro record: use --as stamps")
        sink = self._sink_for(Kind.FITS)
        for batch in source.batches():
            self._batch(path, sink, batch, job=job)
            self.used = True

    def _archive(
        self, path: Path, kind: Kind, gzipped: bool, progress: Callable[[int], None]
    ) -> None:
        """Convert the members of an archive; those of a schema that cannot go in are failures."""
        with open_archive(self.job, path, kind, gzipped) as archive:
            for run in archive.runs():
                sink, refused = self._sink_for(Kind.OCF), None
                try:
                    if run.schema is not None:
                        sink.accept(run.schema, run.codec)
                        self.used = True
                except Exception as exc:
                    refused = _reported(exc)
                for batch in run.batches():
                    self._batch(path, sink, batch, refused)
                    self.report.settle(batch.records, run.schema)
                    progress(run.position)
            self.report.passed_over += archive.passed_over

    def _alerts(
        self, path: Path, kind: Kind, source: AlertSource, progress: Callable[[int], None]
    ) -> None:
        check_alert_schema(source.schema, kind, self.job.surveys)
        sink = self._sink_for(kind)
        sink.accept(source.schema, source.codec)
        self.used = True
        for batch in source.batches():
            self._batch(path, sink, batch)
            self.report.settle(batch.records, source.schema)
            progress(source.position)

    def _batch(
        self,
        path: Path,
        sink: Sink,
        batch: AlertBatch,
        refused: HstampError | None = None,
        job: Job | None = None,
    ) -> None:
        for item in batch.records:
            if isinstance(item, BadRecord):
                self._failed(path, item.error, item.number, item.member)
            elif refused is not None:
                self._failed(path, refused, item.number, item.member)
        if refused is not None:
            return
        items = [item for item in batch.records if isinstance(item, AlertRecord)]
        made = list(convert_items(job or self.job, path, items, self.report, self.say))
        self.report.alerts_out += self._write(path, sink, batch, made)

    def _write(self, path: Path, sink: Sink, batch: AlertBatch, made: Sequence[Stamps]) -> int:
        """Write a batch; where that fails, one record after the other, to lose only the bad."""
        items = [item for item in batch.records if isinstance(item, AlertRecord)]
        try:
            return sink.write(batch, made)
        except Exception as exc:
            error = _reported(exc)
        by_row = batch.group is None or (isinstance(sink, DatasetSink) and sink.by_row)
        if len(items) == 1 or not by_row:
            # A row group is written as a whole or not at all.
            self._failed(path, error, batch.records[0].number, batch.records[0].member)
            return 0
        written = 0
        for item, stamps in zip(items, made, strict=True):
            written += self._write(path, sink, AlertBatch((item,)), [stamps])
        return written

    def _sink_for(self, kind: Kind) -> Sink:
        job = self.job
        if self.sink is not None and (job.form == "hats" or job.is_dataset):
            if job.form == "wire" and kind is Kind.PARQUET:
                raise InputError(_NO_MESSAGES)
            return self.sink
        assert self.stream is not None
        form = job.form or ("stamps" if kind is Kind.FITS else "alerts")
        wanted: type
        if form == "stamps":
            wanted = StampSink
        elif form == "wire":
            if kind is Kind.PARQUET:
                raise InputError(_NO_MESSAGES)
            wanted = WireSink
        else:
            wanted = ParquetAlertSink if kind is Kind.PARQUET else AvroAlertSink
            if self.others is not None and wanted is AvroAlertSink:
                wanted = SchemaSink
        if self.sink is None:
            if wanted is StampSink:
                self.sink = StampSink(self.stream, job.codec)
            elif wanted is SchemaSink:
                self.sink = self.others
            elif wanted is WireSink:
                assert job.schema_id is not None
                self.sink = WireSink(self.stream, job.schema_id, drop_cutouts=job.drop_cutouts)
            elif wanted is ParquetAlertSink:
                self.sink = ParquetAlertSink(self.stream, drop_cutouts=job.drop_cutouts)
            else:
                self.sink = AvroAlertSink(self.stream, job.codec, drop_cutouts=job.drop_cutouts)
        if not isinstance(self.sink, wanted):
            raise InputError(
                "one file cannot hold both alerts and images, or Avro and Parquet:"
                " give a folder as output, or --as stamps"
            )
        return self.sink


def _from(progress: Callable[[int], None], base: int) -> Callable[[int], None]:
    """Progress that starts at `base`."""
    return lambda at: progress(base + at)


def _to_catalog(
    job: Job,
    output: Output,
    report: Report,
    say: Callable[[str], None],
    progress: Callable[[int], None],
) -> int:
    """Write a HATS catalogue; return its bytes."""
    from .hats import open_catalog

    size = sum(map(size_of, output.inputs))
    with open_catalog(output.path, size, job.surveys, tensors=job.tensors, nest=job.nest) as sink:
        maker = _Run(job, None, report, say, progress)
        maker.sink = sink
        maker.convert(output.inputs)
        if not sink.rows:
            raise _EmptyError
    return sum(size_of(path) for path in output.path.rglob("*") if path.is_file())


def _to_dataset(
    job: Job,
    output: Output,
    report: Report,
    say: Callable[[str], None],
    progress: Callable[[int], None],
) -> int:
    """Write files by schema and partition into a folder; return their bytes."""
    before = len(report.problems)
    with whole_folder(output.path) as folder:
        with DatasetSink(folder, job) as sink:
            maker = _Run(job, None, report, say, progress)
            maker.sink = sink
            maker.convert(output.inputs)
            if not sink.files:
                raise _EmptyError
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
            say(str(report.failed(str(path), _reported(exc))))
        report.settle()
        if not names:
            raise _EmptyError
    for old in output.path.iterdir():
        # Blobs of an earlier run that the input no longer gives.
        if old.name not in names and _BLOB_NAME.fullmatch(old.name):
            old.unlink(missing_ok=True)
    return written
