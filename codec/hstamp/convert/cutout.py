"""From the bytes of a cutout in an alert to a parent image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..container.gunzip import MAX_CUTOUT, inflate
from ..errors import InputError
from ..planes import Wcs
from ..surveys import Place, Survey
from ..surveys.protocol import Record
from .hdus import open_fits
from .pairing import classify
from .parent import EncodeOptions, Parent, load_planes
from .position import header_wcs, pixel_of

__all__ = ["check_inside", "parent_from_cutout"]

_FREE: Final = 2**20
_RATIO: Final = 16
"""Bytes and pixels of a decompressed cutout: 2**20, and 16 for each byte of a longer one.

A file can hold many cutouts, so what each may cost is bounded by its length; images compress two
to ten times, and those without any signal are small.
"""


def parent_from_cutout(
    payload: bytes,
    *,
    ra: float,
    dec: float,
    options: EncodeOptions,
    survey: Survey | None = None,
    record: Record | None = None,
) -> Parent:
    """Read a FITS cutout, plain or gzipped, of any size.

    Parameters
    ----------
    payload : bytes
        The cutout field of an alert.
    ra, dec : float
        Position of the source, ICRS [deg].
    options : EncodeOptions
    survey : Survey, optional
        Whose alert it is from: it finds the source where the cutout has no WCS, and knows which
        pixels are no measurements.
    record : mapping, optional
        The alert, for `survey`.

    Raises
    ------
    InputError
        If the cutout is damaged, or does not say where the source is.
    """
    room = min(MAX_CUTOUT, _FREE + _RATIO * len(payload))
    data = inflate(payload, room) if payload[:2] == b"\x1f\x8b" else payload
    if not data.startswith(b"SIMPLE  ="):
        raise InputError(f"not a FITS cutout: it starts with {data[:8]!r}")
    with open_fits(data) as hdus:
        planes = classify(hdus)
        header, shape = planes.image.header, planes.image.shape
        if shape[0] * shape[1] > room:
            raise InputError(
                f"a cutout of {len(payload)} bytes claims {shape[1]} x {shape[0]} pixels"
            )
        wcs = header_wcs(header, hdus)
        if wcs is not None:
            x, y = pixel_of(wcs, ra, dec)
            place = Place(x, y, Wcs.from_astropy(wcs, x, y))
        elif survey is not None:
            place = survey.place(record or {}, shape)
        else:
            raise InputError("the cutout has no WCS, so where the source is in it is unknown")
        check_inside(place.x, place.y, shape)
        parent = load_planes(planes, place.x, place.y, place.wcs, options)
    if survey is not None:
        parent = _without_unusable(parent, survey)
    return _completed(parent, place)


def check_inside(x: float, y: float, shape: tuple[int, ...]) -> None:
    """Raise `InputError` unless the source lies on a pixel of the image."""
    if not (-0.5 <= x < shape[1] - 0.5 and -0.5 <= y < shape[0] - 0.5):
        raise InputError(
            f"the source at pixel ({x:.2f}, {y:.2f}) lies outside the {shape[1]} x {shape[0]} image"
        )


def _completed(parent: Parent, place: Place) -> Parent:
    """Restore the size of a cutout that an edge cut short; what it lacks is missing."""
    if not np.any(place.lacking):
        return parent

    def wider(plane: npt.NDArray[Any] | None, beyond: float) -> npt.NDArray[Any] | None:
        return None if plane is None else np.pad(plane, place.lacking, constant_values=beyond)

    (above, _), (left, _) = place.lacking
    image = np.asarray(parent.image, dtype=np.result_type(parent.image, np.float32))
    return replace(
        parent,
        image=np.pad(image, place.lacking, constant_values=np.nan),
        x=parent.x + left,
        y=parent.y + above,
        variance=wider(parent.variance, np.nan),
        mask=wider(parent.mask, 0),
        unusable=wider(parent.unusable, 0),
        notes=(*parent.notes, "cut short at the edge of the detector; the rest is missing"),
    )


def _without_unusable(parent: Parent, survey: Survey) -> Parent:
    unusable = survey.unusable(parent.image)
    if unusable is None or not unusable.any():
        return parent
    if parent.unusable is not None:
        unusable = unusable | parent.unusable
    note = f"pixels that hold no measurement of {survey.name} are missing"
    return replace(parent, unusable=unusable, notes=(*parent.notes, note))
