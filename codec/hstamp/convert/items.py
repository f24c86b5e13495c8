"""Records and images of an input: converting, counting and reporting them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..alerts.fields import CUTOUT_FIELDS, KINDS
from ..container.detect import Kind
from ..errors import FormatError, HstampError, OutputError, as_hstamp_error
from ..stamp import Stamp
from ..surveys import SURVEYS, Survey, fields_of
from .alert import NO_STAMPS, convert_alerts
from .archive import Archive
from .image import FitsImage, Position
from .mosaic import Rows
from .packets import PacketSource, open_packets, says_where
from .plan import Job, look_at
from .quarantine import QuarantineArchive
from .report import Report
from .sources import AlertRecord, AlertSource, BadRecord, open_alerts
from .spans import Span

__all__ = [
    "ALERT_KINDS",
    "ARCHIVES",
    "check_alert_schema",
    "convert_items",
    "named_blobs",
    "open_archive",
    "packets_of",
    "stamps_of_image",
]

ARCHIVES: Final = {Kind.TAR: Archive, Kind.QUARANTINE: QuarantineArchive}
"""Files that hold alerts of any number of schemas."""
ALERT_KINDS: Final = (Kind.OCF, Kind.WIRE, Kind.PARQUET)


def convert_items(
    job: Job,
    path: Path,
    items: Iterable[AlertRecord],
    report: Report,
    say: Callable[[str], None],
) -> Iterator[dict[str, bytes | None]]:
    """Convert records and count them; a record that is no alert gets no stamps."""
    places: deque[AlertRecord] = deque()

    def records() -> Iterator[tuple[Mapping[str, Any], str | None]]:
        for item in items:
            places.append(item)
            yield item.record, item.schema_name

    for made in convert_alerts(records(), job.options, surveys=job.surveys):
        item = places.popleft()
        report.alerts_in += 1
        if isinstance(made, HstampError):
            say(str(report.failed(str(path), made, item.number, None, item.member)))
            yield NO_STAMPS
            continue
        for kind in KINDS:
            blob, payload = made.blobs[kind], made.info.cutouts[kind]
            if blob is not None and payload is not None:
                count_stamp(report, blob)
                report.cutout_bytes += len(payload)
            elif payload is None and kind not in made.failed:
                report.skipped[f"no {CUTOUT_FIELDS[kind]} in the alert"] += 1
        for kind, error in made.failed.items():
            field = CUTOUT_FIELDS[kind]
            say(str(report.failed(str(path), error, item.number, field, item.member)))
        report.notes.update(made.notes)
        yield made.blobs


def stamps_of_image(
    job: Job,
    path: Path,
    gzipped: bool,
    report: Report,
    say: Callable[[str], None],
    rows: Rows | None = None,
) -> Iterator[bytes]:
    """Cut the stamps of a FITS image; a position that fails is reported and the rest goes on.

    `rows` are those of the positions that are wanted of this image, by default all of them.
    """
    with FitsImage(path, job.hdu, gzipped=gzipped) as image:
        positions = job.positions or (Position(),)
        for number, position in enumerate(positions) if rows is None else rows:
            try:
                stamp, notes = image.stamp(position, job.options, band=job.band)
            except OutputError:
                raise
            except Exception as exc:  # whatever a library raised costs this position
                record = number if len(positions) > 1 else None
                say(str(report.failed(str(path), as_hstamp_error(exc), record)))
                continue
            blob = stamp.to_bytes()
            count_stamp(report, blob)
            report.notes.update(notes)
            yield blob


def count_stamp(report: Report, blob: bytes) -> None:
    """Add a stamp to the counts."""
    stamp = Stamp.from_bytes(blob)
    report.stamps[stamp.n] += 1
    report.stamp_bytes += len(blob)
    report.incomplete += bool(np.isnan(stamp.levels).any())


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


def named_blobs(
    job: Job, path: Path, report: Report, say: Callable[[str], None]
) -> Iterator[tuple[str, bytes]]:
    """Blobs of an input one by one, each with a file name."""
    kind, gzipped = look_at(path)
    # Names come from the input's and from numbers, never from text inside it.
    if (packets := packets_of(job, path, kind, gzipped)) is not None:
        yield from _named(*packets, path, report, say)
    elif kind is Kind.FITS:
        for number, blob in enumerate(stamps_of_image(job, path, gzipped, report, say)):
            yield f"{number:06d}.hstamp", blob
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
) -> Iterator[tuple[str, bytes]]:
    for batch in source.batches():
        items = [item for item in batch.records if isinstance(item, AlertRecord)]
        made = convert_items(job, path, items, report, say)
        for item in batch.records:
            if isinstance(item, BadRecord):
                say(str(report.failed(str(path), item.error, item.number, None, item.member)))
                continue
            blobs = next(made)
            report.alerts_out += 1
            for which, found in blobs.items():
                if found is not None:
                    yield f"{item.number:06d}-{which}.hstamp", found
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


def open_archive(
    job: Job, path: Path, kind: Kind, gzipped: bool, span: Span | None = None
) -> Archive:
    """Open a tar archive or a quarantine file, of which only alerts are wanted."""
    return ARCHIVES[kind](
        path,
        gzipped=gzipped,
        schema_file=job.schema_file,
        fields=job.fields,
        check=lambda schema: check_alert_schema(schema, Kind.OCF, job.surveys),
        span=span,
    )
