"""Stamps as FITS files: one WCS-correct image per level and plane, and the mosaic."""

from __future__ import annotations

import gzip
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ..errors import InputError
from ..outputs import atomic_writer
from .headers import describe, mask_cards
from .units import bunit
from .wcs import grid_position, level_wcs, mosaic_wcs

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["PLANES", "WHAT", "to_fits", "to_hdulist"]

WHAT: Final = ("levels", "mosaic")
PLANES: Final = ("image", "variance", "mask", "psf")
# In front of the grid's name: DS9 takes a name for the start of any extension's, but not of the
# primary's, so that [MOSAIC] would open MOSAIC_VARIANCE.
_PREFIX: Final = {"image": "", "variance": "VARIANCE_", "mask": "MASK_"}
_FIXED_STAMP: Final = "hstamp"


def to_hdulist(
    stamp: Stamp,
    what: Collection[str] = WHAT,
    planes: Collection[str] = PLANES,
) -> fits.HDUList:
    """Stamp as FITS extensions.

    The primary HDU holds the image of the mosaic (or, without it, of level 0), so that a viewer
    that knows nothing of extensions shows the stamp. Then come ``VARIANCE_MOSAIC`` and
    ``MASK_MOSAIC``; ``LEVEL0``, ``VARIANCE_LEVEL0``, ``MASK_LEVEL0``, ``LEVEL1`` and so on; and
    ``PSF``. Planes that the stamp does not have are left out. Image values are means per base
    pixel at every level; the card ``HSSCALE`` is the side of a pixel in base pixels, so that
    value x HSSCALE**2 is a flux. The mosaic is that of
    `Stamp.mosaic`, whose sum is flux; its variance is that of the stored pixel that contains each
    base pixel.

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    what : collection of {"levels", "mosaic"}
        Grids to write.
    planes : collection of {"image", "variance", "mask", "psf"}
        Planes to write, at least ``"image"``.

    Returns
    -------
    astropy.io.fits.HDUList
        Images float32 in the stamp's flux unit, NaN where missing; variances float32 in its
        square; masks int32 with their plane names in ``MP_`` cards, as LSST's afw writes them;
        the PSF float32 on base pixels. Each grid has a TAN WCS, and an alternative one, ``P``, in
        base pixels from the source, which is the only one of a stamp without position.

    Raises
    ------
    InputError
        If `what` or `planes` names something else, or nothing to write.
    """
    _check_choice("what", what, WHAT)
    _check_choice("planes", planes, PLANES)
    if "image" not in planes:
        raise InputError("planes must contain 'image'")
    grids: list[int | None] = []
    if "mosaic" in what:
        grids.append(None)
    if "levels" in what:
        grids.extend(range(stamp.n))
    hdus: list[Any] = []
    for k in grids:
        hdus.extend(_grid_hdus(stamp, k, planes, first=not hdus))
    if "psf" in planes and stamp.psf is not None:
        hdus.append(_psf_hdu(stamp))
    return fits.HDUList(hdus)


