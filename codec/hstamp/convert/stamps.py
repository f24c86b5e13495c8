"""Stamps of any input: read where there are stamps, converted in memory where there are not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from ..alerts.fields import CUTOUT_FIELDS, KINDS, STAMP_FIELDS
from ..container.detect import Kind
from ..container.schema import check_schema, stamp_fields
from ..container.tarball import Member
from ..errors import FormatError, HstampError, InputError, as_hstamp_error
from ..files import Fault, Found, read_stamps
from ..stamp import Stamp
from ..surveys import SURVEYS, Measured, Survey, fields_of, survey_of
from .alert import convert_alert
from .image import FitsImage, Position
from .items import ALERT_KINDS, ARCHIVES, check_alert_schema
from .packets import open_packets, says_where
from .parent import EncodeOptions
from .plan import look_at
from .sources import AlertRecord, AlertSource, BadRecord, open_alerts

__all__ = ["Entry", "Image", "Options", "entries", "stamps_of"]

_FIELD_KINDS: Final = {name: kind for kind, name in STAMP_FIELDS.items()}


@dataclass(frozen=True)
class Options:
    """How inputs are read.

    Attributes
    ----------
    encode : EncodeOptions
        How alerts and images of today become stamps.
    image_levels : int or None
        Levels cut from FITS images; None leaves that to `encode`.
    schema_file : Path or None
        Writer's schema of wire-format messages.
    surveys : tuple of Survey
        What alerts may be.
    positions : tuple of Position
        Where the sources of FITS images are.
    hdu : int or str or None
        Image HDU of FITS images.
    fields : tuple of str
        Paths of further fields of alerts that are wanted in `Entry.values`.
    """

    encode: EncodeOptions = field(default_factory=EncodeOptions)
    image_levels: int | None = None
    schema_file: Path | None = None
    surveys: tuple[Survey, ...] = SURVEYS
    positions: tuple[Position, ...] = ()
    hdu: int | str | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Image:
    """An image of a record: a stamp, or what becomes one.

    Attributes
    ----------
    field : str or None
        Field that holds it; None where the record is the stamp.
    kind : str or None
        ``difference``, ``science`` or ``template``, where the field's name says so.
    make : callable
        Gives the stamp, or raises an exception.
    cutout : bytes or None
        The alert's own cutout of the same image.
    """

    field: str | None
    kind: str | None
    make: Callable[[], Stamp]
    cutout: bytes | None = None

    @property
    def converted(self) -> bool:
        """Whether the stamp is made from a cutout of today."""
        return self.field in CUTOUT_FIELDS.values()


@dataclass(frozen=True)
class Entry:
    """A record of a file, or why it cannot be read.

    Attributes
    ----------
    path : Path
    record : int or None
        Its number, from 0; that of the position for FITS images; None for a whole file at fault.
    images : tuple of Image
        In the order of [CO-5].
    error : HstampError or None
    id, object_id : str or None
        The survey's identifiers of an alert's source and object.
    pixel : float or None
        The survey's nominal pixel [arcsec].
    measured : Measured or None
        What the packet says of the detection.
    done : int
        Bytes of the file that have been read.
    alone : bool
        Whether the record is itself a stamp.
    member : Member or None
        Where the record lies in an archive, whose records `record` counts.
    values : mapping
        The alert's fields that were read.
    """

    path: Path
    record: int | None
    images: tuple[Image, ...] = ()
    error: HstampError | None = None
    id: str | None = None
    object_id: str | None = None
    done: int = 0
    alone: bool = False
    member: Member | None = None
    pixel: float | None = None
    measured: Measured | None = None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def stamps_of(
    path: Path,
    options: Options | None = None,
    wanted: Callable[[Entry, Image], bool] = lambda entry, image: True,
) -> Iterator[Found | Fault]:
    """Stamps of a file of stamps, of alerts with or without stamps, or of a FITS image.

    Parameters
    ----------
    path : Path
        A file of any form that `hstamp.read_stamps` or ``hstamp convert`` takes.
    options : Options, optional
    wanted : callable
        Says of an image whether it is made; the others are left out.

    Yields
    ------
    Found or Fault
        In the order of records and fields; a fault costs its image, its record or the file.
    """
    for entry in entries(path, options or Options()):
        if entry.error is not None:
            yield Fault(entry.record, None, entry.error, path, entry.member)
        for image in entry.images:
            if not wanted(entry, image):
                continue
            try:
                stamp = image.make()
            except Exception as exc:  # whatever it is, it costs this image
                error = as_hstamp_error(exc)
                yield Fault(entry.record, image.field, error, path, entry.member)
            else:
                number = entry.record or 0
                yield Found(number, image.field, stamp, path, image.cutout, entry.member)


def entries(path: Path, options: Options) -> Iterator[Entry]:
    """Iterate over the records of a file; stamps are made when they are asked for."""
    items = _entries(path, options)
    while True:
        try:
            entry = next(items)
        except StopIteration:
            return
        except OSError as exc:
            error: HstampError = InputError(exc.strerror or str(exc))
            yield Entry(path, None, error=error)
            return
        except Exception as exc:  # whatever it is, it costs this file and not the run
            yield Entry(path, None, error=as_hstamp_error(exc))
            return
        yield entry


def _entries(path: Path, options: Options) -> Iterator[Entry]:
    kind, gzipped = look_at(path)
    packets, placed = None, says_where(options.positions, options.hdu)
    if kind is Kind.JSON or (kind is Kind.FITS and not placed):
        packets = open_packets(path, kind, gzipped=gzipped)
    if packets is not None:
        options = replace(options, surveys=packets.surveys or options.surveys)
        yield from _of_source(path, packets, options)
    elif kind is Kind.FITS:
        yield from _image(path, gzipped, options)
    elif kind in ALERT_KINDS:
        yield from _records(path, kind, gzipped, options)
    elif kind in ARCHIVES:
        yield from _archive(path, kind, gzipped, options)
    elif kind is Kind.BLOB:
        for item in read_stamps(path, errors="collect"):
            yield _alone(item)
    else:
        raise FormatError("E_MAGIC", f"{kind.value}: neither alerts, stamps nor a FITS image")


def _alone(item: Found | Fault) -> Entry:
    assert item.path is not None
    if isinstance(item, Fault):
        return Entry(item.path, item.record, error=item.error)
    stamp = item.stamp
    return Entry(item.path, item.record, (Image(None, None, lambda: stamp),), alone=True)


def _image(path: Path, gzipped: bool, options: Options) -> Iterator[Entry]:
    encode = options.encode
    if options.image_levels is not None:
        encode = replace(encode, levels=options.image_levels)
    with FitsImage(path, options.hdu, gzipped=gzipped) as image:
        for number, position in enumerate(options.positions or (Position(),)):

            def cut(position: Position = position) -> Stamp:
                return image.stamp(position, encode)[0]

            yield Entry(path, number, (Image(None, None, cut),), id=position.id)


def _records(path: Path, kind: Kind, gzipped: bool, options: Options) -> Iterator[Entry]:
    fields = (*fields_of(options.surveys), *STAMP_FIELDS.values(), *options.fields)
    with open_alerts(
        path, kind, gzipped=gzipped, schema_file=options.schema_file, fields=fields
    ) as source:
        if source.stamp_fields is None and not _has_stamp_columns(source.schema, kind):
            check_alert_schema(source.schema, kind, options.surveys)
        yield from _of_source(path, source, options)


def _archive(path: Path, kind: Kind, gzipped: bool, options: Options) -> Iterator[Entry]:
    def check(schema: Any) -> None:
        if stamp_fields(check_schema(schema)) is None:
            check_alert_schema(schema, Kind.OCF, options.surveys)

    fields = (*fields_of(options.surveys), *STAMP_FIELDS.values(), *options.fields)
    with ARCHIVES[kind](
        path, gzipped=gzipped, schema_file=options.schema_file, fields=fields, check=check
    ) as archive:
        for run in archive.runs():
            yield from _of_source(path, run, options)


def _of_source(path: Path, source: AlertSource, options: Options) -> Iterator[Entry]:
    for batch in source.batches():
        for item in batch.records:
            if isinstance(item, BadRecord):
                number = None if item.number < 0 else item.number
                entry = Entry(path, number, error=item.error)
            else:
                entry = _record(path, item, options)
            yield replace(entry, done=source.position, member=item.member)


def _has_stamp_columns(schema: Any, kind: Kind) -> bool:
    return kind is Kind.PARQUET and any(name in schema.names for name in STAMP_FIELDS.values())


def _record(path: Path, item: AlertRecord, options: Options) -> Entry:
    made: dict[str | None, Image] = {
        name: Image(name, _FIELD_KINDS.get(name or ""), partial(Stamp, record))
        for name, record in item.stamps
    }
    if None in made:
        return Entry(path, item.number, tuple(made.values()), alone=True)
    for kind, name in STAMP_FIELDS.items():
        if item.record.get(name) is not None:
            made[name] = Image(name, kind, partial(Stamp.from_bytes, item.record[name]))
    images: list[Image] = []
    for kind in KINDS:
        name, old = STAMP_FIELDS[kind], CUTOUT_FIELDS[kind]
        value = item.record.get(old)
        cutout = value if isinstance(value, bytes) else None
        if name in made:
            images.append(replace(made.pop(name), cutout=cutout))
        elif value is not None:
            images.append(Image(old, kind, partial(_converted, item, kind, options), cutout))
    return replace(
        _known(item, options), path=path, record=item.number, images=(*images, *made.values()),
        values=item.record,
    )  # fmt: skip


def _converted(item: AlertRecord, kind: str, options: Options) -> Stamp:
    others = {name: None for which, name in CUTOUT_FIELDS.items() if which != kind}
    record: Mapping[str, Any] = {**item.record, **others}
    made = convert_alert(
        record, options.encode, surveys=options.surveys, schema_name=item.schema_name
    )
    if kind in made.failed:
        raise made.failed[kind]
    if (stamp := made.stamps[kind]) is None:
        raise InputError(f"{CUTOUT_FIELDS[kind]} is empty")
    return stamp


def _known(item: AlertRecord, options: Options) -> Entry:
    """What the survey says of an alert: identifiers, its pixel, what its packet measured."""
    found = Entry(Path(), item.number)
    with contextlib.suppress(Exception):  # whoever sent it, its stamps say what they are
        survey = survey_of(item.record, item.schema_name, options.surveys)
        found = replace(
            found,
            id=survey.identifier(item.record),
            object_id=survey.object_id(item.record),
            # A survey of someone's own may have been written before there were these.
            pixel=getattr(survey, "pixel", None),
        )
        if (measured := getattr(survey, "measured", None)) is not None:
            found = replace(found, measured=measured(item.record))
    return found
