"""The tangent plane of a source: Section 6.5 of the specification [PL-7].

A parent's place on the sky is taken in three forms: an astropy WCS, any other WCS with the
interfaces of APE 14 (`doi:10.5281/zenodo.1188875`), or a function from pixels to ICRS degrees.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from .errors import HstampError, InputError, as_hstamp_error

if TYPE_CHECKING:
    from astropy.wcs import WCS
    from astropy.wcs.wcsapi import BaseHighLevelWCS, BaseLowLevelWCS

__all__ = [
    "ParentWcs",
    "SkyFunction",
    "Wcs",
    "has_area",
    "parent_cd",
    "parent_cds",
    "tangent_at",
    "tangent_rows",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
SkyFunction: TypeAlias = Callable[[FloatArray, FloatArray], Any]
"""From 0-based pixels x, y to (ra, dec), ICRS [deg]; or to Quantities, or to a SkyCoord."""
ParentWcs: TypeAlias = "WCS | BaseLowLevelWCS | BaseHighLevelWCS | SkyFunction"

_FLAT: Final = 1e-6
"""Area of a pixel, relative to its longest side squared, below which it has none (float32)."""


@dataclass(frozen=True)
class Wcs:
    """Tangent plane whose tangent point is the source [PL-7].

    Parameters
    ----------
    ra, dec : float
        Source position, ICRS [deg].
    cd1_1, cd1_2, cd2_1, cd2_2 : float
        CD matrix of the base pixel [deg/pixel]; stored as float32.
    """

    ra: float
    dec: float
    cd1_1: float
    cd1_2: float
    cd2_1: float
    cd2_2: float

    @property
    def cd(self) -> npt.NDArray[np.float64]:
        """CD matrix, shape (2, 2) [deg/pixel]."""
        return np.array([[self.cd1_1, self.cd1_2], [self.cd2_1, self.cd2_2]])

    @property
    def pixel_scale(self) -> float:
        """Square root of a base pixel's area on the sky [arcsec]."""
        return float(np.sqrt(abs(np.linalg.det(self.cd)))) * 3600.0

    @classmethod
    def from_astropy(cls, wcs: ParentWcs, x: float, y: float) -> Wcs:
        """Tangent plane at pixel (x, y) of a parent; see `parent_cd`.

        Parameters
        ----------
        wcs : astropy.wcs.WCS, other APE-14 WCS, or callable
            The parent's.
        x, y : float
            Source position in the parent [pixel, 0-based].
        """
        return parent_cd(wcs, x, y)


