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
from .pairing import Planes, classify, classify_scanned
from .parent import EncodeOptions, Parent, load_planes, with_storable_psf
from .position import has_wcs, header_wcs, pixel_of, plain_place
from .quick import scan_fits

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
    check_psf: bool = True,
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
    check_psf : bool
        Leave out a PSF that cannot be stored; without this, that shows when it is to be.

    Raises
    ------
    InputError
        If the cutout is damaged, or does not say where the source is.
    """
    room = min(MAX_CUTOUT, _FREE + _RATIO * len(payload))
    data = inflate(payload, room) if payload[:2] == b"\x1f\x8b" else payload
    if not data.startswith(b"SIMPLE  ="):
        raise InputError(f"not a FITS cutout: it starts with {data[:8]!r}")
    hdus = scan_fits(data)
    if hdus is not None:
        planes = classify_scanned(hdus)
        if (place := _place_by_cards(planes, ra, dec, survey, record)) is not None:
            return _parent(planes, place, options, survey, check_psf)
    with open_fits(data) as opened:
        planes = classify(opened)
        rows, columns = planes.image.shape
        if rows * columns > room:
            raise InputError(f"a cutout of {len(payload)} bytes claims {columns} x {rows} pixels")
        place = _place_by_cards(planes, ra, dec, survey, record)
        if place is None:
            place = _place_by_wcs(planes, opened, ra, dec)
        return _parent(planes, place, options, survey, check_psf)


def _place_by_cards(
    planes: Planes, ra: float, dec: float, survey: Survey | None, record: Record | None
) -> Place | None:
    """Place of the source by the cards of a plain header, or by the survey; None if by a WCS."""
    header = planes.image.header
    if (place := plain_place(header, ra, dec)) is not None:
        return place
    if has_wcs(header):
        return None
    if survey is None:
        raise InputError("the cutout has no WCS, so where the source is in it is unknown")
    return survey.place(record or {}, planes.image.shape)


def _place_by_wcs(planes: Planes, hdus: Any, ra: float, dec: float) -> Place:
    wcs = header_wcs(planes.image.header, hdus)
    assert wcs is not None  # the header has cards for one
    x, y = pixel_of(wcs, ra, dec)
    return Place(x, y, Wcs.from_astropy(wcs, x, y))


def _parent(
    planes: Planes, place: Place, options: EncodeOptions, survey: Survey | None, check_psf: bool
) -> Parent:
    check_inside(place.x, place.y, planes.image.shape)
    parent = load_planes(planes, place.x, place.y, place.wcs, options)
    if check_psf:
        parent = with_storable_psf(parent, options)
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
    if not any(map(any, place.lacking)):
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
