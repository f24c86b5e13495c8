"""What matters of an alert, whichever survey sent it, and its three stamps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..alerts.fields import KINDS
from ..errors import HstampError, as_hstamp_error
from ..stamp import Stamp
from ..surveys import SURVEYS, Survey, survey_of
from .cutout import parent_from_cutout
from .parent import EncodeOptions, encode_parent

__all__ = ["NO_STAMPS", "AlertInfo", "AlertStamps", "convert_alert", "read_alert"]


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


MAX_TEXT: Final = 32
"""Longest band of a stamp [EN-10]."""

NO_STAMPS: Final[dict[str, Stamp | None]] = dict.fromkeys(KINDS)
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
    info = read_alert(record, surveys, schema_name=schema_name)
    stamps: dict[str, Stamp | None] = dict.fromkeys(KINDS)
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
            )
            id = f"{info.id}/{kind}" if info.id else kind
            stamps[kind] = encode_parent(parent, options, id=id, band=band)
        except Exception as exc:  # one cutout's fault costs its own stamp
            failed[kind] = as_hstamp_error(exc)
            continue
        notes.extend(f"{kind}: {note}" for note in parent.notes)
    return AlertStamps(info, stamps, failed, tuple(notes))
