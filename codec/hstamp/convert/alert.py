"""What matters of an alert, whichever survey sent it, and its three stamps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..alerts.fields import KINDS
from ..errors import HstampError, OutputError, as_hstamp_error
from ..stamp import Stamp
from ..surveys import SURVEYS, Survey, survey_of
from .cutout import parent_from_cutout
from .many import Labelled, encode_parents
from .parent import EncodeOptions

__all__ = [
    "NO_STAMPS",
    "AlertBlobs",
    "AlertInfo",
    "AlertStamps",
    "convert_alert",
    "convert_alerts",
    "read_alert",
]


@dataclass(frozen=True)
class AlertInfo:
    """An alert as its stamps need it.

    Attributes
    ----------
    survey : Survey
        Where it comes from.
    id : str
        ``diaSourceId`` or ``candid``.
    object_id : str or None
    band : str or None
    ra, dec : float
        Position of the source, ICRS [deg].
    cutouts : dict
        Kind of image to the bytes of its cutout; None where the alert has none.
    unread : dict
        Kind of image to what is wrong with a cutout that is there and has no bytes.
    """

    survey: Survey
    id: str
    object_id: str | None
    band: str | None
    ra: float
    dec: float
    cutouts: dict[str, bytes | None]
    unread: dict[str, HstampError]


@dataclass(frozen=True)
class AlertStamps:
    """The stamps of an alert by kind, and what went wrong with the others."""

    info: AlertInfo
    stamps: dict[str, Stamp | None]
    failed: dict[str, HstampError]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class AlertBlobs:
    """As `AlertStamps`, the stamps still as blobs."""

    info: AlertInfo
    blobs: dict[str, bytes | None]
    failed: dict[str, HstampError]
    notes: tuple[str, ...]


MAX_TEXT: Final = 32
"""Longest band of a stamp [EN-10]."""

_MAX_PIXELS: Final = 2**21
"""Pixels of images that wait to be encoded; today's alerts have 3 x 900 (LSST), 3 x 3969 (ZTF)."""

NO_STAMPS: Final[dict[str, bytes | None]] = dict.fromkeys(KINDS)
"""What a record that is no alert gets."""


def read_alert(
    record: Mapping[str, Any],
    surveys: Sequence[Survey] = SURVEYS,
    *,
    schema_name: str | None = None,
) -> AlertInfo:
    """Recognise an alert by its fields.

    Parameters
    ----------
    record : mapping
        An alert as an Avro or Parquet library reads it.
    surveys : sequence of Survey
        What it may be.
    schema_name : str, optional
        Full name of the record in its writer's schema.

    Raises
    ------
    InputError
        If no survey knows it, or a field that a stamp needs is absent.
    """
    survey = survey_of(record, schema_name, surveys)
    cutouts: dict[str, bytes | None] = dict.fromkeys(KINDS)
    unread: dict[str, HstampError] = {}
    for kind in KINDS:
        try:
            cutouts[kind] = survey.cutout(record, kind)
        except Exception as exc:  # one cutout's fault costs its own stamp
            unread[kind] = as_hstamp_error(exc)
    try:
        return AlertInfo(
            survey,
            survey.identifier(record),
            survey.object_id(record),
            survey.band(record),
            *survey.position(record),
            cutouts,
            unread,
        )
    except Exception as exc:
        raise as_hstamp_error(exc) from exc


def convert_alert(
    record: Mapping[str, Any],
    options: EncodeOptions,
    *,
    surveys: Sequence[Survey] = SURVEYS,
    schema_name: str | None = None,
) -> AlertStamps:
    """Make the stamps of an alert.

    A cutout that cannot be converted, for whatever reason, costs its own stamp and nothing else.

    Parameters
    ----------
    record : mapping
        An alert as an Avro or Parquet library reads it; fields that no survey names may be
        absent (`hstamp.surveys.fields_of`).
    options : EncodeOptions
    surveys : sequence of Survey
        What the alert may be; `hstamp.surveys.Ztf` has an option.
    schema_name : str, optional
        Full name of the record in its writer's schema.

    Raises
    ------
    HstampError
        If the record is not an alert. No other exception comes out.
    """
    (made,) = convert_alerts([(record, schema_name)], options, surveys=surveys)
    if isinstance(made, HstampError):
        raise made
    stamps = {
        kind: None if blob is None else Stamp.from_bytes(blob) for kind, blob in made.blobs.items()
    }
    return AlertStamps(made.info, stamps, made.failed, made.notes)


