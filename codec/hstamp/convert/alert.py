"""What matters of an alert, whichever survey sent it, and its three stamps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ..alerts.fields import CUTOUT_FIELDS, KINDS
from ..errors import HstampError, InputError, as_hstamp_error
from ..stamp import Stamp
from .cutout import parent_from_cutout
from .parent import EncodeOptions, encode_parent
from .ztf import BANDS, ZtfWcs

__all__ = ["NO_STAMPS", "AlertInfo", "AlertStamps", "convert_alert", "read_alert"]


@dataclass(frozen=True)
class AlertInfo:
    """An alert as its stamps need it.

    Attributes
    ----------
    survey : {"lsst", "ztf"}
    id : str
        ``diaSourceId`` or ``candid``.
    band : str or None
    ra, dec : float
        Position of the source, ICRS [deg].
    cutouts : dict
        Kind of image to the bytes of its cutout; None where the alert has none.
    candidate : mapping
        ZTF's ``candidate`` record; empty for LSST.
    """

    survey: Literal["lsst", "ztf"]
    id: str
    band: str | None
    ra: float
    dec: float
    cutouts: dict[str, bytes | None]
    candidate: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AlertStamps:
    """The stamps of an alert by kind, and what went wrong with the others."""

    info: AlertInfo
    stamps: dict[str, Stamp | None]
    failed: dict[str, HstampError]
    notes: tuple[str, ...]


NO_STAMPS: Final[dict[str, Stamp | None]] = dict.fromkeys(KINDS)
"""What a record that is no alert gets."""


def read_alert(record: Mapping[str, Any]) -> AlertInfo:
    """Recognise an LSST or a ZTF alert by its fields.

    Raises
    ------
    InputError
        If it is neither, or a field that a stamp needs is absent.
    """
    source, candidate = record.get("diaSource"), record.get("candidate")
    if isinstance(source, Mapping):
        return _lsst(record, source)
    if isinstance(candidate, Mapping):
        return _ztf(record, candidate)
    raise InputError("neither an LSST alert (no diaSource) nor a ZTF alert (no candidate)")


def convert_alert(
    record: Mapping[str, Any], options: EncodeOptions, *, ztf_wcs: ZtfWcs = "auto"
) -> AlertStamps:
    """Make the stamps of an alert.

    A cutout that cannot be converted costs its own stamp and nothing else.

    Parameters
    ----------
    record : mapping
        An LSST or ZTF alert as an Avro or Parquet library reads it.
    options : EncodeOptions
    ztf_wcs : {"auto", "nominal", "none"}
        When to give stamps of ZTF alerts the nominal orientation.

    Raises
    ------
    InputError
        If the record is not an alert.
    """
    info = read_alert(record)
    stamps: dict[str, Stamp | None] = dict.fromkeys(KINDS)
    failed: dict[str, HstampError] = {}
    notes: list[str] = []
    for kind, payload in info.cutouts.items():
        if payload is None:
            continue
        try:
            parent = parent_from_cutout(
                payload,
                ra=info.ra,
                dec=info.dec,
                candidate=info.candidate or None,
                options=options,
                ztf_wcs=ztf_wcs,
            )
            stamps[kind] = encode_parent(parent, options, id=f"{info.id}/{kind}", band=info.band)
            notes.extend(f"{kind}: {note}" for note in parent.notes)
        except Exception as exc:  # whatever a library raised costs this cutout
            failed[kind] = as_hstamp_error(exc)
    return AlertStamps(info, stamps, failed, tuple(notes))


def _lsst(record: Mapping[str, Any], source: Mapping[str, Any]) -> AlertInfo:
    # Schemas 7 and older name the alert itself; the source's own id is what stays.
    for value in (source.get("diaSourceId"), record.get("diaSourceId"), record.get("alertId")):
        if isinstance(value, int):
            break
    else:
        raise InputError("the alert has no diaSourceId")
    band = source.get("band") or source.get("filterName")
    ra, dec = _position(source)
    return AlertInfo(
        "lsst", str(value), _text(band), ra, dec, {kind: _bytes(record, kind) for kind in KINDS}
    )


def _ztf(record: Mapping[str, Any], candidate: Mapping[str, Any]) -> AlertInfo:
    identifier = candidate.get("candid", record.get("candid"))
    if not isinstance(identifier, int):
        raise InputError("the alert has no candid")
    ra, dec = _position(candidate)
    return AlertInfo(
        "ztf",
        str(identifier),
        BANDS.get(candidate.get("fid", 0)),
        ra,
        dec,
        {kind: _bytes(record, kind) for kind in KINDS},
        candidate,
    )


def _position(source: Mapping[str, Any]) -> tuple[float, float]:
    ra, dec = source.get("ra"), source.get("dec")
    if not isinstance(ra, float | int) or not isinstance(dec, float | int):
        raise InputError("the alert gives no ra, dec")
    return float(ra), float(dec)


def _bytes(record: Mapping[str, Any], kind: str) -> bytes | None:
    value = record.get(CUTOUT_FIELDS[kind])
    if isinstance(value, Mapping):
        value = value.get("stampData")
    if value is not None and not isinstance(value, bytes):
        raise InputError(f"{CUTOUT_FIELDS[kind]} is {type(value).__name__}, not bytes")
    return value or None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
