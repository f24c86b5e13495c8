"""Alert packets in LSST's form around simulated images."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.io import fits

from ..layout import reference_corner
from .sky import MASK_BITS, PIXEL, Image, Scene

__all__ = ["cutout", "fill", "packet", "today"]


def cutout(scene: Scene, image: Image, *, size: int | None = None, mask: bool = True) -> bytes:
    """Write one image as the FITS cutout of an alert.

    Parameters
    ----------
    scene : Scene
    image : Image
    size : int, optional
        Side to cut around the source as LSST does today [pixel]; the whole image by default.
    mask : bool
        Add the mask, which LSE-163 asks for and today's cutouts lack.
    """
    rows = columns = slice(0, len(image.pixels))
    if size is not None:
        i0, j0 = reference_corner(scene.x, scene.y)
        rows, columns = (slice(c - size // 2, c + size // 2) for c in (j0, i0))
    primary = fits.PrimaryHDU(image.pixels[rows, columns])
    header = primary.header
    header["BUNIT"] = "nJy"
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRPIX1"] = scene.x - columns.start + 1.0
    header["CRPIX2"] = scene.y - rows.start + 1.0
    header["CRVAL1"], header["CRVAL2"] = scene.ra, scene.dec
    header["RADESYS"] = "ICRS"
    for key, value in zip(("CD1_1", "CD1_2", "CD2_1", "CD2_2"), _cd(scene.angle), strict=True):
        header[key] = value
    variance = fits.ImageHDU(image.variance[rows, columns], name="UNCERT")
    variance.header["UTYPE"] = "VarianceUncertainty"
    hdus = [primary, variance, fits.ImageHDU(image.psf, name="PSFIMAGE")]
    if mask:
        flags = fits.ImageHDU(image.mask[rows, columns], name="MASK")
        for name, bit in MASK_BITS.items():
            flags.header[f"HIERARCH MP_{name}"] = bit
        hdus.insert(2, flags)
    out = io.BytesIO()
    fits.HDUList(hdus).writeto(out)
    return out.getvalue()


def today(scene: Scene, image: Image) -> bytes:
    """Return the 30x30 cutout that LSST would send today: no mask."""
    return cutout(scene, image, size=30, mask=False)


def packet(scene: Scene, number: int, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Alert record of a scene.

    Parameters
    ----------
    scene : Scene
    number : int
        Number of the alert.
    schema : mapping
        LSST alert schema, fully resolved.
    """
    identifier = 170_000_000_000_000_000 + number
    noise = float(np.nanmedian(np.sqrt(scene.science.variance)))
    facts = {
        "diaSourceId": identifier,
        "diaObjectId": identifier + 10_000,
        "visit": 2026_0401_00000 + number,
        "detector": 94,
        "midpointMjdTai": 61_131.2 + number / 1000,
        "ra": scene.ra,
        "dec": scene.dec,
        "x": 2000.0 + scene.x,
        "y": 2000.0 + scene.y,
        "band": scene.band,
        "psfFlux": scene.flux,
        "psfFluxErr": 6.0 * noise,
        "snr": scene.flux / (6.0 * noise),
        "observation_reason": "simulated",
        "target_name": "simulated",
    }
    record: dict[str, Any] = fill(schema, {}, facts)
    record["diaSource"] = fill(_record(schema, "diaSource"), _named(schema), facts)
    record["diaObject"] = fill(_record(schema, "diaObject"), _named(schema), facts)
    for kind in ("difference", "science", "template"):
        record[f"cutout{kind.capitalize()}"] = cutout(scene, getattr(scene, kind))
    return record


def fill(schema: Any, named: Mapping[str, Any], facts: Mapping[str, Any]) -> Any:
    """Return a value of a schema: facts by field name, otherwise null, zero or empty."""
    if isinstance(schema, list):
        return None if "null" in schema else fill(schema[0], named, facts)
    if isinstance(schema, str):
        if schema in named:
            return fill(named[schema], named, facts)
        return {"string": "", "bytes": b"", "boolean": False, "null": None}.get(schema, 0)
    if schema["type"] == "record":
        names = {**named, **_named(schema)}
        return {
            field["name"]: facts[field["name"]]
            if field["name"] in facts
            else fill(field["type"], names, facts)
            for field in schema["fields"]
        }
    if schema["type"] in ("array", "map"):
        return [] if schema["type"] == "array" else {}
    return fill(schema["type"], named, facts)


def _record(schema: Mapping[str, Any], field: str) -> Any:
    """Record type of a field, in a union or not, defined there or before."""
    kind = next(f["type"] for f in schema["fields"] if f["name"] == field)
    for branch in kind if isinstance(kind, list) else [kind]:
        if branch != "null":
            return _named(schema).get(branch, branch) if isinstance(branch, str) else branch
    raise AssertionError(f"{field} has no record type")


def _named(node: Any) -> dict[str, Any]:
    """All record types defined inside a schema, by name."""
    found: dict[str, Any] = {}
    if isinstance(node, Mapping):
        if node.get("type") == "record":
            found[node["name"]] = node
        for key, value in node.items():
            if not key.startswith("__"):
                found.update(_named(value))
    elif isinstance(node, list):
        for value in node:
            found.update(_named(value))
    return found


def _cd(angle: float) -> tuple[float, float, float, float]:
    """CD matrix whose +y points `angle` east of north, with east to the left of north."""
    scale, turn = PIXEL / 3600.0, math.radians(angle)
    return (
        -scale * math.cos(turn),
        scale * math.sin(turn),
        scale * math.sin(turn),
        scale * math.cos(turn),
    )
