"""Stamps laid out as today's LSST alert cutouts, for code that reads those.

The layout was read off real alerts of schemas 7.4 to 10.0: a primary HDU with the image
(float32), ``UNCERT`` with the variance (float32) and ``PSFIMAGE`` (float64), each header one
FITS block of 2,880 bytes, so that a 30x30 cutout has its data at bytes 2,880, 11,520 and 20,160.
"""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ..errors import InputError
from .legacy_ztf import SIDE as ZTF_SIDE
from .legacy_ztf import looks_like_ztf, to_ztf_fits
from .units import bunit

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["PSF_SIZE", "SIZE", "OnDetector", "legacy_of_alert", "on_detector", "to_legacy_fits"]

SIZE: Final = 30
"""Side of most of today's cutouts [base pixel]."""
PSF_SIZE: Final = 41
"""Side of the PSF in today's science and difference cutouts [base pixel]."""


@dataclass(frozen=True)
class OnDetector:
    """What an alert's cutout says and a stamp does not know.

    Attributes
    ----------
    rotpa : float or None
        Position angle of the focal plane's +Y with respect to north [deg], as LSST's ``ROTPA``.
    corner : (int, int) or None
        ``CUTMINX`` and ``CUTMINY``: the parent's coordinates of the cutout's first pixel.
    crpix : (float, float) or None
        ``CRPIX1`` and ``CRPIX2`` of that cutout [pixel, 1-based].
    """

    rotpa: float | None = None
    corner: tuple[int, int] | None = None
    crpix: tuple[float, float] | None = None

    def corner_of(self, stamp: Stamp, size: int = SIZE) -> tuple[int, int] | None:
        """`corner` for the view of another size: the same source at the same parent pixel.

        None where the cutout says nothing, or its source is not that of the stamp.
        """
        if self.corner is None or self.crpix is None:
            return None
        centre = size / 2 + 0.5
        moved = [old - (centre + new) for old, new in zip(self.crpix, _offset(stamp), strict=True)]
        # Offsets are float32, and whole pixels lie between two windows on the same source.
        if any(abs(step - round(step)) > 1e-3 for step in moved):
            return None
        return self.corner[0] + round(moved[0]), self.corner[1] + round(moved[1])


