"""One output, or a part of one, in the making: inputs go in, and a sink takes what comes."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

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
from .by_schema import SchemaSink
from .dataset import DatasetSink
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
from .parquet_sink import ParquetAlertSink
from .plan import Job, look_at
from .report import Report
from .sections import Section
from .sinks import AvroAlertSink, Sink, Stamps, StampSink, WireSink
from .sources import AlertBatch, AlertRecord, AlertSource, BadRecord, open_alerts

__all__ = ["Accepted", "EmptyError", "Maker", "advanced", "reported"]


class EmptyError(Exception):
    """Nothing was written, so no file is wanted."""


@dataclass(frozen=True)
class Accepted:
    """What an output holds from its first alerts on, to which all others have to keep.

    Attributes
    ----------
    sink : {"stamps", "avro", "parquet"}
    schema : object
        Writer's schema of Avro as parsed JSON.
    codec : str
        Block codec of that input.
    table : str or None
        Path of the first Parquet file.
    """

    sink: str
    schema: Any = None
    codec: str = "null"
    table: str | None = None


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
    stream : binary file or None
        Where it goes; None where the caller sets `sink`.
    report : Report
    say : callable
        Called with a line for every failure.
    progress : callable
        Called with the bytes of input done so far.
    others : SchemaSink, optional
        Takes alerts of any number of schemas, the first into `stream`.

    Attributes
    ----------
    sink : Sink or None
    accepted : Accepted or None
        What the first alerts that went in were.
    """

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
        self.accepted: Accepted | None = None
        self._used = False

    def keep_to(self, accepted: Accepted) -> None:
        """Take only what goes into one output with the alerts of another part."""
        if accepted.sink == "stamps":
            self._sink_for(Kind.FITS)
        elif accepted.sink == "avro":
            self._sink_for(Kind.OCF).accept(accepted.schema, accepted.codec)
        elif accepted.table is not None:
            path = Path(accepted.table)
            with open_alerts(path, Kind.PARQUET, gzipped=look_at(path)[1]) as source:
                self._sink_for(Kind.PARQUET).accept(source.schema, source.codec)
        self.accepted = accepted

    def convert(self, sections: Iterable[Section]) -> None:
        """Convert sections in their order, and finish the output.

        Raises
        ------
        EmptyError
            If nothing went in.
        """
        with self.others or nullcontext():
            self._convert(sections)

    def _convert(self, sections: Iterable[Section]) -> None:
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
        if self.sink is None or not self._used:
            raise EmptyError
        self.sink.close()

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
            sink = self._sink_for(Kind.FITS)
            if isinstance(sink, StampSink | DatasetSink):
                sink.add(blob)
                self._use(Accepted("stamps"))
            progress(section.size * number // total)

    def _packets(self, path: Path, job: Job, source: PacketSource) -> None:
        """Make stamps of alerts that are no Avro records."""
        if self.job.form in ("alerts", "wire"):
            raise InputError("FITS and JSON of an alert are no Avro record: use --as stamps")
        sink = self._sink_for(Kind.FITS)
        for batch in source.batches():
            self._batch(path, sink, batch, job=job)
            self._use(Accepted("stamps"))

    def _archive(
        self, section: Section, kind: Kind, gzipped: bool, progress: Callable[[int], None]
    ) -> None:
        """Convert the members of an archive; those of a schema that cannot go in are failures."""
        with open_archive(self.job, section.path, kind, gzipped, section.span) as archive:
            for run in archive.runs():
                sink, refused = self._sink_for(Kind.OCF), None
                try:
                    if run.schema is not None:
                        sink.accept(run.schema, run.codec)
                        self._use(Accepted("avro", run.schema, run.codec))
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
        sink = self._sink_for(kind)
        sink.accept(source.schema, source.codec)
        if kind is Kind.PARQUET:
            self._use(Accepted("parquet", table=str(path)))
        else:
            self._use(Accepted("avro", source.schema, source.codec))
        for batch in source.batches():
            self._batch(path, sink, batch)
            self.report.settle(batch.records, source.schema)
            progress(source.position)

    def _use(self, accepted: Accepted) -> None:
        self._used = True
        if self.accepted is None:
            self.accepted = accepted

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

    def _sink_for(self, kind: Kind) -> Sink:
        job = self.job
        if job.form == "wire" and kind is Kind.PARQUET:
            raise InputError("rows of Parquet are no Avro records, and give no messages")
        if self.sink is not None and (job.form == "hats" or job.is_dataset):
            return self.sink
        assert self.stream is not None
        form = job.form or ("stamps" if kind is Kind.FITS else "alerts")
        wanted: type
        if form == "stamps":
            wanted = StampSink
        elif form == "wire":
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
