"""Where the source is in its parent image."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from ..errors import HstampError, InputError, as_hstamp_error
from ..fitswcs import SkyPlane, has_ctype, sky_plane
from ..tangent import Wcs, gnomonic, parent_cd
from .wcscards import HeaderWcs, header_wcs, read_header_wcs

__all__ = [
    "HeaderWcs",
    "header_wcs",
    "is_source_plane",
    "pixel_of",
    "plane_at",
    "read_header_wcs",
]

SAME_PLACE: Final = 1e-8
"""Difference below which two coordinates are one place [deg]; 36 microarcsec."""
_STEPS: Final = 20
"""Newton steps after which a position is given up; the distortions of telescopes need three."""
_SETTLED: Final = 1e-7
"""Step below which a position is found [pixel]."""
_CLOSE: Final = 1e-3
"""Step beyond which a position is not found [pixel]."""
_DECIMALS: Final = 6
"""Digits of a pixel that sky coordinates in float64 can tell on every machine: the pixel of a
source on a pixel's edge must not hang on the last bit of a sine."""


def is_source_plane(wcs: WCS) -> bool:
    """Whether a WCS is of the kind in today's LSST cutouts: see `hstamp.fitswcs.has_ctype`."""
    return not has_ctype(wcs)


def plane_at(wcs: WCS | None, x: float, y: float) -> tuple[Wcs | None, tuple[str, ...]]:
    """Tangent plane at a pixel that is known without the WCS.

    Parameters
    ----------
    wcs : WCS or None
        The parent's.
    x, y : float
        Source position [pixel, 0-based].

    Returns
    -------
    plane : Wcs or None
        None where the WCS gives none.
    notes : tuple of str
        Why it gives none.
    """
    if wcs is None:
        return None, ()
    try:
        return parent_cd(wcs, x, y), ()
    except HstampError as error:
        return None, (f"WCS left out: {error.reason}",)


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
    plane = sky_plane(wcs)
    if not has_ctype(wcs):
        crval, crpix = plane.wcs.wcs.crval, plane.wcs.wcs.crpix
        turn = (crval[0] - ra + 180.0) % 360.0 - 180.0
        if max(abs(turn), abs(crval[1] - dec)) < SAME_PLACE:
            # The usual case, kept free of rounding: the header states the source's pixel.
            return float(crpix[0]) - 1.0, float(crpix[1]) - 1.0
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", AstropyWarning)
            x, y = _refined(wcs, ra, dec, *_first_guess(plane, ra, dec))
    except Exception as exc:  # wcslib's own, and what astropy raises for impossible positions
        reason = as_hstamp_error(exc).reason
        raise InputError(f"the WCS gives no pixel for ({ra}, {dec}): {reason}") from exc
    return x, y


def _first_guess(plane: SkyPlane, ra: float, dec: float) -> tuple[float, float]:
    """Pixel by astropy's inversion, or without the distortions where that does not converge."""
    from astropy.wcs import NoConvergence

    world = plane.world(ra, dec)
    try:
        x, y = plane.wcs.all_world2pix(*world, 0)
    except NoConvergence:
        x, y = plane.wcs.wcs_world2pix(*world, 0)
    if not (np.isfinite(x) and np.isfinite(y)):
        raise InputError("it is outside the projection")
    return float(x), float(y)


def _refined(wcs: WCS, ra: float, dec: float, x: float, y: float) -> tuple[float, float]:
    """Check a position against the sky it stands for, and mend it by Newton's method.

    astropy stops its inversion within 1e-4 pixel, and projections can answer with another branch.
    """
    size = np.inf
    for _ in range(_STEPS):
        here = parent_cd(wcs, x, y)
        offset = np.array(gnomonic(ra, dec, here.ra, here.dec))
        step = np.linalg.solve(here.cd, offset)
        size = float(np.abs(step).max())
        if not size >= _SETTLED:
            break
        x, y = x + float(step[0]), y + float(step[1])
    # Projections that are inverted by iteration (ZPN) do not settle to the last digit.
    if not size < _CLOSE:
        raise InputError("its inverse does not converge there")
    return round(x, _DECIMALS), round(y, _DECIMALS)