def to_fits(
    stamp: Stamp,
    path: str | os.PathLike[str],
    overwrite: bool = False,
    *,
    what: Collection[str] = WHAT,
    planes: Collection[str] = PLANES,
) -> None:
    """Write a stamp to a FITS file with checksums.

    Equal stamps give equal files. The file appears under its name only when it is complete.

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    path : str or path-like
        File to write; a name that ends in ``.gz`` is compressed.
    overwrite : bool
        Replace an existing file.
    what, planes : collection of str
        As in `to_hdulist`.

    Raises
    ------
    FileExistsError
        If the file exists and `overwrite` is false.
    InputError
        As in `to_hdulist`.
    OutputError
        If the file cannot be written.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists; pass overwrite=True to replace it")
    hdulist = to_hdulist(stamp, what, planes)
    for hdu in hdulist:
        # astropy puts the date of the checksum into the comment, which would make files differ.
        hdu.add_checksum(when=_FIXED_STAMP)
    with atomic_writer(target) as stream:
        if target.suffix != ".gz":
            hdulist.writeto(stream)
            return
        with gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as packed:
            hdulist.writeto(packed)


def _check_choice(name: str, chosen: Collection[str], known: tuple[str, ...]) -> None:
    if isinstance(chosen, str):
        raise InputError(f"{name} must be a collection of names, such as ({chosen!r},)")
    unknown = sorted(set(chosen) - set(known))
    if unknown or not chosen:
        raise InputError(f"{name} must be some of {', '.join(known)}, not {unknown or 'nothing'}")


def _grid_hdus(
    stamp: Stamp, k: int | None, planes: Collection[str], *, first: bool
) -> Iterator[Any]:
    """HDUs of a level, or of the mosaic where `k` is None."""
    name = "MOSAIC" if k is None else f"LEVEL{k}"
    for plane in ("image", "variance", "mask"):
        data = _plane_data(stamp, k, plane) if plane in planes else None
        if data is None:
            continue
        header = _grid_header(stamp, k)
        if plane == "mask":
            header.update(mask_cards(stamp.mask_planes))
        elif unit := bunit(stamp.flux_unit, 2 if plane == "variance" else 1):
            header["BUNIT"] = (unit, "per base pixel")
        if first:
            yield _primary(data, header, name)
            first = False
        else:
            yield fits.ImageHDU(data, header, name=_PREFIX[plane] + name)


def _primary(data: npt.NDArray[Any], header: fits.Header, name: str) -> fits.PrimaryHDU:
    hdu = fits.PrimaryHDU(data, header)
    hdu.header["EXTNAME"] = (name, "extension name")
    return hdu


def _plane_data(stamp: Stamp, k: int | None, plane: str) -> npt.NDArray[Any] | None:
    if plane != "image" and getattr(stamp, plane) is None:
        return None
    if k is None:
        data = stamp.mosaic(plane)
    else:
        data = (stamp.levels if plane == "image" else getattr(stamp, plane))[k]
    # FITS has no unsigned integers: 32 bits hold all 16 planes without an offset (BZERO).
    dtype = np.int32 if plane == "mask" else np.float32
    return np.asarray(data, dtype=dtype)


def _grid_header(stamp: Stamp, k: int | None) -> fits.Header:
    header = describe(stamp)
    size = 1 if k is None else stamp.layout.pixel_sizes[k]
    if k is not None:
        header["HSLEVEL"] = (k, "level, 0 is the finest")
    header["HSSCALE"] = (size, "[pix] side of a pixel in base pixels")
    header["HSORIGIN"] = (
        stamp.layout.origins[-1 if k is None else k],
        "[pix] first base offset from reference corner",
    )
    if k == 0:
        header["COMMENT"] = "The last row and the last column are derived from level 1."
    if stamp.wcs is not None:
        wcs = mosaic_wcs(stamp) if k is None else level_wcs(stamp, k)
        header.update(_sky_cards(wcs))
    # A header with P alone is one in which astropy finds no WCS and stops.
    for key in ("P",) if stamp.wcs is not None else ("", "P"):
        for axis, position in enumerate(grid_position(stamp, k), start=1):
            header[f"CTYPE{axis}{key}"] = ("xy"[axis - 1], "base pixels from the source")
            header[f"CRPIX{axis}{key}"] = position + 1.0
            header[f"CRVAL{axis}{key}"] = 0.0
            header[f"CDELT{axis}{key}"] = float(size)
    header["WCSNAMEP"] = "PHYSICAL"
    return header


def _sky_cards(wcs: Any) -> fits.Header:
    """Cards of a TAN WCS; all four CD elements, since many readers take CD and few take PC."""
    header = fits.Header()
    tan = wcs.wcs
    header["WCSAXES"] = 2
    for i in (0, 1):
        header[f"CTYPE{i + 1}"] = tan.ctype[i]
        header[f"CUNIT{i + 1}"] = "deg"
        header[f"CRPIX{i + 1}"] = (float(tan.crpix[i]), "the source")
        header[f"CRVAL{i + 1}"] = float(tan.crval[i])
        for j in (0, 1):
            header[f"CD{i + 1}_{j + 1}"] = float(tan.cd[i, j])
    header["RADESYS"] = "ICRS"
    return header


def _psf_hdu(stamp: Stamp) -> fits.ImageHDU:
    header = describe(stamp)
    header["HSSCALE"] = (1, "[pix] side of a pixel in base pixels")
    header["COMMENT"] = "Point-spread function, sum 1, centred on the central pixel."
    return fits.ImageHDU(np.asarray(stamp.psf, dtype=np.float32), header, name="PSF")
