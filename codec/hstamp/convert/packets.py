"""Alerts as Rubin's alert retrieval service gives them besides Avro: FITS and JSON.

What is assumed, and from where (Herald: technote SQR-114, "Alerts API" of rsp.lsst.io, and the
public source lsst-sqre/herald, ``services/fits.py`` and ``services/alert.py``):

- FITS of a whole alert: an empty primary HDU, a table ``ALERT``, the images ``DIFFIM``,
  ``SCIENCE`` and ``TEMPLATE``, each the primary HDU of the alert's cutout with its header, so
  without variance and PSF, and a table ``DIASOURCE`` whose row 0 is the alert's own source.
- FITS of its cutouts: an empty primary HDU and the images. There is no identifier, and the source
  is where the image's header says, CRVAL at CRPIX, as in all of LSST's cutouts.
- JSON: the fields of the packet, bytes in base64, numbers that are not finite as null.

Both lack what an Avro record needs, so that they become stamps, not alerts.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from astropy.io import fits

from ..alerts.fields import CUTOUT_FIELDS
from ..container.detect import Kind
from ..container.gunzip import MAX_CUTOUT, inflate
from ..errors import FormatError, InputError
from ..surveys import Survey
from ..surveys.lsst import Lsst
from ..surveys.protocol import Record, coordinates, part
from .cards import quiet, text, value
from .hdus import is_array, open_fits
from .image import Position
from .sources import AlertBatch, AlertRecord, BadRecord

__all__ = ["PacketSource", "open_packets", "says_where"]

_EXTENSIONS: Final = {"DIFFIM": "difference", "SCIENCE": "science", "TEMPLATE": "template"}
_TABLES: Final = ("DIASOURCE", "ALERT")
_COLUMNS: Final = ("diaSourceId", "diaObjectId", "ssObjectId", "ra", "dec", "band")
_MAX_JSON: Final = 16 * 2**20
"""Longest JSON [byte] (E_LIMIT): a packet takes 0.2 to 2 MB, as objects ten times as much."""
_MAX_PACKETS: Final = 2**14


@dataclass(frozen=True)
class _Nameless(Lsst):
    """Cutouts of an LSST alert without the alert."""

    def mismatch(self, record: Record, schema_name: str | None) -> str | None:
        """None: the file's form told them already."""
        return None

    def identifier(self, record: Record) -> str:
        """Empty: nothing tells it."""
        return ""


class PacketSource:
    """The records of a file of the service; an `AlertSource` without Avro bytes.

    Attributes
    ----------
    surveys : tuple of Survey or None
        What its records are; None leaves that to the caller.
    """

    schema: Any = None
    stamp_fields: tuple[str, ...] | None = None
    codec: str = "null"

    def __init__(
        self, records: list[Record], size: int, surveys: tuple[Survey, ...] | None = None
    ) -> None:
        self._records, self.position, self.surveys = records, size, surveys

    def batches(self) -> Iterator[AlertBatch]:
        """Iterate over the records one by one; base64 that is damaged costs its record."""
        for number, record in enumerate(self._records):
            item: AlertRecord | BadRecord
            try:
                item = AlertRecord(number, _with_bytes(record))
            except InputError as error:
                item = BadRecord(number, error)
            yield AlertBatch((item,))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        return


def open_packets(path: Path, kind: Kind, *, gzipped: bool = False) -> PacketSource | None:
    """Open a file of the service.

    Parameters
    ----------
    path : Path
    kind : Kind
        FITS or JSON.
    gzipped : bool
        Whether the file is gzipped as a whole.

    Returns
    -------
    PacketSource or None
        None for a FITS file that is none of the service's.

    Raises
    ------
    HstampError
        If JSON is too long (E_LIMIT), no JSON, or holds no alert (E_SCHEMA); if a FITS file of
        the service is damaged.
    """
    size = path.stat().st_size
    if kind is Kind.JSON:
        with path.open("rb") as stream:
            data = stream.read(_MAX_JSON + 1)
        return PacketSource(_json_records(inflate(data, _MAX_JSON) if gzipped else data), size)
    if size > MAX_CUTOUT:
        return None
    data = path.read_bytes()
    if gzipped:
        try:
            data = inflate(data)
        except InputError:
            return None
    # Most FITS files are images, and need not be opened twice.
    if not any(f"EXTNAME = '{name}".encode() in data for name in _EXTENSIONS):
        return None
    with open_fits(data) as hdus:
        return _packet(hdus, size)