def parent_cd(wcs: ParentWcs, x: float, y: float) -> Wcs:
    """Tangent plane of a parent image at a source.

    The CD matrix is the Jacobian, by central differences over one pixel, of the gnomonic
    projection about the source (Calabretta & Greisen 2002, A&A 395, 1077, Sections 2.2 and
    5.1.3); so distortions (SIP, TPV, ...), any projection and any celestial frame are allowed.

    Parameters
    ----------
    wcs : astropy.wcs.WCS, other APE-14 WCS, or callable
        The parent's. An astropy WCS without CTYPE is read as in today's LSST cutouts: a tangent
        plane, ICRS, with tangent point CRVAL at CRPIX. A callable gets float64 arrays x and y
        [pixel, 0-based] and returns right ascension and declination, ICRS [deg].
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


def tangent_at(wcs: Wcs | ParentWcs, x: float, y: float) -> Wcs:
    """Tangent plane of a source, given as such or by its parent; see `parent_cd`."""
    return wcs if isinstance(wcs, Wcs) else parent_cd(wcs, float(x), float(y))


def parent_cds(wcs: ParentWcs, xs: FloatArray, ys: FloatArray) -> list[Wcs]:
    """Tangent planes of one parent image at many sources; see `parent_cd`.

    Parameters
    ----------
    wcs : astropy.wcs.WCS, other APE-14 WCS, or callable
        The parent's.
    xs, ys : ndarray of float64, shape (B,)
        Source positions in the parent [pixel, 0-based].

    Returns
    -------
    list of Wcs, length B

    Raises
    ------
    InputError
        As in `parent_cd`, for the first source that has no tangent plane.
    """
    planes = []
    for plane in tangent_rows(wcs, xs, ys):
        if isinstance(plane, InputError):
            raise plane
        planes.append(plane)
    return planes


def tangent_rows(wcs: ParentWcs, xs: FloatArray, ys: FloatArray) -> list[Wcs | InputError]:
    """As `parent_cds`, with an error in the place of each source that has no tangent plane."""
    # The source itself, then its neighbours half a pixel away along +x, -x, +y, -y.
    ra, dec = _positions(
        _sky_function(wcs),
        (xs + np.array([[0.0], [0.5], [-0.5], [0.0], [0.0]])).ravel(),
        (ys + np.array([[0.0], [0.0], [0.0], [0.5], [-0.5]])).ravel(),
    )
    ra, dec = ra.reshape(5, -1), dec.reshape(5, -1)
    known = np.all(np.isfinite(ra) & (np.abs(dec) <= 90.0), axis=0).tolist()
    with np.errstate(all="ignore"):  # what is not known comes out as NaN
        # A negative angle below half an ulp of 360 comes out of the modulus as 360 itself.
        ra0, dec0 = ra[0] % 360.0 % 360.0, dec[0]
        xi, eta = gnomonic(ra[1:], dec[1:], ra0, dec0)
        cd = np.stack([xi[0] - xi[1], xi[2] - xi[3], eta[0] - eta[1], eta[2] - eta[3]], axis=-1)
    planes: list[Wcs | InputError] = []
    for row, (x, y) in enumerate(zip(xs.tolist(), ys.tolist(), strict=True)):
        if not known[row]:
            planes.append(InputError(f"the WCS gives no sky position at pixel ({x}, {y})"))
        elif not has_area(*(matrix := cd[row].tolist())):
            planes.append(InputError(f"the WCS has no finite pixel area at ({x}, {y})"))
        else:
            planes.append(Wcs(float(ra0[row]), float(dec0[row]), *matrix))
    return planes


def has_area(cd1_1: float, cd1_2: float, cd2_1: float, cd2_2: float) -> bool:
    """Whether a pixel of this CD matrix has a finite area on the sky."""
    if not all(map(math.isfinite, (cd1_1, cd1_2, cd2_1, cd2_2))):
        return False
    size = max(abs(cd1_1), abs(cd1_2), abs(cd2_1), abs(cd2_2)) or 1.0
    a, b, c, d = cd1_1 / size, cd1_2 / size, cd2_1 / size, cd2_2 / size
    return abs(a * d - b * c) > _FLAT


def gnomonic(
    ra: FloatArray | float,
    dec: FloatArray | float,
    ra0: FloatArray | float,
    dec0: FloatArray | float,
) -> tuple[FloatArray, FloatArray]:
    """Project on the tangent plane at (ra0, dec0), everything in degrees.

    Points a quarter of the sky away or farther have no projection: NaN.
    """
    lon = np.radians(ra - ra0)
    lat, lat0 = np.radians(dec), np.radians(dec0)
    depth = np.sin(lat) * np.sin(lat0) + np.cos(lat) * np.cos(lat0) * np.cos(lon)
    depth = np.where(depth > 0, depth, np.nan)
    xi = np.cos(lat) * np.sin(lon) / depth
    # The same numerator as sin(lat)cos(lat0) - cos(lat)sin(lat0)cos(lon), without cancellation.
    eta = np.sin(lat - lat0) + 2.0 * np.cos(lat) * np.sin(lat0) * np.sin(lon / 2.0) ** 2
    return np.degrees(xi), np.degrees(eta / depth)


def _sky_function(wcs: ParentWcs) -> SkyFunction:
    """From 0-based pixels to the sky, by what the object offers: astropy is imported if needed."""
    if isinstance(wcs, Wcs):
        raise InputError("a Wcs belongs to one source: give one for each, or the parent's WCS")
    low = getattr(wcs, "low_level_wcs", wcs)
    if hasattr(low, "all_pix2world"):
        from .fitswcs import sky_plane

        return sky_plane(low).sky
    if hasattr(low, "pixel_to_world_values"):
        return _shared_interface(wcs, low)
    if callable(wcs):
        return wcs
    raise InputError(f"wcs must be a WCS or a function from pixels to the sky, not {type(wcs)}")


def _shared_interface(wcs: Any, low: Any) -> SkyFunction:
    """Sky positions through the interfaces that all WCS of APE 14 share."""
    from astropy.coordinates import SkyCoord
    from astropy.wcs.wcsapi import HighLevelWCSWrapper

    if low.pixel_n_dim != 2:
        raise InputError(f"the WCS has {low.pixel_n_dim} pixel axes: slice it to the image's two")
    high = wcs if hasattr(wcs, "pixel_to_world") else HighLevelWCSWrapper(low)

    def sky(x: FloatArray, y: FloatArray) -> Any:
        world = high.pixel_to_world(x, y)
        parts = world if isinstance(world, (list, tuple)) else [world]
        places = [part for part in parts if isinstance(part, SkyCoord)]
        if len(places) != 1:
            raise InputError("the WCS is not celestial: it gives no position on the sky")
        return places[0]

    return sky


def _positions(sky: SkyFunction, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Call a sky function; whatever it raises is an `InputError`, and its answer two arrays."""
    try:
        found = sky(x, y)
        if hasattr(found, "icrs"):
            found = (found.icrs.ra, found.icrs.dec)
        ra, dec = (
            np.asarray(v.to_value("deg") if hasattr(v, "to_value") else v, dtype=np.float64)
            for v in found
        )
    except HstampError:
        raise
    except Exception as exc:  # the caller's function, or another library's WCS
        raise InputError(f"the WCS fails: {as_hstamp_error(exc).reason}") from exc
    if ra.shape != x.shape or dec.shape != x.shape:
        raise InputError(f"the WCS gives {ra.shape} and {dec.shape} positions for {x.shape} pixels")
    return ra, dec