def on_detector(cutout: bytes) -> OnDetector:
    """Read ROTPA, CUTMINX and CUTMINY from the cutout of an LSST alert.

    Parameters
    ----------
    cutout : bytes
        The alert's FITS cutout.

    Returns
    -------
    OnDetector
        What its primary header says; nothing for bytes that are no FITS file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged card elsewhere is not this reader's matter
            header = fits.Header.fromfile(io.BytesIO(cutout), endcard=True)
            numbers = {key: _number(header, key) for key in _READ}
    except Exception:  # optional cards never cost the view, whatever a damaged cutout raises
        return OnDetector()
    corner = numbers["CUTMINX"], numbers["CUTMINY"]
    crpix = numbers["CRPIX1"], numbers["CRPIX2"]
    return OnDetector(
        numbers["ROTPA"],
        None if corner[0] is None or corner[1] is None else (int(corner[0]), int(corner[1])),
        None if crpix[0] is None or crpix[1] is None else (crpix[0], crpix[1]),
    )


_READ: Final = ("ROTPA", "CUTMINX", "CUTMINY", "CRPIX1", "CRPIX2")


def _number(header: fits.Header, keyword: str) -> float | None:
    """Value of a card; None where it is absent, unreadable or not finite."""
    try:
        value = header.get(keyword)
    except (ValueError, fits.VerifyError):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def to_legacy_fits(
    stamp: Stamp,
    size: int | None = None,
    *,
    survey: Literal["lsst", "ztf"] | None = None,
    psf_size: int | None = PSF_SIZE,
    corner: tuple[int, int] | None = None,
    rotpa: float | None = None,
) -> bytes:
    """Stamp as the bytes of an LSST cutout, or of ZTF's.

    LSST's cutout is cut from the mosaic with the reference corner at its centre. Beyond the 14x14
    core it is as coarse as the stamp: a base pixel has the value of the mosaic and the variance
    of the stored pixel that contains it. The WCS is today's: a tangent plane at the source, without
    CTYPE. A plane that the stamp lacks has no HDU.

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    size : int, optional
        Side of the cutout [base pixel], by default 30, and 63 for ZTF. For LSST even and 2 to the
        mosaic's side: levels k >= 2 are not centred on the reference corner, so that the largest
        cutouts reach a few rows and columns (1, 1, 3, 5 for n = 3, 4, 5, 6) beyond the stamp;
        these are missing (NaN). For ZTF odd, see `hstamp.export.legacy_ztf.to_ztf_fits`.
    survey : {'lsst', 'ztf'}, optional
        Whose cutout. By default ZTF's for a side of 63 and for stamps with ZTF's pixels (1 arcsec
        by the WCS; without one, at most three levels in DN), LSST's for all others.
    psf_size : int or None
        A smaller PSF is padded with zeros to this odd side, since today's are 41x41; None
        leaves it as it is. LSST only.
    corner : (int, int) or None
        Values of the cards CUTMINX and CUTMINY, which the stamp does not know: the parent's
        coordinates of the cutout's first pixel, such that CRPIX + CUTMIN is the source's
        position in the parent. Without them the cards are left out. LSST only.
    rotpa : float or None
        Value of the card ROTPA [deg], by which readers turn cutouts: the position angle of the
        focal plane's +Y, which is not the angle of the CD matrix (0.2 to 0.9 degrees apart in
        real alerts). `on_detector` reads it from the alert's cutout. LSST only.

    Returns
    -------
    bytes
        A FITS file, gzipped for ZTF.

    Raises
    ------
    InputError
        If an argument is not as described.
    """
    if survey not in (None, "lsst", "ztf"):
        raise InputError(f"survey must be 'lsst' or 'ztf', not {survey!r}")
    if (survey or _survey_of(stamp, size)) == "ztf":
        if corner is not None or rotpa is not None:
            raise InputError("a ZTF cutout has no cards for corner and rotpa")
        return to_ztf_fits(stamp, ZTF_SIDE if size is None else size)
    side, size = stamp.layout.side, SIZE if size is None else size
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise InputError(f"size must be an integer, not {size!r}")
    if size % 2 or not 2 <= size <= side:
        raise InputError(f"size must be even and 2 to {side}, not {size}")
    if rotpa is not None and not math.isfinite(rotpa):
        raise InputError(f"rotpa must be an angle in degrees, not {rotpa}")
    hdus: list[Any] = [_image_hdu(stamp, int(size), corner, rotpa)]
    if stamp.variance is not None:
        hdus.append(_variance_hdu(stamp, int(size)))
    if stamp.psf is not None:
        hdus.append(_psf_hdu(stamp, psf_size))
    buffer = io.BytesIO()
    fits.HDUList(hdus).writeto(buffer)
    return buffer.getvalue()


def legacy_of_alert(
    stamp: Stamp,
    cutout: bytes | None,
    size: int | None = None,
    survey: Literal["lsst", "ztf"] | None = None,
) -> bytes:
    """View of an alert's stamp, with what the alert's cutout of the same image says.

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    cutout : bytes or None
        The alert's cutout, where it still has it.
    size, survey
        As in `to_legacy_fits`.

    Raises
    ------
    InputError
        As `to_legacy_fits`.
    """
    survey = survey or _survey_of(stamp, size)
    if survey == "ztf":
        return to_legacy_fits(stamp, size, survey=survey)
    known = OnDetector() if cutout is None else on_detector(cutout)
    corner = known.corner_of(stamp, SIZE if size is None else size)
    return to_legacy_fits(stamp, size, survey=survey, corner=corner, rotpa=known.rotpa)


def _survey_of(stamp: Stamp, size: int | None) -> Literal["lsst", "ztf"]:
    return "ztf" if size == ZTF_SIDE or looks_like_ztf(stamp) else "lsst"


def _offset(stamp: Stamp) -> tuple[float, float]:
    return float(stamp.dx), float(stamp.dy)


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


def _image_hdu(
    stamp: Stamp, size: int, corner: tuple[int, int] | None, rotpa: float | None
) -> fits.PrimaryHDU:
    hdu = fits.PrimaryHDU(_cut(stamp, "image", size))
    # Always present in today's primary header, because extensions follow.
    hdu.header["EXTEND"] = True
    cards = fits.Header()
    if corner is not None:
        cards["CUTMINX"], cards["CUTMINY"] = int(corner[0]), int(corner[1])
    if rotpa is not None:
        cards["ROTPA"] = (float(rotpa), "Pos angle in deg of focal plane +Y wrt North")
    if unit := bunit(stamp.flux_unit):
        cards["BUNIT"] = unit
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