def says_where(positions: Sequence[Position], hdu: int | str | None) -> bool:
    """Whether options say where the image or source of a FITS file is: then it is an image."""
    return hdu is not None or any(
        p.ra is not None or p.x is not None or p.problem is not None for p in positions
    )


def _json_records(data: bytes) -> list[Record]:
    if len(data) > _MAX_JSON:
        raise FormatError("E_LIMIT", f"JSON of more than {_MAX_JSON} bytes")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise FormatError("E_SCHEMA", f"not JSON: {exc}") from exc
    records = found if isinstance(found, list) else [found]
    if len(records) > _MAX_PACKETS:
        raise FormatError("E_LIMIT", f"{len(records)} alerts in one JSON file")
    fields = set(CUTOUT_FIELDS.values())
    if not records or not all(isinstance(r, dict) and fields & r.keys() for r in records):
        raise FormatError("E_SCHEMA", "JSON without the cutout fields of an alert")
    return records


def _with_bytes(record: Record) -> dict[str, Any]:
    """Record with its cutouts as bytes."""
    out = dict(record)
    for name in CUTOUT_FIELDS.values():
        held = out.get(name)
        if isinstance(held, Mapping):
            out[name] = {**held, "stampData": _decoded(name, held.get("stampData"))}
        else:
            out[name] = _decoded(name, held)
    return out


def _decoded(name: str, held: Any) -> Any:
    if not isinstance(held, str):
        return held
    try:
        return base64.b64decode(held, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InputError(f"{name} is not base64: {exc}") from exc


def _packet(hdus: Any, size: int) -> PacketSource | None:
    with quiet():
        names = [text(hdu.header, "EXTNAME").upper() for hdu in hdus]
        images = [(name, hdu) for name, hdu in zip(names, hdus, strict=True) if is_array(hdu)]
    own = [name for name, _ in images]
    tables = [
        hdu for want in _TABLES for hdu, name in zip(hdus, names, strict=True) if name == want
    ]
    # A lone image of such a name is an image like any other.
    if not set(own) <= _EXTENSIONS.keys() or len(own) < (1 if tables else 2):
        return None
    record: dict[str, Any] = {CUTOUT_FIELDS[_EXTENSIONS[n]]: _alone(hdu) for n, hdu in images}
    source = _row(tables)
    if "diaSourceId" in source and {"ra", "dec"} <= source.keys():
        return PacketSource([{**record, "diaSource": source}], size)
    header = images[0][1].header
    with quiet():
        place = {"ra": value(header, "CRVAL1"), "dec": value(header, "CRVAL2")}
    record["diaSource"] = {**source, **place}
    coordinates(part(record, "diaSource"))  # without them nothing says where the source is
    return PacketSource([record], size, (_Nameless(),))


def _alone(hdu: Any) -> bytes:
    """FITS file of an image extension alone, its header kept."""
    if hdu.size > MAX_CUTOUT:
        raise InputError(f"an image of {hdu.size} bytes is no cutout", "E_LIMIT")
    header = hdu.header.copy()
    for key in ("XTENSION", "PCOUNT", "GCOUNT", "EXTNAME", "EXTVER", "EXTLEVEL"):
        header.remove(key, ignore_missing=True)
    out = BytesIO()
    with quiet():
        fits.PrimaryHDU(hdu.data, header).writeto(out, output_verify="ignore")
    return out.getvalue()


def _row(tables: list[Any]) -> dict[str, Any]:
    """Fields of a source in the first rows of tables, the first that has them."""
    found: dict[str, Any] = {}
    for hdu in tables:
        columns = getattr(hdu, "columns", None)
        if columns is None or not hdu.header.get("NAXIS2"):
            continue
        for name in _COLUMNS:
            if name in columns.names and name not in found:
                cell = hdu.data[name][0]
                found[name] = cell.item() if isinstance(cell, np.generic) else cell
    return found
