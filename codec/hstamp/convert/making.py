"""One output, or a part of one, in the making: inputs go in, and a sink takes what comes."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

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
from .dataset import DatasetSink
from .destination import Accepted, Destination
from .items import (
    ALERT_KINDS,
    ARCHIVES,
    check_alert_schema,
    convert_items,
    open_archive,
    packets_of,
    stamps_of_image,
)
from .packets import PacketSource
from .plan import Job, look_at
from .report import Report
from .sections import Section
from .sinks import Sink, Stamps, StampSink
from .sources import AlertBatch, AlertRecord, AlertSource, BadRecord, open_alerts

__all__ = ["EmptyError", "Maker", "advanced", "reported"]


class EmptyError(Exception):
    """Nothing was written, so no file is wanted."""


def reported(exc: Exception) -> HstampError:
    """Error to report for one input; raises what no other input would fare better with."""
    if isinstance(exc, OutputError | BrokenPipeError):
        raise exc
    if isinstance(exc, HstampError) or not isinstance(exc, OSError):
        return as_hstamp_error(exc)
    # Reading fills no disk: a temporary file for what must be decompressed did.
    if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        raise output_error(f"a temporary file in {tempfile.gettempdir()}", exc) from exc
    return InputError(f"cannot be read: {exc.strerror or exc}")


def advanced(progress: Callable[[int], None], base: int) -> Callable[[int], None]:
    """Progress that starts at `base`."""
    return lambda at: progress(base + at)


class Maker:
    """One output file, or a part of one, in the making.

    Parameters
    ----------
    job : Job
    out : Destination
        Where it goes.
    report : Report
    say : callable
        Called with a line for every failure.
    progress : callable
        Called with the bytes of input done so far.
    """

    def __init__(
        self,
        job: Job,
        out: Destination,
        report: Report,
        say: Callable[[str], None],
        progress: Callable[[int], None],
    ) -> None:
        self.job, self.out, self.report = job, out, report
        self.say, self.progress = say, progress

    def convert(self, sections: Iterable[Section]) -> None:
        """Convert sections in their order, and finish the output.

        Raises
        ------
        EmptyError
            If nothing went in.
        """
        done = 0
        for section in sections:
            if section.name:
                self.report.labels[str(section.path)] = section.name
            try:
                if section.span is None or section.span.stop > section.span.start:
                    self._section(section, advanced(self.progress, done))
                self.report.file_bytes_in += section.size
            except Exception as exc:  # whatever a library raised costs this file
                self._failed(section.path, reported(exc))
            if section.fault is not None:
                self._failed(section.path, section.fault)
            self.report.settle()
            done += section.size
            self.progress(done)
        if self.out.sink is None or not self.out.used:
            raise EmptyError
        self.out.sink.close()

    def _failed(
        self,
        path: Path,
        error: HstampError,
        record: int | None = None,
        member: Member | None = None,
    ) -> None:
        self.say(str(self.report.failed(str(path), error, record, None, member)))

    def _section(self, section: Section, progress: Callable[[int], None]) -> None:
        path = section.path
        kind, gzipped = look_at(path)
        if (packets := packets_of(self.job, path, kind, gzipped)) is not None:
            self._packets(path, *packets)
        elif kind is Kind.FITS:
            if self.job.form in ("alerts", "hats", "wire"):
                raise InputError("a FITS image holds no alert: use --as stamps")
            self._image(section, gzipped, progress)
        elif kind in ALERT_KINDS:
            with open_alerts(
                path,
                kind,
                gzipped=gzipped,
                schema_file=self.job.schema_file,
                fields=self.job.fields,
                span=section.span,
            ) as source:
                self._alerts(path, kind, source, progress)
        elif kind in ARCHIVES:
            self._archive(section, kind, gzipped, progress)
        elif kind is Kind.BLOB:
            raise InputError("it is a stamp already")
        else:
            raise FormatError("E_MAGIC", f"{kind.value}: neither alerts nor a FITS image")

    def _image(self, section: Section, gzipped: bool, progress: Callable[[int], None]) -> None:
        rows = section.rows
        total = max(len(self.job.positions if rows is None else rows), 1)
        stamps = stamps_of_image(self.job, section.path, gzipped, self.report, self.say, rows)
        for number, blob in enumerate(stamps, 1):
            sink = self.out.sink_for(Kind.FITS)
            if isinstance(sink, StampSink | DatasetSink):
                sink.add(blob)
                self.out.use(Accepted("stamps"))
            progress(section.size * number // total)

    def _packets(self, path: Path, job: Job, source: PacketSource) -> None:
        """Make stamps of alerts that are no Avro records."""
        if self.job.form in ("alerts", "wire"):
            raise InputError("FITS and JSON of an alert are no Avro record: use --as stamps")
        sink = self.out.sink_for(Kind.FITS)
        for batch in source.batches():
            self._batch(path, sink, batch, job=job)
            self.out.use(Accepted("stamps"))

    def _archive(
        self, section: Section, kind: Kind, gzipped: bool, progress: Callable[[int], None]
    ) -> None:
        """Convert the members of an archive; those of a schema that cannot go in are failures."""
        with open_archive(self.job, section.path, kind, gzipped, section.span) as archive:
            for run in archive.runs():
                sink, refused = self.out.sink_for(Kind.OCF), None
                try:
                    if run.schema is not None:
                        sink.accept(run.schema, run.codec)
                        self.out.use(Accepted("avro", run.schema, run.codec))
                except Exception as exc:
                    refused = reported(exc)
                for batch in run.batches():
                    self._batch(section.path, sink, batch, refused)
                    self.report.settle(batch.records, run.schema)
                    progress(run.position)
            self.report.passed_over += archive.passed_over

    def _alerts(
        self, path: Path, kind: Kind, source: AlertSource, progress: Callable[[int], None]
    ) -> None:
        check_alert_schema(source.schema, kind, self.job.surveys)
        sink = self.out.sink_for(kind)
        sink.accept(source.schema, source.codec)
        if kind is Kind.PARQUET:
            self.out.use(Accepted("parquet", table=str(path)))
        else:
            self.out.use(Accepted("avro", source.schema, source.codec))
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
            error = reported(exc)
        by_row = batch.group is None or (isinstance(sink, DatasetSink) and sink.by_row)
        if len(items) == 1 or not by_row:
            # A row group is written as a whole or not at all.
            self._failed(path, error, batch.records[0].number, batch.records[0].member)
            return 0
        written = 0
        for item, stamps in zip(items, made, strict=True):
            written += self._write(path, sink, AlertBatch((item,)), [stamps])
        return written
