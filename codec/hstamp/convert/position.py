"""Where the source is in its parent image."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from ..errors import HstampError, InputError, as_hstamp_error
from ..fitswcs import SkyPlane, has_ctype, sky_plane
from ..surveys import Place
from ..tangent import Wcs, gnomonic, has_area, parent_cd
from .wcscards import HeaderWcs, has_wcs, header_wcs, is_wcs_card, read_header_wcs

__all__ = [
    "HeaderWcs",
    "has_wcs",
    "header_wcs",
    "is_source_plane",
    "pixel_of",
    "plain_place",
    "plane_at",
    "read_header_wcs",
]

SAME_PLACE: Final = 1e-8
"""Difference below which two coordinates are one place [deg]; 36 microarcsec."""
_CD: Final = frozenset(f"CD{i}_{j}" for i in (1, 2) for j in (1, 2))
_PC: Final = frozenset(("CDELT1", "CDELT2", *(f"PC{i}_{j}" for i in (1, 2) for j in (1, 2))))
_PLACE: Final = frozenset(("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2"))
_PLAIN: Final = frozenset((*_PLACE, *_CD, *_PC, "LATPOLE"))
"""Cards of a plain tangent plane; LATPOLE says nothing about a zenithal projection."""
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


def plain_place(header: Mapping[str, Any], ra: float, dec: float) -> Place | None:
    """Place of a source in a cutout whose header states it as today's LSST cutouts do.

    Such a header has no CTYPE, CRVAL is the source's position and CRPIX its pixel, see
    `hstamp.fitswcs.has_ctype`; and it has nothing else that bears on the sky but a matrix, CD or
    PC with CDELT. At CRPIX the Jacobian of a tangent plane is its CD matrix itself (Calabretta &
    Greisen 2002, A&A 395, 1077, Sections 2.1.2 and 5.1.3: the projection's native plane has unit
    scale there, and intermediate world coordinates are linear in the pixels), so the numbers of
    the header are those of [PL-7], on every machine.

    Parameters
    ----------
    header : mapping
        Cards of the image, of astropy or of `hstamp.convert.quick`.
    ra, dec : float
        ICRS [deg].

    Returns
    -------
    Place or None
        None where the header is not of this kind, or its source is another.
    """
    cards: dict[str, float] = {}
    try:
        for key, number in header.items():
            if key in _PLAIN:
                if key in cards or type(number) not in (int, float):
                    return None
                cards[key] = float(number)
            elif is_wcs_card(key):
                return None
    except Exception:  # a card that astropy cannot parse: `header_wcs` says what is wrong
        return None
    if header.get("NAXIS") != 2 or header.get("WCSAXES", 2) != 2 or not cards.keys() >= _PLACE:
        return None
    cd = _matrix(cards)
    at, tangent = (cards["CRPIX1"], cards["CRPIX2"]), (cards["CRVAL1"], cards["CRVAL2"])
    if cd is None or not all(map(math.isfinite, (*at, *tangent))) or not has_area(*cd):
        return None
    if not any((*at, *tangent)):
        return None  # an empty WCS
    # At a pole the direction of north hangs on LONPOLE.
    if not (_is_at(*tangent, ra, dec) and abs(tangent[1]) < 90.0):
        return None
    return Place(at[0] - 1.0, at[1] - 1.0, Wcs(tangent[0] % 360.0 % 360.0, tangent[1], *cd))


def _matrix(cards: Mapping[str, float]) -> tuple[float, float, float, float] | None:
    """CD matrix of a header that has either CD or PC; None where it mixes them or has neither."""
    get = cards.get
    if cards.keys() & _CD:
        if cards.keys() & _PC:
            return None
        return get("CD1_1", 0.0), get("CD1_2", 0.0), get("CD2_1", 0.0), get("CD2_2", 0.0)
    x, y = get("CDELT1"), get("CDELT2")
    if x is None or y is None:
        return None
    return (
        x * get("PC1_1", 1.0), x * get("PC1_2", 0.0), y * get("PC2_1", 0.0), y * get("PC2_2", 1.0)
    )  # fmt: skip


def _is_at(ra: float, dec: float, other_ra: float, other_dec: float) -> bool:
    turn = (ra - other_ra + 180.0) % 360.0 - 180.0
    return max(abs(turn), abs(dec - other_dec)) < SAME_PLACE


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
        if _is_at(crval[0], crval[1], ra, dec):
            # The usual case, kept free of rounding: the header states the source's pixel.
            return float(crpix[0]) - 1.0, float(crpix[1]) - 1.0
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", AstropyWarning)
            # astropy's inversion takes the largest of no number where a place is off the sky.
            warnings.simplefilter("ignore", RuntimeWarning)
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
