"""A conversion run: inputs to outputs, one bad record at a time never stopping the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from ..alerts.fields import CUTOUT_FIELDS, KINDS
from ..alerts.files import atomic_writer
from ..errors import FormatError, HstampError, InputError, MissingExtraError
from ..stamp import Stamp
from .alert import NO_STAMPS, convert_alert
from .detect import Kind, detect
from .image import FitsImage, Position
from .parent import EncodeOptions
from .report import Report
from .sinks import AvroAlertSink, ParquetAlertSink, Sink, StampSink
from .sources import AlertRecord, AlertSource, BadRecord, open_alerts
from .ztf import ZtfWcs

__all__ = ["Form", "Job", "expand", "run"]

Form = Literal["alerts", "stamps", "blobs"]
_ALERT_KINDS = (Kind.OCF, Kind.WIRE, Kind.PARQUET)


@dataclass(frozen=True)
class Job:
    """What to convert, and how.

    Attributes
    ----------
    inputs : tuple of Path
        Files; see `expand` for folders.
    out : Path
        Output file, or folder if `into_folder`.
    into_folder : bool
        One output for each input, in the folder `out`.
    form : {"alerts", "stamps", "blobs"} or None
        None writes alerts for alerts and stamps for images.
    options : EncodeOptions
    positions : tuple of Position
        Where the stamps of FITS images are.
    hdu : int or str or None
        Image HDU of FITS images.
    band : str or None
        Filter of FITS images, when the header is silent or wrong.
    schema_file : Path or None
        Writer's schema of wire messages.
    codec : str or None
        Block codec of the output; the input's by default.
    drop_cutouts : bool
        Set the old cutout fields to null.
    force : bool
        Make outputs that exist again.
    ztf_wcs : {"auto", "nominal", "none"}
    """

    inputs: tuple[Path, ...]
    out: Path
    into_folder: bool = False
    form: Form | None = None
    options: EncodeOptions = field(default_factory=EncodeOptions)
    positions: tuple[Position, ...] = ()
    hdu: int | str | None = None
    band: str | None = None
    schema_file: Path | None = None
    codec: str | None = None
    drop_cutouts: bool = False
    force: bool = False
    ztf_wcs: ZtfWcs = "auto"


@dataclass(frozen=True)
class _Output:
    path: Path
    inputs: tuple[Path, ...]


class _EmptyError(Exception):
    """Nothing was written, so no file is wanted."""


def expand(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Replace folders by the files in them, in name order; hidden files are left out.

    Raises
    ------
    InputError
        If a path does not exist.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files.extend(
                sorted(
                    p
                    for p in path.rglob("*")
                    if p.is_file()
                    and not any(part.startswith(".") for part in p.relative_to(path).parts)
                )
            )
        elif path.exists():
            files.append(path)
        else:
            raise InputError(f"{path}: no such file")
    return tuple(files)


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
    for output in _outputs(job):
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
        self.kind: Kind | None = None

    def convert(self, inputs: tuple[Path, ...]) -> None:
        done = 0
        for path in inputs:
            size = path.stat().st_size
            try:
                self._file(path, _from(self.progress, done))
                self.report.file_bytes_in += size
            except HstampError as exc:
                self.say(str(self.report.failed(str(path), exc)))
            except (MissingExtraError, OSError) as exc:
                self.say(str(self.report.failed(str(path), InputError(str(exc)))))
            done += size
        if self.sink is None:
            raise _EmptyError
        self.sink.close()

    def _file(self, path: Path, progress: Callable[[int], None]) -> None:
        kind, gzipped = detect(path)
        if kind is Kind.FITS:
            if self.job.form == "alerts":
                raise InputError("a FITS image holds no alert: use --as stamps")
            self._image(path, gzipped)
        elif kind in _ALERT_KINDS:
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

    def _alerts(
        self, path: Path, kind: Kind, source: AlertSource, progress: Callable[[int], None]
    ) -> None:
        check_alert_schema(source.schema, kind)
        sink = self._sink_for(kind)
        sink.accept(source.schema, source.codec)
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


def convert_item(
    job: Job, path: Path, item: AlertRecord, report: Report, say: Callable[[str], None]
) -> dict[str, Stamp | None]:
    """Convert one record and count it; a record that is no alert gets no stamps."""
    report.alerts_in += 1
    try:
        made = convert_alert(item.record, job.options, ztf_wcs=job.ztf_wcs)
    except HstampError as exc:
        say(str(report.failed(str(path), exc, item.number)))
        return NO_STAMPS
    for kind in KINDS:
        stamp, payload = made.stamps[kind], made.info.cutouts[kind]
        if stamp is not None and payload is not None:
            count_stamp(report, stamp)
            report.cutout_bytes += len(payload)
        elif payload is None:
            report.skipped[f"no {CUTOUT_FIELDS[kind]} in the alert"] += 1
    for kind, error in made.failed.items():
        say(str(report.failed(str(path), error, item.number, CUTOUT_FIELDS[kind])))
    report.notes.update(made.notes)
    return made.stamps


def stamps_of_image(
    job: Job, path: Path, gzipped: bool, report: Report, say: Callable[[str], None]
) -> Iterator[Stamp]:
    """Cut the stamps of a FITS image; a position that fails is reported and the rest goes on."""
    with FitsImage(path, job.hdu, gzipped=gzipped) as image:
        positions = job.positions or (Position(),)
        for number, position in enumerate(positions):
            try:
                stamp, notes = image.stamp(position, job.options, band=job.band)
            except HstampError as exc:
                say(str(report.failed(str(path), exc, number if len(positions) > 1 else None)))
                continue
            count_stamp(report, stamp)
            report.notes.update(notes)
            yield stamp


def count_stamp(report: Report, stamp: Stamp) -> None:
    """Add a stamp to the counts."""
    report.stamps[stamp.n] += 1
    report.stamp_bytes += len(stamp.to_bytes())
    report.incomplete += bool(np.isnan(stamp.values).any())


def check_alert_schema(schema: Any, kind: Kind) -> None:
    """Raise `FormatError` (E_SCHEMA) for a file whose records cannot be alerts."""
    if kind is Kind.PARQUET:
        names = set(schema.names)
    else:
        fields = schema.get("fields", ()) if isinstance(schema, dict) else ()
        names = {field["name"] for field in fields}
    if not names & {"diaSource", "candidate"}:
        raise FormatError("E_SCHEMA", "no LSST or ZTF alerts: no field diaSource or candidate")
    if not names & set(CUTOUT_FIELDS.values()):
        raise FormatError("E_SCHEMA", "its alerts have no cutout fields")


def _to_blobs(job: Job, output: _Output, report: Report, say: Callable[[str], None]) -> None:
    """Write every stamp of an input as a blob of its own into a folder."""
    for path in output.inputs:
        try:
            for name, stamp in _named_stamps(job, path, report, say):
                output.path.mkdir(parents=True, exist_ok=True)
                with atomic_writer(output.path / name) as stream:
                    stream.write(stamp.to_bytes())
                report.file_bytes_out += (output.path / name).stat().st_size
            report.file_bytes_in += path.stat().st_size
        except HstampError as exc:
            say(str(report.failed(str(path), exc)))
        except (MissingExtraError, OSError) as exc:
            say(str(report.failed(str(path), InputError(str(exc)))))


def _named_stamps(
    job: Job, path: Path, report: Report, say: Callable[[str], None]
) -> Iterator[tuple[str, Stamp]]:
    kind, gzipped = detect(path)
    # Names come from the input's and from numbers, never from text inside it.
    if kind is Kind.FITS:
        for number, stamp in enumerate(stamps_of_image(job, path, gzipped, report, say)):
            yield f"{number:06d}.hstamp", stamp
    elif kind in _ALERT_KINDS:
        with open_alerts(path, kind, gzipped=gzipped, schema_file=job.schema_file) as source:
            check_alert_schema(source.schema, kind)
            for batch in source.batches():
                for item in batch.records:
                    if isinstance(item, BadRecord):
                        say(str(report.failed(str(path), item.error, item.number)))
                        continue
                    made = convert_item(job, path, item, report, say)
                    report.alerts_out += 1
                    for which, made_stamp in made.items():
                        if made_stamp is not None:
                            yield f"{item.number:06d}-{which}.hstamp", made_stamp
    else:
        raise FormatError("E_MAGIC", f"{kind.value}: neither alerts nor a FITS image")


def _outputs(job: Job) -> list[_Output]:
    if not job.into_folder:
        outputs = [_Output(job.out, job.inputs)]
    else:
        outputs = [_Output(job.out / _name(job, path), (path,)) for path in job.inputs]
        seen: dict[Path, Path] = {}
        for output in outputs:
            other = seen.setdefault(output.path, output.inputs[0])
            if other != output.inputs[0]:
                raise InputError(f"{other} and {output.inputs[0]} would both become {output.path}")
    inputs = {os.path.realpath(path) for path in job.inputs}
    for output in outputs:
        if os.path.realpath(output.path) in inputs:
            raise InputError(f"{output.path} is an input: choose another output")
    return outputs


def _name(job: Job, path: Path) -> str:
    """Name of an input's output; the input's own name when it stays what it was."""
    kind, _ = detect(path)
    stem = path.name.removesuffix(".gz")
    for suffix in (".avro", ".fits", ".fit", ".parquet", ".fz"):
        stem = stem.removesuffix(suffix)
    if job.form == "blobs":
        return stem
    if (job.form or "alerts") == "alerts" and kind is not Kind.FITS:
        return f"{stem}.parquet" if kind is Kind.PARQUET else f"{stem}.avro"
    return f"{stem}.hstamp.avro"