def convert_alerts(
    records: Iterable[tuple[Mapping[str, Any], str | None]],
    options: EncodeOptions,
    *,
    surveys: Sequence[Survey] = SURVEYS,
) -> Iterator[AlertBlobs | HstampError]:
    """Make the stamps of many alerts; see `convert_alert`.

    Cutouts are encoded together, as many as `_MAX_PIXELS` allow.

    Parameters
    ----------
    records : iterable of (mapping, str or None)
        Alerts, and the full names of their records.
    options : EncodeOptions
    surveys : sequence of Survey

    Yields
    ------
    AlertBlobs or HstampError
        For each record, in their order; an error for what is no alert.
    """
    held: list[_Opened | HstampError] = []
    pixels = 0
    for record, schema_name in records:
        try:
            opened = _open(read_alert(record, surveys, schema_name=schema_name), record, options)
        except OutputError:
            raise
        except Exception as exc:  # whatever a library raised costs this record
            held.append(as_hstamp_error(exc))
            continue
        held.append(opened)
        pixels += sum(source.parent.image.size for source in opened.sources.values())
        if pixels > _MAX_PIXELS:
            yield from _encoded(held, options)
            held, pixels = [], 0
    yield from _encoded(held, options)


@dataclass(frozen=True)
class _Opened:
    """An alert whose cutouts have been read."""

    info: AlertInfo
    sources: dict[str, Labelled]
    failed: dict[str, HstampError]
    notes: list[str]


def _open(info: AlertInfo, record: Mapping[str, Any], options: EncodeOptions) -> _Opened:
    sources: dict[str, Labelled] = {}
    failed = dict(info.unread)
    notes: list[str] = []
    band = info.band
    if band is not None and not (len(band) <= MAX_TEXT and band.isascii() and band.isprintable()):
        notes.append(f"band {band[:MAX_TEXT]!r} left out: a stamp's is {MAX_TEXT} ASCII characters")
        band = None
    for kind, payload in info.cutouts.items():
        if payload is None:
            continue
        try:
            parent = parent_from_cutout(
                payload,
                ra=info.ra,
                dec=info.dec,
                options=options,
                survey=info.survey,
                record=record,
                check_psf=False,  # all are encoded together
            )
        except Exception as exc:  # one cutout's fault costs its own stamp
            failed[kind] = as_hstamp_error(exc)
        else:
            sources[kind] = Labelled(parent, f"{info.id}/{kind}" if info.id else kind, band)
    return _Opened(info, sources, failed, notes)


def _encoded(
    alerts: Sequence[_Opened | HstampError], options: EncodeOptions
) -> Iterator[AlertBlobs | HstampError]:
    opened = [alert for alert in alerts if isinstance(alert, _Opened)]
    made = iter(
        encode_parents([source for one in opened for source in one.sources.values()], options)
    )
    for alert in alerts:
        if isinstance(alert, HstampError):
            yield alert
            continue
        blobs: dict[str, bytes | None] = dict.fromkeys(KINDS)
        failed, notes = alert.failed, alert.notes
        for kind in alert.sources:
            result = next(made)
            if isinstance(result, HstampError):
                failed[kind] = result
            else:
                blobs[kind], parent = result
                notes.extend(f"{kind}: {note}" for note in parent.notes)
        ordered = {kind: failed[kind] for kind in KINDS if kind in failed}
        yield AlertBlobs(alert.info, blobs, ordered, tuple(notes))
