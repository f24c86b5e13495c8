"""Where the source is in its parent image."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.fits import Header
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from astropy.wcs.utils import skycoord_to_pixel

from ..errors import InputError

__all__ = ["header_wcs", "is_source_plane", "pixel_of"]

SAME_PLACE = 1e-8
"""Difference below which two coordinates are one place [deg]; 36 microarcsec."""


def header_wcs(header: Header) -> WCS | None:
    """WCS of a header; None when it has none."""
    if "CRVAL1" not in header and "CTYPE1" not in header:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return WCS(header, naxis=2)
    except Exception as exc:  # wcslib and astropy raise many kinds on damaged headers
        raise InputError(f"the WCS is not readable: {type(exc).__name__}: {exc}") from exc


def is_source_plane(wcs: WCS) -> bool:
    """Whether a WCS is of the kind in today's LSST cutouts.

    It has no CTYPE, and means a tangent plane that touches the sky at the source: CRPIX is the
    source's 1-based pixel and CRVAL its position.
    """
    return not any(str(ctype).strip() for ctype in wcs.wcs.ctype)


def pixel_of(wcs: WCS, ra: float, dec: float) -> tuple[float, float]:
    """Pixel of a sky position.

    Parameters
    ----------
    wcs : WCS
        Celestial, or of the kind of `is_source_plane`.
    ra, dec : float
        ICRS [deg].

    Returns
    -------
    x, y : float
        Position [pixel, 0-based, centres at integers].

    Raises
    ------
    InputError
        If the WCS does not reach that position.
    """
    plane = wcs
    if is_source_plane(wcs):
        crval, crpix = wcs.wcs.crval, wcs.wcs.crpix
        if np.abs(crval - (ra, dec)).max() < SAME_PLACE:
            # The usual case, kept free of rounding: the header states the source's pixel.
            return float(crpix[0]) - 1.0, float(crpix[1]) - 1.0
        plane = _tangent(wcs)
    elif not wcs.has_celestial:
        raise InputError(f"the WCS is not celestial: CTYPE {list(wcs.wcs.ctype)}")
    try:
        place = SkyCoord(ra * u.deg, dec * u.deg, frame="icrs")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            x, y = skycoord_to_pixel(place, plane, origin=0, mode="all")
    except Exception as exc:  # NoConvergence, ValueError and wcslib's own
        raise InputError(f"the WCS gives no pixel for ({ra}, {dec}): {exc}") from exc
    if not (np.isfinite(x) and np.isfinite(y)):
        raise InputError(f"the WCS gives no pixel for ({ra}, {dec})")
    return float(x), float(y)


def _tangent(wcs: Any) -> WCS:
    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.crval, plane.wcs.crpix = wcs.wcs.crval, wcs.wcs.crpix
    plane.wcs.cd = wcs.pixel_scale_matrix
    plane.wcs.radesys = "ICRS"
    return plane
