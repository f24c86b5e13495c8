"""A parent image with everything a stamp can carry, and encoding it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from astropy.io.fits import Header
from astropy.wcs import WCS

from ..encoder import Options, encoded_psf
from ..errors import InputError, PsfError
from ..planes import Wcs
from ..stamp import Stamp, encode
from .arrays import WHOLE, Floats, Slices, floats, integers, without_fills
from .cards import quiet, text
from .masks import join_masks, plane_bits, select_planes, where_set
from .pairing import Planes
from .quick import QuickHdu
from .uncertainty import WeightMeaning, as_variance, meaning_of_weight, unit_factor

__all__ = [
    "EncodeOptions",
    "Parent",
    "encode_parent",
    "encode_without_bad_psf",
    "flux_unit",
    "load_planes",
    "with_storable_psf",
    "without_psf",
]

UNKNOWN_UNIT = "unknown"
"""Written as ``fluxUnit`` where the header has no BUNIT."""


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
    weight : {"ivar", "variance", "sigma", "exptime"} or None
        What a plane called WHT, WGT or WEIGHT holds; None goes by the header's word.
    """

    levels: int | None = None
    encoding: Literal["i2", "f4"] = "i2"
    variance_encoding: Literal["log8", "f4"] = "log8"
    psf_size: int | None = 21
    step: float = 1 / 16
    unusable: tuple[str, ...] = ("NO_DATA",)
    mask_planes: tuple[str, ...] | None = None
    weight: WeightMeaning | None = None


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
    unit = text(header, "BUNIT")
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

    Raises
    ------
    InputError
        If the image cannot be read, or `options` name planes that the mask does not have. A
        variance, mask or PSF that cannot be read is left out, and a note says why; whether a
        PSF can be stored shows when it is.
    """
    if isinstance(planes.image.hdu, QuickHdu):
        return _loaded(planes, x, y, wcs, options, window)
    with quiet():
        return _loaded(planes, x, y, wcs, options, window)


def _loaded(
    planes: Planes,
    x: float,
    y: float,
    wcs: Wcs | WCS | None,
    options: EncodeOptions,
    window: Slices,
) -> Parent:
    notes = list(planes.notes)
    image, fills = without_fills(floats(planes.image, window))
    if fills:
        notes.append(f"{fills} pixels hold fills (magnitude 1e29 or more): missing")
    variance = _variance(planes, options, window, notes)
    made = _mask(planes, options, window, notes)
    mask, names, unusable = (None, (), None) if made is None else made
    rows, columns = window
    return Parent(
        image=image,
        x=x - (columns.start or 0),
        y=y - (rows.start or 0),
        flux_unit=flux_unit(planes.image.header),
        variance=variance,
        mask=mask if names else None,
        mask_planes=names,
        unusable=unusable,
        psf=_psf(planes, x, y, options, notes),
        wcs=wcs,
        notes=tuple(notes),
    )


def _variance(
    planes: Planes, options: EncodeOptions, window: Slices, notes: list[str]
) -> Floats | None:
    plane, role = planes.variance, planes.variance_role
    if plane is None:
        return None
    try:
        values = floats(plane, window)
        if role == "weight":
            meaning, note = meaning_of_weight(planes, values, options.weight)
            if meaning is None:
                notes.append(note)
                return None
            role = meaning
        factor, note = unit_factor(planes.image.header, plane.header, role)
        if note:
            notes.append(note)
        variance = as_variance(values, role)
        return variance if factor == 1.0 else variance * factor
    except InputError as exc:
        notes.append(f"variance left out: {exc.reason}")
        return None


def _mask(
    planes: Planes, options: EncodeOptions, window: Slices, notes: list[str]
) -> tuple[npt.NDArray[np.uint16], tuple[str, ...], npt.NDArray[np.bool_] | None] | None:
    """Mask, names of its planes, and the pixels that it makes missing."""
    if not planes.masks:
        return None
    blank: npt.NDArray[np.bool_] | None = None
    try:
        parts = []
        for plane in planes.masks:
            bits, unknown = integers(plane, window)
            parts.append((bits, plane_bits(plane.header, bits)))
            if unknown is not None:
                blank = unknown if blank is None else blank | unknown
        mask, named = join_masks(parts)
    except InputError as exc:
        notes.append(f"mask left out: {exc.reason}")
        return None
    unusable = where_set(mask, named, options.unusable)
    if blank is not None:
        notes.append(f"{int(blank.sum())} pixels are blank in the mask: missing")
        unusable = blank if unusable is None else unusable | blank
    chosen, names, dropped = select_planes(mask, named, options.mask_planes)
    if dropped:
        notes.append(f"mask planes left out (a stamp has 16): {', '.join(dropped)}")
    return chosen, names, unusable


def _psf(
    planes: Planes, x: float, y: float, options: EncodeOptions, notes: list[str]
) -> Floats | None:
    if options.psf_size == 0:
        return None
    try:
        if planes.psf is not None:
            return floats(planes.psf)
        return None if planes.cells is None else planes.cells.at(x, y)
    except InputError as exc:
        notes.append(_psf_note(exc))
        return None


def _psf_note(fault: InputError) -> str:
    return f"PSF left out: {fault.reason}"


def without_psf(parent: Parent, fault: PsfError) -> Parent:
    """Parent whose PSF cannot be stored, without it."""
    return replace(parent, psf=None, notes=(*parent.notes, _psf_note(fault)))


def with_storable_psf(parent: Parent, options: EncodeOptions) -> Parent:
    """Parent as it is, or without a PSF that cannot be stored."""
    if parent.psf is not None:
        size = options.psf_size
        try:
            # An even side is no fault of the PSF.
            encoded_psf(parent.psf, Options(psf_size=size if size is None or size % 2 else None))
        except PsfError as fault:
            return without_psf(parent, fault)
    return parent


def encode_without_bad_psf(
    parent: Parent, options: EncodeOptions, *, id: str | None = None, band: str | None = None
) -> tuple[Stamp, Parent]:
    """Make the stamp of a parent, without a PSF that cannot be stored; return what was encoded.

    Raises
    ------
    InputError
        As `encode_parent`.
    """
    try:
        return encode_parent(parent, options, id=id, band=band), parent
    except PsfError as fault:
        parent = without_psf(parent, fault)
        return encode_parent(parent, options, id=id, band=band), parent


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
