"""A FITS WCS as a plane of the sky: pixels to ICRS and back.

Nothing here assumes that the first axis is right ascension: axes, units and frame are read from
the WCS (Calabretta & Greisen 2002, A&A 395, 1077, Section 3.1 and Table 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from .errors import HstampError, InputError, as_hstamp_error

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame
    from astropy.wcs import WCS

__all__ = ["SkyPlane", "has_ctype", "sky_plane"]

FloatArray = npt.NDArray[np.float64]

_SAME_SYSTEM: Final = {
    "J2000": ("FK5", 2000.0),
    "J2000.0": ("FK5", 2000.0),
    "B1950": ("FK4", 1950.0),
    "B1950.0": ("FK4", 1950.0),
    "ICRF": ("ICRS", None),
    "ICRF2": ("ICRS", None),
    "ICRF3": ("ICRS", None),
}
"""RADESYS values that the standard does not have and that can only mean one of those it has."""


@dataclass(frozen=True)
class SkyPlane:
    """Two pixel axes on the sky.

    Attributes
    ----------
    wcs : astropy.wcs.WCS
        Two celestial axes, in the order of the image's.
    frame : astropy frame
        Frame of its world coordinates.
    """

    wcs: WCS
    frame: BaseCoordinateFrame

    def sky(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """ICRS right ascension and declination of 0-based pixels [deg]; NaN where none."""
        from astropy.coordinates import ICRS, UnitSphericalRepresentation
        from astropy.units import deg

        lon, lat = self._in_order(*self.wcs.all_pix2world(x, y, 0))
        if isinstance(self.frame, ICRS):
            return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        known = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90.0)
        ra, dec = np.full(np.shape(lon), np.nan), np.full(np.shape(lat), np.nan)
        if known.any():
            places = UnitSphericalRepresentation(lon[known] * deg, lat[known] * deg)
            icrs = self.frame.realize_frame(places).transform_to(ICRS())
            ra[known], dec[known] = icrs.ra.deg, icrs.dec.deg
        return ra, dec

    def world(self, ra: float, dec: float) -> tuple[float, float]:
        """World coordinates of an ICRS position, in the order of the axes [deg]."""
        from astropy.coordinates import ICRS
        from astropy.units import deg

        lon, lat = ra, dec
        if not isinstance(self.frame, ICRS):
            there = ICRS(ra * deg, dec * deg).transform_to(self.frame)
            lon, lat = float(there.spherical.lon.deg), float(there.spherical.lat.deg)
        first, second = self._in_order(lon, lat)
        return float(first), float(second)

    def _in_order(self, first: Any, second: Any) -> tuple[Any, Any]:
        """Exchange world coordinates in the order of the axes with (longitude, latitude)."""
        return (second, first) if self.wcs.wcs.lng == 1 else (first, second)


def has_ctype(wcs: WCS) -> bool:
    """Whether any axis says what it is.

    The WCS of today's LSST cutouts does not. It means a tangent plane, ICRS, that touches the
    sky at the source: CRPIX is the source's 1-based pixel and CRVAL its position.
    """
    return any(str(ctype).strip() for ctype in wcs.wcs.ctype)


def sky_plane(wcs: WCS) -> SkyPlane:
    """Two celestial axes of a WCS and their frame.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Any celestial WCS; further axes (spectral, polarisation) are left out. One of two axes
        without CTYPE is read as `has_ctype` says.

    Raises
    ------
    InputError
        If it has no celestial axes, or they are in a frame that has no place on the sky by itself.
    """
    try:
        plane = _celestial(wcs)
        return SkyPlane(plane, _frame(plane))
    except HstampError:
        raise
    except Exception as exc:  # wcslib's own, for singular or contradictory axes
        raise InputError(f"the WCS is not usable: {as_hstamp_error(exc).reason}") from exc


def _celestial(wcs: WCS) -> WCS:
    if not has_ctype(wcs) and wcs.naxis == 2:
        return _without_ctype(wcs)
    if not wcs.has_celestial:
        raise InputError(f"the WCS is not celestial: CTYPE {list(wcs.wcs.ctype)}")
    return wcs if wcs.naxis == 2 else wcs.celestial


def _without_ctype(wcs: WCS) -> WCS:
    crval, crpix = wcs.wcs.crval, wcs.wcs.crpix
    if not crval.any() and not crpix.any() and np.array_equal(wcs.pixel_scale_matrix, np.eye(2)):
        raise InputError("the WCS is empty: no CTYPE, CRVAL, CRPIX or CD")
    # A copy keeps units and whatever form the matrix has (CD, PC with CDELT, CROTA).
    plane = wcs.deepcopy()
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.radesys = "ICRS"
    plane.wcs.set()
    return plane


def _frame(plane: WCS) -> BaseCoordinateFrame:
    """Frame of two celestial axes: by CTYPE first, then by RADESYS and EQUINOX."""
    from astropy.coordinates import BarycentricMeanEcliptic, Galactic, Supergalactic

    kind = str(plane.wcs.ctype[plane.wcs.lng]).split("-")[0].strip().upper()
    if kind == "GLON":
        return Galactic()
    if kind == "SLON":
        return Supergalactic()
    radesys, equinox = _system(plane)
    if kind == "RA":
        return _equatorial(radesys, equinox)
    if kind == "ELON" and radesys in ("ICRS", "FK5"):
        return BarycentricMeanEcliptic(equinox=_epoch("J", equinox or 2000.0))
    raise InputError(f"the WCS is in a frame that is not handled: CTYPE {kind}, RADESYS {radesys}")


def _system(plane: WCS) -> tuple[str, float | None]:
    """RADESYS and EQUINOX by Section 3.1.1 of the paper, other spellings understood."""
    given = str(plane.wcs.radesys).strip().upper()
    equinox = None if np.isnan(plane.wcs.equinox) else float(plane.wcs.equinox)
    if not given:
        given = "ICRS" if equinox is None else "FK4" if equinox < 1984.0 else "FK5"
    system, implied = _SAME_SYSTEM.get(given, (given, None))
    if implied is not None and equinox not in (None, implied):
        raise InputError(f"the WCS contradicts itself: RADESYS {given}, EQUINOX {equinox}")
    return system, equinox if implied is None else implied


def _equatorial(radesys: str, equinox: float | None) -> BaseCoordinateFrame:
    from astropy.coordinates import FK4, FK5, ICRS, FK4NoETerms

    if radesys == "ICRS":
        return ICRS()
    if radesys == "FK5":
        return FK5(equinox=_epoch("J", equinox or 2000.0))
    if radesys in ("FK4", "FK4-NO-E"):
        frame = FK4 if radesys == "FK4" else FK4NoETerms
        return frame(equinox=_epoch("B", equinox or 1950.0))
    raise InputError(f"RADESYS {radesys[:32]!r} is no system that can be related to ICRS")


def _epoch(kind: str, year: float) -> Any:
    from astropy.time import Time

    if not 1500.0 <= year <= 2500.0:
        raise InputError(f"EQUINOX {year} is no year of an equinox")
    return Time(year, format="jyear" if kind == "J" else "byear")
