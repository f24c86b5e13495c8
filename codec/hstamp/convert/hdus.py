"""Which HDU of a FITS file is image, variance, mask and PSF, and reading them safely."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from ..errors import InputError
from .structure import check_structure

__all__ = ["Planes", "classify", "open_fits", "pixels", "to_variance"]

_VARIANCE: Final = {"UNCERT", "VARIANCE", "VAR"}
_SIGMA: Final = {"ERR", "ERROR", "SIGMA", "STD", "STDDEV", "RMS"}
_WEIGHT: Final = {"WGT", "WHT", "WEIGHT", "IVAR", "INVVAR"}
_MASK: Final = {"MASK", "MSK", "DQ", "FLAGS"}
_PSF: Final = {"PSFIMAGE", "PSF"}
_UTYPE: Final = {
    "VARIANCEUNCERTAINTY": "variance",
    "STDDEVUNCERTAINTY": "sigma",
    "INVERSEVARIANCE": "weight",
}
_MAX_PIXELS: Final = 2**28
"""Pixels of the largest plane read at once; a window of the widest stamp has 3.7 million."""

FloatArray = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Planes:
    """The HDUs that make up one parent.

    Attributes
    ----------
    image : HDU
        Two-dimensional image.
    variance : HDU or None
        Uncertainty of the image, in the form that `variance_form` names: ``variance``,
        ``sigma`` (standard deviation) or ``weight`` (inverse variance).
    mask, psf : HDU or None
    notes : tuple of str
        HDUs that were left out, and why.
    """

    image: Any
    variance: Any = None
    variance_form: str = "variance"
    mask: Any = None
    psf: Any = None
    notes: tuple[str, ...] = field(default=())


def open_fits(source: bytes | Path) -> fits.HDUList:
    """Open FITS data and check that every HDU's data are there.

    Nothing is read or allocated on the word of a header: the size that each header claims is
    compared with the bytes that follow it.

    Raises
    ------
    InputError
        If the data are not FITS, or end before a header says.
    """
    if isinstance(source, bytes):
        check_structure(BytesIO(source), len(source))
    else:
        with source.open("rb") as outline:
            check_structure(outline, source.stat().st_size)
    with ExitStack() as stack:
        try:
            # ZTF writes 'SIMPLE  =  T', which is legible but not in the fixed columns.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", AstropyWarning)
                hdus = fits.open(
                    BytesIO(source) if isinstance(source, bytes) else source,
                    memmap=False,
                    lazy_load_hdus=False,
                )
                stack.callback(hdus.close)
                if not len(hdus):
                    raise InputError("it holds no HDU")
        except InputError:
            raise
        except Exception as exc:  # astropy raises almost anything on damaged headers
            raise InputError(f"not readable as FITS: {type(exc).__name__}: {exc}") from exc
        stack.pop_all()
    return hdus


def classify(hdus: Sequence[Any], image: int | str | None = None) -> Planes:
    """Find the planes of a parent by name and header, falling back on order.

    Parameters
    ----------
    hdus : sequence of HDU
        An open FITS file.
    image : int or str, optional
        Index or EXTNAME of the image HDU. By default it is the first two-dimensional HDU that
        is no other plane.

    Raises
    ------
    InputError
        If there is no image, or the one asked for is not two-dimensional.
    """
    roles = [_role(hdu) for hdu in hdus]
    chosen = _chosen(hdus, roles, image)
    shape, notes = hdus[chosen].shape, []
    found: dict[str, Any] = {}
    for index, (hdu, role) in enumerate(zip(hdus, roles, strict=True)):
        # Planes follow their image; those of an earlier image are not this one's.
        if index <= chosen or role in (None, "image"):
            continue
        group = "variance" if role in ("variance", "sigma", "weight") else str(role)
        if group in found:
            continue
        if group != "psf" and hdu.shape != shape:
            notes.append(f"HDU {index} ({role}) is {hdu.shape}, not {shape}: ignored")
            continue
        found[group] = (hdu, role)
    variance, form = found.get("variance", (None, "variance"))
    return Planes(
        image=hdus[chosen],
        variance=variance,
        variance_form=form,
        mask=found.get("mask", (None,))[0],
        psf=found.get("psf", (None,))[0],
        notes=tuple(notes),
    )


def _chosen(hdus: Sequence[Any], roles: list[str | None], image: int | str | None) -> int:
    if image is None:
        if "image" not in roles:
            raise InputError("no two-dimensional image among its HDUs")
        return roles.index("image")
    for index, hdu in enumerate(hdus):
        if image in (index, hdu.name):
            if roles[index] is None:
                raise InputError(f"HDU {image} is not a two-dimensional image")
            return index
    raise InputError(f"no HDU {image!r}: it has {[hdu.name or i for i, hdu in enumerate(hdus)]}")


def _role(hdu: Any) -> str | None:
    if not hdu.is_image or len(hdu.shape) != 2 or 0 in hdu.shape:
        return None
    header = hdu.header
    names = {str(header.get(key, "")).strip().upper() for key in ("EXTNAME", "EXTTYPE")}
    if any(key.startswith("MP_") for key in header) or names & _MASK:
        return "mask"
    if names & _PSF:
        return "psf"
    if names & _WEIGHT:
        return "weight"
    if names & _SIGMA:
        return "sigma"
    if names & _VARIANCE:
        utype = str(header.get("UTYPE", "")).strip().upper()
        return _UTYPE.get(utype, "variance")
    return "image"


def pixels(hdu: Any, rows: slice = slice(None), columns: slice = slice(None)) -> FloatArray:
    """Pixels of a window of an HDU, read without the rest of it.

    Raises
    ------
    InputError
        If the window has more than 2**28 pixels or cannot be read.
    """
    height = len(range(*rows.indices(hdu.shape[0])))
    width = len(range(*columns.indices(hdu.shape[1])))
    tile = 1
    for side in getattr(hdu, "tile_shape", None) or ():
        tile *= int(side)
    if max(height * width, tile) > _MAX_PIXELS:
        raise InputError(f"a window of {height} x {width} pixels is more than {_MAX_PIXELS}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            data = np.asarray(hdu.section[rows, columns])
    except Exception as exc:  # astropy raises almost anything on damaged data
        raise InputError(f"pixels of HDU {hdu.name!r} are not readable: {exc}") from exc
    return data.astype(data.dtype.newbyteorder("="), copy=False)


def to_variance(values: FloatArray, form: str) -> FloatArray:
    """Variance from a variance, standard deviation or inverse variance.

    A weight of zero or less says that the pixel is not known: its variance is NaN.
    """
    if form == "sigma":
        return np.where(values >= 0, values, np.nan) ** 2
    if form == "weight":
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(values > 0, 1.0 / values, np.nan)
    return values
