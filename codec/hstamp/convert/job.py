"""A conversion run: inputs to outputs, one bad record at a time never stopping the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..alerts.files import atomic_folder, atomic_writer
from ..container.detect import Kind, detect
from ..errors import FormatError, HstampError, InputError
from .items import (
    ALERT_KINDS,
    check_alert_schema,
    convert_item,
    named_stamps,
    stamps_of_image,
)
from .plan import Form, Job, Output, expand, outputs_of
from .report import Report
from .sinks import AvroAlertSink, ParquetAlertSink, Sink, StampSink
from .sources import AlertRecord, AlertSource, BadRecord, open_alerts

__all__ = ["Form", "Job", "expand", "run"]


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
        If the outputs would overwrite inputs or each other.
    """
    done = 0
    for output in outputs_of(job):
        if output.path.exists() and not job.force:
            report.skipped["output exists already (--force makes it again)"] += 1
        elif job.form == "blobs":
            _to_blobs(job, output, report, say)
        else:
            with _output_file(output.path) as stream:
                _Run(job, stream, report, say, _from(progress, done)).convert(output.inputs)
            if output.path.exists():
                report.file_bytes_out += output.path.stat().st_size
        done += sum(path.stat().st_size for path in output.inputs)
        progress(done)


@contextmanager
def _output_file(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with atomic_writer(path) as stream:
            yield stream
    except _EmptyError:
        pass


class _Run:
    """One output file in the making."""

    def __init__(
        self,
        job: Job,
        stream: BinaryIO,
        report: Report,
        say: Callable[[str], None],
        progress: Callable[[int], None],
    ) -> None:
        self.job, self.stream, self.report = job, stream, report
        self.say, self.progress = say, progress
        self.sink: Sink | None = None
        self.used = False

    def convert(self, inputs: tuple[Path, ...]) -> None:
        done = 0
        for path in inputs:
            size = path.stat().st_size
            try:
                self._file(path, _from(self.progress, done))
                self.report.file_bytes_in += size
            except HstampError as exc:
                self.say(str(self.report.failed(str(path), exc)))
            except OSError as exc:
                self.say(str(self.report.failed(str(path), InputError(str(exc)))))
            done += size
        if self.sink is None or not self.used:
            raise _EmptyError
        self.sink.close()

    def _file(self, path: Path, progress: Callable[[int], None]) -> None:
        kind, gzipped = detect(path)
        if kind is Kind.FITS:
            if self.job.form == "alerts":
                raise InputError("a FITS image holds no alert: use --as stamps")
            self._image(path, gzipped)
        elif kind in ALERT_KINDS:
            with open_alerts(
                path, kind, gzipped=gzipped, schema_file=self.job.schema_file
            ) as source:
                self._alerts(path, kind, source, progress)
        elif kind is Kind.BLOB:
            raise InputError("it is a stamp already")
        else:
            raise FormatError("E_MAGIC", f"{kind.value}: neither alerts nor a FITS image")

    def _image(self, path: Path, gzipped: bool) -> None:
        for stamp in stamps_of_image(self.job, path, gzipped, self.report, self.say):
            sink = self._sink_for(Kind.FITS)
            if isinstance(sink, StampSink):
                sink.add(stamp)
                self.used = True

    def _alerts(
        self, path: Path, kind: Kind, source: AlertSource, progress: Callable[[int], None]
    ) -> None:
        check_alert_schema(source.schema, kind, self.job.surveys)
        sink = self._sink_for(kind)
        sink.accept(source.schema, source.codec)
        self.used = True
        for batch in source.batches():
            made = [
                convert_item(self.job, path, item, self.report, self.say)
                if isinstance(item, AlertRecord)
                else None
                for item in batch.records
            ]
            for item in batch.records:
                if isinstance(item, BadRecord):
                    self.say(str(self.report.failed(str(path), item.error, item.number)))
            self.report.alerts_out += sink.write(batch, [m for m in made if m is not None])
            progress(source.position)

    def _sink_for(self, kind: Kind) -> Sink:
        job = self.job
        form = job.form or ("stamps" if kind is Kind.FITS else "alerts")
        wanted: type
        if form == "stamps":
            wanted = StampSink
        else:
            wanted = ParquetAlertSink if kind is Kind.PARQUET else AvroAlertSink
        if self.sink is None:
            if wanted is StampSink:
                self.sink = StampSink(self.stream, job.codec)
            elif wanted is ParquetAlertSink:
                self.sink = ParquetAlertSink(self.stream, drop_cutouts=job.drop_cutouts)
            else:
                self.sink = AvroAlertSink(self.stream, job.codec, drop_cutouts=job.drop_cutouts)
        elif not isinstance(self.sink, wanted):
            raise InputError(
                "one file cannot hold both alerts and images, or Avro and Parquet:"
                " give a folder as output, or --as stamps"
            )
        return self.sink


def _from(progress: Callable[[int], None], base: int) -> Callable[[int], None]:
    """Progress that starts at `base`."""
    return lambda at: progress(base + at)


def _to_blobs(job: Job, output: Output, report: Report, say: Callable[[str], None]) -> None:
    """Write every stamp of an input as a blob of its own into a folder."""
    for path in output.inputs:
        try:
            with atomic_folder(output.path) as folder:
                for name, stamp in named_stamps(job, path, report, say):
                    blob = stamp.to_bytes()
                    (folder / name).write_bytes(blob)
                    report.file_bytes_out += len(blob)
            report.file_bytes_in += path.stat().st_size
        except HstampError as exc:
            say(str(report.failed(str(path), exc)))
        except OSError as exc:
            say(str(report.failed(str(path), InputError(str(exc)))))
