"""One stamp for each alert, out of files of every kind; existing alerts are converted in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from ..alerts.fields import CUTOUT_FIELDS, KINDS, STAMP_FIELDS
from ..container.blob import MAX_BLOB
from ..container.detect import Kind, detect
from ..container.gunzip import inflate
from ..container.schema import stamp_fields
from ..convert.alert import convert_alert
from ..convert.image import FitsImage, Position
from ..convert.items import ALERT_KINDS, check_alert_schema
from ..convert.parent import EncodeOptions
from ..convert.sources import AlertRecord, BadRecord, open_alerts
from ..errors import FormatError, HstampError, InputError
from ..stamp import Stamp
from ..surveys import SURVEYS, Survey, survey_of

__all__ = ["FIELDS", "Alert", "Options", "Which", "read_alerts"]

Which = Literal["template", "science", "difference"]

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "template": ("template", "science"),
    "science": ("science",),
    "difference": ("difference",),
}
"""Choice of image to the images that may serve, best first."""

_IMAGE_LEVELS: Final = 5
"""Levels cut from FITS images: 48 arcsec at 0.2 arcsec per pixel."""

# Exact values, and nothing that the network does not look at.
_OPTIONS: Final = EncodeOptions(
    encoding="f4", variance_encoding="f4", psf_size=0, mask_planes=()
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """How inputs are read.

    Attributes
    ----------
    which : {"template", "science", "difference"}
        The image of an alert that is looked at.
    schema_file : Path or None
        Writer's schema of wire-format messages.
    surveys : tuple of Survey
        What alerts may be.
    positions : tuple of Position
        Where the sources of FITS images are.
    hdu : int or str or None
        Image HDU of FITS images.
    """

    which: Which = "template"
    schema_file: Path | None = None
    surveys: tuple[Survey, ...] = SURVEYS
    positions: tuple[Position, ...] = ()
    hdu: int | str | None = None


@dataclass(frozen=True)
class Alert:
    """The stamp of an alert, or why there is none.

    Attributes
    ----------
    path : Path
    record : int
        Number of the record (for FITS images: of the position), from 0.
    stamp : Stamp or None
    id : str or None
        ``diaSourceId``, ``candid``, or the stamp's identifier without the kind of image.
    object_id : str or None
        ``diaObjectId``, ``ssObjectId`` or ZTF's ``objectId``.
    kind : str or None
        Image that the stamp shows; None where nothing says.
    faults : tuple of HstampError
        What could not be read on the way.
    done : int
        Bytes of the file that had been read.
    """

    path: Path
    record: int
    stamp: Stamp | None
    id: str | None = None
    object_id: str | None = None
    kind: str | None = None
    faults: tuple[HstampError, ...] = ()
    done: int = 0


def read_alerts(paths: Iterable[Path], options: Options) -> Iterator[Alert]:
    """Read files; stamps of one alert that follow each other as records or blobs are one alert.

    Parameters
    ----------
    paths : iterable of Path
        Alerts with or without stamps (Avro, wire format, Parquet), files of stamps, blobs, FITS
        images.
    options : Options

    Yields
    ------
    Alert
        Files, records and stamps that cannot be read come as alerts without a stamp.
    """
    waiting: list[Alert] = []
    for path in paths:
        for alert in _file(path, options):
            loose = alert.kind is not None and alert.object_id is None and alert.id is not None
            if waiting and not (loose and _belongs(alert, waiting)):
                yield _choose(waiting, options.which)
                waiting = []
            if loose:
                waiting.append(alert)
            else:
                yield alert
    if waiting:
        yield _choose(waiting, options.which)


def _file(path: Path, options: Options) -> Iterator[Alert]:
    try:
        kind, gzipped = detect(path)
        if kind is Kind.BLOB:
            with path.open("rb") as stream:
                data = inflate(stream.read(2 * MAX_BLOB)) if gzipped else stream.read(MAX_BLOB + 1)
            yield _stamp(path, 0, Stamp.from_bytes, data)
        elif kind is Kind.FITS:
            yield from _image(path, gzipped, options)
        elif kind in ALERT_KINDS:
            yield from _records(path, kind, gzipped, options)
        else:
            raise FormatError("E_MAGIC", f"{kind.value}: neither alerts, stamps nor a FITS image")
    except HstampError as exc:
        yield Alert(path, 0, None, faults=(exc,))
    except OSError as exc:
        yield Alert(path, 0, None, faults=(InputError(str(exc)),))


def _image(path: Path, gzipped: bool, options: Options) -> Iterator[Alert]:
    encode = replace(_OPTIONS, levels=_IMAGE_LEVELS)
    with FitsImage(path, options.hdu, gzipped=gzipped) as image:
        for number, position in enumerate(options.positions or (Position(),)):
            try:
                stamp, _ = image.stamp(position, encode)
            except HstampError as exc:
                yield Alert(path, number, None, id=position.id, faults=(exc,))
                continue
            yield Alert(path, number, stamp, id=stamp.id)


def _records(path: Path, kind: Kind, gzipped: bool, options: Options) -> Iterator[Alert]:
    with open_alerts(path, kind, gzipped=gzipped, schema_file=options.schema_file) as source:
        names: tuple[str, ...] | None
        if kind is Kind.PARQUET:
            names = tuple(n for n in source.schema.names if n in STAMP_FIELDS.values()) or None
        else:
            names = stamp_fields(source.schema)
        if names is None:
            check_alert_schema(source.schema, kind, options.surveys)
        make = Stamp.from_bytes if kind is Kind.PARQUET else Stamp.from_dict
        for batch in source.batches():
            for item in batch.records:
                if isinstance(item, BadRecord):
                    alert = Alert(path, item.number, None, faults=(item.error,))
                elif names == ():
                    alert = _stamp(path, item.number, make, item.record)
                else:
                    alert = _alert(path, item, names or (), make, options)
                yield replace(alert, done=source.position)


def _stamp(path: Path, number: int, make: Any, value: Any) -> Alert:
    try:
        stamp: Stamp = make(value)
    except HstampError as exc:
        return Alert(path, number, None, faults=(exc,))
    base, _, kind = (stamp.id or "").rpartition("/")
    if base and kind in KINDS:
        return Alert(path, number, stamp, id=base, kind=kind)
    return Alert(path, number, stamp, id=stamp.id)


def _belongs(alert: Alert, stamps: list[Alert]) -> bool:
    # The same kind again is another alert, or the same alert once more: each has its row.
    return alert.id == stamps[0].id and all(alert.kind != other.kind for other in stamps)


def _choose(stamps: list[Alert], which: Which) -> Alert:
    for kind in FIELDS[which]:
        for alert in stamps:
            if alert.kind == kind:
                return alert
    return replace(stamps[0], stamp=None, kind=None, faults=(_absent(which),))


def _alert(
    path: Path, item: AlertRecord, names: tuple[str, ...], make: Any, options: Options
) -> Alert:
    number, record = item.number, item.record
    faults: list[HstampError] = []
    alert_id, object_id = _identifiers(item, options)
    for kind in FIELDS[options.which]:
        stamp: Stamp | None = None
        try:
            if STAMP_FIELDS[kind] in names and record.get(STAMP_FIELDS[kind]) is not None:
                stamp = make(record[STAMP_FIELDS[kind]])
            elif record.get(CUTOUT_FIELDS[kind]) is not None:
                stamp = _converted(item, kind, options)
        except HstampError as exc:
            faults.append(exc)
        if stamp is not None:
            own = (stamp.id or "").removesuffix(f"/{kind}") or None
            return Alert(path, number, stamp, alert_id or own, object_id, kind, tuple(faults))
    # Stamps in fields of other names: what they show is not known, so the first one is taken.
    for name in names:
        if name not in STAMP_FIELDS.values() and record.get(name) is not None:
            try:
                return Alert(path, number, make(record[name]), alert_id, object_id)
            except HstampError as exc:
                faults.append(exc)
    return Alert(
        path,
        number,
        None,
        alert_id,
        object_id,
        faults=tuple(faults) or (_absent(options.which),),
    )


def _converted(item: AlertRecord, kind: str, options: Options) -> Stamp | None:
    others = {name: None for which, name in CUTOUT_FIELDS.items() if which != kind}
    made = convert_alert(
        {**item.record, **others},
        _OPTIONS,
        surveys=options.surveys,
        schema_name=item.schema_name,
    )
    if kind in made.failed:
        raise made.failed[kind]
    return made.stamps[kind]


def _identifiers(item: AlertRecord, options: Options) -> tuple[str | None, str | None]:
    try:
        survey = survey_of(item.record, item.schema_name, options.surveys)
        return survey.identifier(item.record), survey.object_id(item.record)
    except Exception:  # whoever sent it, its stamps say what they are
        return None, None


def _absent(which: Which) -> InputError:
    return InputError(f"the alert has no {' or '.join(FIELDS[which])} image")
