"""Sky coordinates: the tangent plane of a stamp's grids, and that of a parent at a source."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from astropy.coordinates import ICRS, SkyCoord
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

from ..errors import InputError
from ..planes import Wcs

if TYPE_CHECKING:
    from ..stamp import Stamp

__all__ = ["grid_position", "level_wcs", "mosaic_wcs", "parent_cd", "parent_cds", "tangent_wcs"]

FloatArray = npt.NDArray[np.float64]
SkyFunction = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

_FLAT: float = 1e-6
"""Area of a pixel, relative to its longest side squared, below which it has none (float32)."""


def grid_position(stamp: Stamp, k: int | None) -> tuple[float, float]:
    """Position of the source in a level or in the mosaic, by [PL-6] and [PL-7].

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    k : int or None
        Level, or None for the mosaic.

    Returns
    -------
    x, y : float
        Position [pixel of that grid, 0-based, centres at integers].

    Raises
    ------
    InputError
        If the stamp has no level `k`.
    """
    layout = stamp.layout
    if k is None:
        size, origin = 1, layout.origins[-1]
    else:
        size, origin = layout.pixel_sizes[checked_level(stamp, k)], layout.origins[k]
    return (float(stamp.dx) - origin) / size - 0.5, (float(stamp.dy) - origin) / size - 0.5


def checked_level(stamp: Stamp, k: int) -> int:
    """Return `k` if the stamp has such a level; raise `InputError` otherwise."""
    if not 0 <= k < stamp.n:
        raise InputError(f"level must be 0 to {stamp.n - 1}, not {k}")
    return k


def tangent_wcs(wcs: Wcs, x: float, y: float, *, scale: float = 1.0, side: int = 0) -> WCS:
    """TAN projection with the source at 0-based pixel (x, y) of a grid.

    Parameters
    ----------
    wcs : Wcs
        Sky position of the source and CD matrix of the base pixel.
    x, y : float
        Position of the source in the grid [pixel, 0-based].
    scale : float
        Side of the grid's pixels [base pixel].
    side : int
        Pixels along each axis of the grid; 0 leaves the shape open.

    Returns
    -------
    astropy.wcs.WCS
        ICRS, degrees.
    """
    tan = WCS(naxis=2)
    tan.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    tan.wcs.cunit = ["deg", "deg"]
    tan.wcs.radesys = "ICRS"
    tan.wcs.crval = [wcs.ra, wcs.dec]
    tan.wcs.crpix = [x + 1.0, y + 1.0]
    tan.wcs.cd = scale * wcs.cd
    tan.wcs.set()
    if side:
        tan.pixel_shape = (side, side)
    return tan


def level_wcs(stamp: Stamp, k: int) -> WCS:
    """Sky coordinates of level `k` [PL-7].

    Parameters
    ----------
    stamp : Stamp
        A stamp with a WCS.
    k : int
        Level, 0 to n - 1.

    Returns
    -------
    astropy.wcs.WCS
        TAN projection over the 15x15 grid.

    Raises
    ------
    InputError
        If the stamp has no WCS or no level `k`.
    """
    x, y = grid_position(stamp, k)
    size = stamp.layout.pixel_sizes[k]
    return tangent_wcs(_wcs_of(stamp), x, y, scale=size, side=15)


def mosaic_wcs(stamp: Stamp) -> WCS:
    """Sky coordinates of the mosaic [PL-7].

    Parameters
    ----------
    stamp : Stamp
        A stamp with a WCS.

    Returns
    -------
    astropy.wcs.WCS
        TAN projection over (15 * 2**(n-1)) squared base pixels.

    Raises
    ------
    InputError
        If the stamp has no WCS.
    """
    x, y = grid_position(stamp, None)
    return tangent_wcs(_wcs_of(stamp), x, y, side=stamp.layout.side)


def _wcs_of(stamp: Stamp) -> Wcs:
    if stamp.wcs is None:
        raise InputError("the stamp has no WCS")
    return stamp.wcs


def parent_cd(wcs: WCS, x: float, y: float) -> Wcs:
    """Tangent plane of a parent image at a source.

    The CD matrix is the Jacobian, by central differences over one pixel, of the gnomonic
    projection about the source (Calabretta & Greisen 2002, A&A 395, 1077, Sections 2.2 and
    5.1.3); so distortions (SIP, TPV, ...), any projection and any celestial frame are allowed.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        The parent's. Without CTYPE it is read as in today's LSST cutouts: a tangent plane,
        ICRS, with tangent point CRVAL at CRPIX.
    x, y : float
        Source position in the parent [pixel, 0-based, centres at integers].

    Returns
    -------
    Wcs
        ICRS position of the source and CD matrix of the parent's pixel there [deg/pixel].

    Raises
    ------
    InputError
        If the WCS is not celestial, or gives no sky position or no area at the source.
    """
    return parent_cds(wcs, np.array([x], dtype=np.float64), np.array([y], dtype=np.float64))[0]


def parent_cds(wcs: WCS, xs: FloatArray, ys: FloatArray) -> list[Wcs]:
    """Tangent planes of one parent image at many sources; see `parent_cd`.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        The parent's.
    xs, ys : ndarray of float64, shape (B,)
        Source positions in the parent [pixel, 0-based].

    Returns
    -------
    list of Wcs, length B
    """
    # The source itself, then its neighbours half a pixel away along +x, -x, +y, -y.
    ra, dec = _sky_function(wcs)(
        (xs + np.array([[0.0], [0.5], [-0.5], [0.0], [0.0]])).ravel(),
        (ys + np.array([[0.0], [0.0], [0.0], [0.5], [-0.5]])).ravel(),
    )
    ra, dec = ra.reshape(5, -1), dec.reshape(5, -1)
    known = np.isfinite(ra).all(axis=0) & np.isfinite(dec).all(axis=0)
    if not known.all():
        worst = int(np.argmin(known))
        raise InputError(f"the WCS gives no sky position at pixel ({xs[worst]}, {ys[worst]})")
    # A negative angle below half an ulp of 360 comes out of the modulus as 360 itself.
    ra0, dec0 = ra[0] % 360.0 % 360.0, dec[0]
    xi, eta = _gnomonic(ra[1:], dec[1:], ra0, dec0)
    cd = np.stack([xi[0] - xi[1], xi[2] - xi[3], eta[0] - eta[1], eta[2] - eta[3]], axis=-1)
    size = np.abs(cd).max(axis=-1)
    unit = cd / np.where(size > 0, size, 1.0)[:, None]
    area = np.abs(unit[:, 0] * unit[:, 3] - unit[:, 1] * unit[:, 2])
    usable = np.isfinite(size) & (area > _FLAT)
    if not usable.all():
        worst = int(np.argmin(usable))
        raise InputError(f"the WCS has no finite pixel area at ({xs[worst]}, {ys[worst]})")
    return [Wcs(float(a), float(d), *map(float, m)) for a, d, m in zip(ra0, dec0, cd, strict=True)]


def _sky_function(wcs: WCS) -> SkyFunction:
    """Return a function from 0-based pixels to ICRS degrees."""
    if wcs.has_celestial:
        plane = wcs if wcs.naxis == 2 else wcs.celestial
    elif wcs.naxis == 2 and not any(ctype.strip() for ctype in wcs.wcs.ctype):
        plane = _plane_without_ctype(wcs)
    else:
        raise InputError(f"the WCS is not celestial: CTYPE {list(wcs.wcs.ctype)}")
    frame = wcs_to_celestial_frame(plane)

    def sky(xs: FloatArray, ys: FloatArray) -> tuple[FloatArray, FloatArray]:
        lon, lat = plane.all_pix2world(xs, ys, 0)
        if plane.wcs.lng == 1:
            lon, lat = lat, lon
        if isinstance(frame, ICRS) or not np.isfinite(lon + lat).all():
            return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        icrs = SkyCoord(lon, lat, unit="deg", frame=frame).icrs
        return np.asarray(icrs.ra.deg), np.asarray(icrs.dec.deg)

    return sky


def _plane_without_ctype(wcs: WCS) -> WCS:
    crval, crpix, cd = wcs.wcs.crval, wcs.wcs.crpix, wcs.pixel_scale_matrix
    if not crval.any() and not crpix.any() and np.array_equal(cd, np.eye(2)):
        raise InputError("the WCS is empty: no CTYPE, CRVAL, CRPIX or CD")
    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.cunit = ["deg", "deg"]
    plane.wcs.radesys = "ICRS"
    plane.wcs.crval, plane.wcs.crpix, plane.wcs.cd = crval, crpix, cd
    return plane


def _gnomonic(
    ra: FloatArray, dec: FloatArray, ra0: FloatArray, dec0: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Project on the tangent plane at (ra0, dec0), everything in degrees."""
    lon = np.radians(ra - ra0)
    lat, lat0 = np.radians(dec), np.radians(dec0)
    depth = np.sin(lat) * np.sin(lat0) + np.cos(lat) * np.cos(lat0) * np.cos(lon)
    xi = np.cos(lat) * np.sin(lon) / depth
    # The same numerator as sin(lat)cos(lat0) - cos(lat)sin(lat0)cos(lon), without cancellation.
    eta = np.sin(lat - lat0) + 2.0 * np.cos(lat) * np.sin(lat0) * np.sin(lon / 2.0) ** 2
    return np.degrees(xi), np.degrees(eta / depth)
