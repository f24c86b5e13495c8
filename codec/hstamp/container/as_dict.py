"""A stamp record as the dictionary that Avro libraries read and write [CO-1]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import FormatError
from ..planes import ImagePlane, MaskPlane, PsfPlane, Record, VariancePlane, Wcs

__all__ = ["dict_to_record", "record_to_dict"]


def record_to_dict(record: Record) -> dict[str, Any]:
    """Dictionary with the field names of the schema, for fastavro and others."""
    image, variance, mask, psf, wcs = (
        record.image,
        record.variance,
        record.mask,
        record.psf,
        record.wcs,
    )
    return {
        "version": record.version,
        "levels": record.levels,
        "id": record.id,
        "band": record.band,
        "fluxUnit": record.flux_unit,
        "dx": record.dx,
        "dy": record.dy,
        "wcs": None
        if wcs is None
        else {
            "ra": wcs.ra,
            "dec": wcs.dec,
            "cd1_1": wcs.cd1_1,
            "cd1_2": wcs.cd1_2,
            "cd2_1": wcs.cd2_1,
            "cd2_2": wcs.cd2_2,
        },
        "image": {
            "encoding": image.encoding,
            "zero": list(image.zero),
            "scale": list(image.scale),
            "data": image.data,
        },
        "variance": None
        if variance is None
        else {"encoding": variance.encoding, "unit": variance.unit, "data": variance.data},
        "mask": None
        if mask is None
        else {"encoding": mask.encoding, "planes": list(mask.planes), "data": mask.data},
        "psf": None
        if psf is None
        else {"encoding": psf.encoding, "size": psf.size, "data": psf.data},
    }


def dict_to_record(fields: Mapping[str, Any]) -> Record:
    """Record from a dictionary of the schema's fields; others are ignored [CO-6].

    Raises
    ------
    FormatError
        With code E_SCHEMA if a field without a default is absent or has another type.
    """
    try:
        wcs, image = fields.get("wcs"), fields["image"]
        variance, mask, psf = fields.get("variance"), fields.get("mask"), fields.get("psf")
        return Record(
            version=_integer(fields["version"]),
            levels=_integer(fields["levels"]),
            id=_text_or_none(fields.get("id")),
            band=_text_or_none(fields.get("band")),
            flux_unit=_text(fields.get("fluxUnit", "nJy")),
            dx=float(fields["dx"]),
            dy=float(fields["dy"]),
            wcs=None
            if wcs is None
            else Wcs(*(float(wcs[k]) for k in ("ra", "dec", "cd1_1", "cd1_2", "cd2_1", "cd2_2"))),
            image=ImagePlane(
                _text(image["encoding"]),
                tuple(map(float, image["zero"])),
                tuple(map(float, image["scale"])),
                _bytes(image["data"]),
            ),
            variance=None
            if variance is None
            else VariancePlane(
                _text(variance["encoding"]), float(variance["unit"]), _bytes(variance["data"])
            ),
            mask=None
            if mask is None
            else MaskPlane(
                _text(mask["encoding"]), tuple(map(_text, mask["planes"])), _bytes(mask["data"])
            ),
            psf=None
            if psf is None
            else PsfPlane(_text(psf["encoding"]), _integer(psf["size"]), _bytes(psf["data"])),
        )
    except KeyError as error:
        raise FormatError("E_SCHEMA", f"the stamp has no field {error}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FormatError("E_SCHEMA", f"a field of the stamp has another type: {error}") from error


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not an integer")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} is not bytes")
    return value
