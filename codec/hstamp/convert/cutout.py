"""From the bytes of a cutout in an alert to a parent image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import InputError
from ..planes import Wcs
from .gunzip import inflate
from .hdus import classify, open_fits
from .parent import EncodeOptions, Parent, load_planes
from .position import header_wcs, pixel_of
from .ztf import ZtfWcs, nominal_wcs, off_image, source_pixel

__all__ = ["check_inside", "parent_from_cutout"]


def parent_from_cutout(
    payload: bytes,
    *,
    ra: float,
    dec: float,
    options: EncodeOptions,
    candidate: Mapping[str, Any] | None = None,
    ztf_wcs: ZtfWcs = "auto",
) -> Parent:
    """Read a FITS cutout, plain or gzipped, of any size.

    Parameters
    ----------
    payload : bytes
        The cutout field of an alert.
    ra, dec : float
        Position of the source, ICRS [deg].
    options : EncodeOptions
    candidate : mapping, optional
        ZTF's ``candidate`` record, which stands in for a WCS.
    ztf_wcs : {"auto", "nominal", "none"}
        See `hstamp.convert.ztf.nominal_wcs`.

    Raises
    ------
    InputError
        If the cutout is damaged, or does not say where the source is.
    """
    data = inflate(payload) if payload[:2] == b"\x1f\x8b" else payload
    if not data.startswith(b"SIMPLE  ="):
        raise InputError(f"not a FITS cutout: it starts with {data[:8]!r}")
    with open_fits(data) as hdus:
        planes = classify(hdus)
        header, shape = planes.image.header, planes.image.shape
        wcs = header_wcs(header, hdus)
        plane: Wcs | None
        if wcs is not None:
            x, y = pixel_of(wcs, ra, dec)
            plane = Wcs.from_astropy(wcs, x, y)
        elif candidate is not None:
            x, y = source_pixel(candidate, shape)
            plane = nominal_wcs(candidate, ztf_wcs)
        else:
            raise InputError("the cutout has no WCS, so where the source is in it is unknown")
        check_inside(x, y, shape)
        parent = load_planes(planes, x, y, plane, options)
        if candidate is not None:
            parent = replace(parent, unusable=off_image(parent.image))
        return parent


def check_inside(x: float, y: float, shape: tuple[int, ...]) -> None:
    """Raise `InputError` unless the source lies on a pixel of the image."""
    if not (-0.5 <= x < shape[1] - 0.5 and -0.5 <= y < shape[0] - 0.5):
        raise InputError(
            f"the source at pixel ({x:.2f}, {y:.2f}) lies outside the {shape[1]} x {shape[0]} image"
        )
