"""A parent image with everything a stamp can carry, and encoding it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from astropy.io.fits import Header, VerifyError
from astropy.wcs import WCS

from ..errors import InputError
from ..planes import Wcs
from ..stamp import Stamp, encode
from .hdus import Planes, pixels, to_variance
from .masks import plane_bits, select_planes, where_set

__all__ = ["EncodeOptions", "Parent", "encode_parent", "flux_unit", "load_planes"]

UNKNOWN_UNIT = "unknown"
"""Written as ``fluxUnit`` where the header has no BUNIT."""

Slices = tuple[slice, slice]
WHOLE: Slices = (slice(None), slice(None))


@dataclass(frozen=True)
class EncodeOptions:
    """How parents become stamps.

    Attributes
    ----------
    levels : int or None
        Number of levels; None takes the most that the parent covers.
    encoding : {"i2", "f4"}
        Image encoding.
    variance_encoding : {"log8", "f4"}
        Variance encoding.
    psf_size : int or None
        Side of the stored PSF [pixel], odd; 0 leaves the PSF out, None keeps its size.
    step : float
        Quantisation step of ``i2`` in units of the noise.
    unusable : tuple of str
        Mask planes whose pixels count as missing.
    mask_planes : tuple of str or None
        Mask planes to keep; None keeps all that fit.
    """

    levels: int | None = None
    encoding: Literal["i2", "f4"] = "i2"
    variance_encoding: Literal["log8", "f4"] = "log8"
    psf_size: int | None = 21
    step: float = 1 / 16
    unusable: tuple[str, ...] = ("NO_DATA",)
    mask_planes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Parent:
    """A parent image (or a window of one) and its source.

    Attributes
    ----------
    image : (H, W) float array
        Image [flux_unit per pixel].
    x, y : float
        Source position [pixel, 0-based].
    flux_unit : str
        FITS unit string, ``unknown`` when the file does not say.
    variance, mask, psf : array or None
        Variance (H, W) [flux_unit**2]; mask (H, W) uint16; PSF of any size.
    mask_planes : tuple of str
        Names of the mask's bits 0, 1 ...
    unusable : (H, W) bool array or None
        Pixels declared unusable by a mask plane.
    wcs : Wcs or WCS or None
        Orientation on the sky.
    notes : tuple of str
        What was left out or assumed.
    """

    image: npt.NDArray[np.floating[Any]]
    x: float
    y: float
    flux_unit: str = UNKNOWN_UNIT
    variance: npt.NDArray[np.floating[Any]] | None = None
    mask: npt.NDArray[np.uint16] | None = None
    mask_planes: tuple[str, ...] = ()
    unusable: npt.NDArray[np.bool_] | None = None
    psf: npt.NDArray[np.floating[Any]] | None = None
    wcs: Wcs | WCS | None = None
    notes: tuple[str, ...] = field(default=())


def flux_unit(header: Header) -> str:
    """BUNIT of a header as a stamp can carry it, ``unknown`` where there is none [EN-10]."""
    try:
        unit = str(header.get("BUNIT", "")).strip()
    except VerifyError:
        return UNKNOWN_UNIT
    if 0 < len(unit) <= 32 and all(" " <= c <= "~" for c in unit):
        return unit
    return UNKNOWN_UNIT


def load_planes(
    planes: Planes,
    x: float,
    y: float,
    wcs: Wcs | WCS | None,
    options: EncodeOptions,
    window: Slices = WHOLE,
) -> Parent:
    """Read a window of the HDUs of a parent into arrays.

    Parameters
    ----------
    planes : Planes
        The HDUs.
    x, y : float
        Source position in the whole image [pixel, 0-based].
    wcs : Wcs or WCS or None
        Tangent plane at the source, or the WCS of the window.
    options : EncodeOptions
        Which mask planes to keep, and which make pixels missing.
    window : (slice, slice)
        Rows and columns to read.
    """
    notes, psf = list(planes.notes), None
    mask = names = unusable = variance = None
    if planes.variance is not None:
        variance = to_variance(pixels(planes.variance, *window), planes.variance_form)
    if planes.mask is not None:
        raw = pixels(planes.mask, *window)
        if raw.dtype.kind not in "iu":
            raise InputError(f"the mask is {raw.dtype}, not an integer image")
        wide = raw.astype(np.int64)
        bits = plane_bits(planes.mask.header, wide)
        unusable = where_set(wide, bits, options.unusable)
        mask, names, dropped = select_planes(wide, bits, options.mask_planes)
        if dropped:
            notes.append(f"mask planes left out (a stamp has 16): {', '.join(dropped)}")
    if planes.psf is not None and options.psf_size != 0:
        psf = pixels(planes.psf).astype(np.float64)
        if not (np.isfinite(psf).all() and psf.sum() > 0):
            notes.append("PSF left out: it has no positive, finite sum")
            psf = None
    rows, columns = window
    return Parent(
        image=pixels(planes.image, *window),
        x=x - (columns.start or 0),
        y=y - (rows.start or 0),
        flux_unit=flux_unit(planes.image.header),
        variance=variance,
        mask=mask if names else None,
        mask_planes=names or (),
        unusable=unusable,
        psf=psf,
        wcs=wcs,
        notes=tuple(notes),
    )


def encode_parent(
    parent: Parent, options: EncodeOptions, *, id: str | None = None, band: str | None = None
) -> Stamp:
    """Make the stamp of a parent.

    Raises
    ------
    InputError
        If the parent or the options cannot be encoded.
    """
    return encode(
        parent.image,
        parent.x,
        parent.y,
        levels=options.levels,
        encoding=options.encoding,
        variance=parent.variance,
        variance_encoding=options.variance_encoding,
        mask=parent.mask,
        mask_planes=None if parent.mask is None else parent.mask_planes,
        psf=parent.psf,
        psf_size=options.psf_size,
        wcs=parent.wcs,
        band=band,
        flux_unit=parent.flux_unit,
        id=id,
        unusable=parent.unusable,
        step=options.step,
    )
