"""One record or one image at a time: converting, counting and reporting it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..alerts.fields import CUTOUT_FIELDS, KINDS
from ..container.detect import Kind
from ..errors import FormatError, OutputError, as_hstamp_error
from ..stamp import Stamp
from ..surveys import SURVEYS, Survey, fields_of
from .alert import NO_STAMPS, convert_alert
from .archive import Archive
from .image import FitsImage, Position
from .packets import PacketSource, open_packets, says_where
from .plan import Job, look_at
from .quarantine import QuarantineArchive
from .report import Report
from .sources import AlertRecord, AlertSource, BadRecord, open_alerts

__all__ = [
    "ALERT_KINDS",
    "ARCHIVES",
    "check_alert_schema",
    "convert_item",
    "named_stamps",
    "open_archive",
    "packets_of",
    "stamps_of_image",
]

ARCHIVES: Final = {Kind.TAR: Archive, Kind.QUARANTINE: QuarantineArchive}
"""Files that hold alerts of any number of schemas."""
ALERT_KINDS: Final = (Kind.OCF, Kind.WIRE, Kind.PARQUET)


def convert_item(
    job: Job, path: Path, item: AlertRecord, report: Report, say: Callable[[str], None]
) -> dict[str, Stamp | None]:
    """Convert one record and count it; a record that is no alert gets no stamps."""
    report.alerts_in += 1
    try:
        made = convert_alert(
            item.record, job.options, surveys=job.surveys, schema_name=item.schema_name
        )
    except OutputError:
        raise
    except Exception as exc:  # whatever a library raised costs this record
        say(str(report.failed(str(path), as_hstamp_error(exc), item.number, None, item.member)))
        return NO_STAMPS
    for kind in KINDS:
        stamp, payload = made.stamps[kind], made.info.cutouts[kind]
        if stamp is not None and payload is not None:
            count_stamp(report, stamp)
            report.cutout_bytes += len(payload)
        elif payload is None and kind not in made.failed:
            report.skipped[f"no {CUTOUT_FIELDS[kind]} in the alert"] += 1
    for kind, error in made.failed.items():
        place = CUTOUT_FIELDS[kind]
        say(str(report.failed(str(path), error, item.number, place, item.member)))
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
            except OutputError:
                raise
            except Exception as exc:  # whatever a library raised costs this position
                record = number if len(positions) > 1 else None
                say(str(report.failed(str(path), as_hstamp_error(exc), record)))
                continue
            count_stamp(report, stamp)
            report.notes.update(notes)
            yield stamp


def count_stamp(report: Report, stamp: Stamp) -> None:
    """Add a stamp to the counts."""
    report.stamps[stamp.n] += 1
    report.stamp_bytes += len(stamp.to_bytes())
    report.incomplete += bool(np.isnan(stamp.values).any())


def check_alert_schema(schema: Any, kind: Kind, surveys: Sequence[Survey] = SURVEYS) -> None:
    """Raise `FormatError` (E_SCHEMA) for a file whose records cannot be alerts."""
    if kind is Kind.PARQUET:
        names = set(schema.names)
    else:
        fields = schema.get("fields", ()) if isinstance(schema, dict) else ()
        names = {field["name"] for field in fields}
    own = {path.partition(".")[0] for path in fields_of(surveys)} - set(CUTOUT_FIELDS.values())
    if not names & own:
        known = " or ".join(survey.name for survey in surveys)
        raise FormatError("E_SCHEMA", f"no alerts of {known}: it has none of their fields")
    if not names & set(CUTOUT_FIELDS.values()):
        raise FormatError("E_SCHEMA", "its alerts have no cutout fields")


def named_stamps(
    job: Job, path: Path, report: Report, say: Callable[[str], None]
) -> Iterator[tuple[str, Stamp]]:
    """Stamps of an input one by one, each with a file name for its blob."""
    kind, gzipped = look_at(path)
    # Names come from the input's and from numbers, never from text inside it.
    if (packets := packets_of(job, path, kind, gzipped)) is not None:
        yield from _named(*packets, path, report, say)
    elif kind is Kind.FITS:
        for number, stamp in enumerate(stamps_of_image(job, path, gzipped, report, say)):
            yield f"{number:06d}.hstamp", stamp
    elif kind in ALERT_KINDS:
        with open_alerts(
            path,
            kind,
            gzipped=gzipped,
            schema_file=job.schema_file,
            fields=fields_of(job.surveys),
        ) as source:
            check_alert_schema(source.schema, kind, job.surveys)
            yield from _named(job, source, path, report, say)
    elif kind in ARCHIVES:
        with open_archive(job, path, kind, gzipped) as archive:
            for run in archive.runs():
                yield from _named(job, run, path, report, say)
            report.passed_over += archive.passed_over
    else:
        raise FormatError("E_MAGIC", f"{kind.value}: neither alerts nor a FITS image")


def _named(
    job: Job, source: AlertSource, path: Path, report: Report, say: Callable[[str], None]
) -> Iterator[tuple[str, Stamp]]:
    for batch in source.batches():
        for item in batch.records:
            if isinstance(item, BadRecord):
                say(str(report.failed(str(path), item.error, item.number, None, item.member)))
                continue
            made = convert_item(job, path, item, report, say)
            report.alerts_out += 1
            for which, made_stamp in made.items():
                if made_stamp is not None:
                    yield f"{item.number:06d}-{which}.hstamp", made_stamp
        report.settle(batch.records, source.schema)


def packets_of(job: Job, path: Path, kind: Kind, gzipped: bool) -> tuple[Job, PacketSource] | None:
    """Alerts in a file of the retrieval service, with the job to do on them; None for others.

    A FITS file of which the user says where its image or source is is an image.
    """
    image = kind is Kind.FITS and says_where(job.positions, job.hdu)
    if image or kind not in (Kind.FITS, Kind.JSON):
        return None
    packets = open_packets(path, kind, gzipped=gzipped)
    if packets is None:
        return None
    return replace(job, surveys=packets.surveys or job.surveys), packets


def open_archive(job: Job, path: Path, kind: Kind, gzipped: bool) -> Archive:
    """Open a tar archive or a quarantine file, of which only alerts are wanted."""
    return ARCHIVES[kind](
        path,
        gzipped=gzipped,
        schema_file=job.schema_file,
        fields=fields_of(job.surveys),
        check=lambda schema: check_alert_schema(schema, Kind.OCF, job.surveys),
    )
