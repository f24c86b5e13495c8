"""Stamps laid out as today's LSST alert cutouts, for code that reads those.

The layout was read off real alerts of schemas 7.4 to 10.0: a primary HDU with the image
(float32), ``UNCERT`` with the variance (float32) and ``PSFIMAGE`` (float64), each header one
FITS block of 2,880 bytes, so that a 30x30 cutout has its data at bytes 2,880, 11,520 and 20,160.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ..errors import InputError

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["PSF_SIZE", "SIZE", "to_legacy_fits"]

SIZE: Final = 30
"""Side of most of today's cutouts [base pixel]."""
PSF_SIZE: Final = 41
"""Side of the PSF in today's science and difference cutouts [base pixel]."""


def to_legacy_fits(
    stamp: Stamp,
    size: int = SIZE,
    *,
    psf_size: int | None = PSF_SIZE,
    corner: tuple[int, int] | None = None,
) -> bytes:
    """Stamp as the bytes of an LSST cutout.

    The cutout is cut from the mosaic with the reference corner at its centre. Beyond the 14x14
    core it is as coarse as the stamp: a base pixel has the value of the mosaic and the variance
    of the stored pixel that contains it. The WCS is today's: a tangent plane at the source, without
    CTYPE. A plane that the stamp lacks has no HDU.

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    size : int
        Side of the cutout [base pixel]: even, 2 to the mosaic's side. Levels k >= 2 are not
        centred on the reference corner, so that the largest cutouts reach a few rows and columns
        (1, 1, 3, 5 for n = 3, 4, 5, 6) beyond the stamp; these are missing (NaN).
    psf_size : int or None
        A smaller PSF is padded with zeros to this odd side, since today's are 41x41; None
        leaves it as it is.
    corner : (int, int) or None
        Values of the cards CUTMINX and CUTMINY, which the stamp does not know: the parent's
        coordinates of the cutout's first pixel, such that CRPIX + CUTMIN is the source's
        position in the parent. Without them the cards are left out.

    Returns
    -------
    bytes
        A FITS file.

    Raises
    ------
    InputError
        If `size` or `psf_size` is not as described.
    """
    side = stamp.layout.side
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise InputError(f"size must be an integer, not {size!r}")
    if size % 2 or not 2 <= size <= side:
        raise InputError(f"size must be even and 2 to {side}, not {size}")
    hdus: list[Any] = [_image_hdu(stamp, int(size), corner)]
    if stamp.variance is not None:
        hdus.append(_variance_hdu(stamp, int(size)))
    if stamp.psf is not None:
        hdus.append(_psf_hdu(stamp, psf_size))
    buffer = io.BytesIO()
    fits.HDUList(hdus).writeto(buffer)
    return buffer.getvalue()


def _cut(stamp: Stamp, plane: str, size: int) -> npt.NDArray[np.float32]:
    """Window of `size` base pixels around the reference corner; NaN beyond the mosaic."""
    mosaic = stamp.mosaic(plane)
    corner = -stamp.layout.origins[-1]
    low, high = corner - size // 2, corner + size // 2
    cut = np.full((size, size), np.nan, dtype=np.float32)
    inside = slice(max(low, 0), min(high, len(mosaic)))
    window = slice(inside.start - low, inside.stop - low)
    cut[window, window] = mosaic[inside, inside]
    return cut


def _image_hdu(stamp: Stamp, size: int, corner: tuple[int, int] | None) -> fits.PrimaryHDU:
    hdu = fits.PrimaryHDU(_cut(stamp, "image", size))
    # Always present in today's primary header, because extensions follow.
    hdu.header["EXTEND"] = True
    cards = fits.Header()
    if corner is not None:
        cards["CUTMINX"], cards["CUTMINY"] = int(corner[0]), int(corner[1])
    cards["BUNIT"] = stamp.flux_unit
    if stamp.wcs is not None:
        cards.update(_wcs_cards(stamp, size))
    hdu.header.extend(cards)
    hdu.header.comments["EXTEND"] = ""
    return hdu


def _wcs_cards(stamp: Stamp, size: int) -> fits.Header:
    """Cards of today's WCS in their order, including those that wcslib omits at default values."""
    wcs = stamp.wcs
    if wcs is None:
        raise InputError("the stamp has no WCS")
    centre = size / 2 + 0.5
    element, increment = "Coordinate transformation matrix element", "Coordinate increment at "
    point, value = "Pixel coordinate of reference point", "Coordinate value at reference point"
    cards: list[tuple[str, float, str]] = [
        ("CRPIX1", centre + float(stamp.dx), point),
        ("CRPIX2", centre + float(stamp.dy), point),
        ("PC1_1", wcs.cd1_1, element),
        ("PC1_2", wcs.cd1_2, element),
        ("PC2_1", wcs.cd2_1, element),
        ("PC2_2", wcs.cd2_2, element),
        ("CDELT1", 1.0, increment + "reference point"),
        ("CDELT2", 1.0, increment + "reference point"),
        ("CRVAL1", wcs.ra, value),
        ("CRVAL2", wcs.dec, value),
        ("LATPOLE", 90.0, "[deg] Native latitude of celestial pole"),
        ("MJDREF", 0.0, "[d] MJD of fiducial time"),
    ]
    header = fits.Header([("WCSAXES", 2, "Number of coordinate axes")])
    for keyword, number, comment in cards:
        # wcslib writes 14 significant digits, and so do today's cutouts.
        header.append((keyword, float(f"{number:.13e}"), comment))
    return header


def _variance_hdu(stamp: Stamp, size: int) -> fits.ImageHDU:
    hdu = fits.ImageHDU(_cut(stamp, "variance", size))
    hdu.header["UTYPE"] = "VarianceUncertainty"
    hdu.header["EXTNAME"] = ("UNCERT", "extension name")
    return hdu


def _psf_hdu(stamp: Stamp, psf_size: int | None) -> fits.ImageHDU:
    psf = np.asarray(stamp.psf, dtype=np.float64)
    if psf_size is not None:
        if psf_size % 2 == 0 or psf_size < 1:
            raise InputError(f"psf_size must be odd and positive, not {psf_size}")
        margin = max(0, (psf_size - len(psf)) // 2)
        psf = np.pad(psf, margin)
    hdu = fits.ImageHDU(psf)
    hdu.header["EXTNAME"] = ("PSFIMAGE", "extension name")
    return hdu
